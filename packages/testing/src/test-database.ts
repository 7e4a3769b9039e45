import { createHash, randomBytes } from "node:crypto";
import pg from "pg";

/** Migrates the empty database at `url`, and closes its connections before it resolves. */
export type Migrate = (url: string) => Promise<void>;

export interface TestDatabase {
  readonly url: string;
  /** Drops the database, whoever is still connected to it. */
  close(): Promise<void>;
}

// "dext" in ASCII: the advisory lock under which a run makes its templates.
const TEMPLATE_LOCK = 0x64_65_78_74;

/**
 * A database of one's own: a copy of a template that `migrate` has filled. The template is made once per run, by whoever
 * comes first; functions with the same source text share one. Needs the vitest run of vitest-postgres.ts.
 */
export async function openTestDatabase(migrate: Migrate): Promise<TestDatabase> {
  // Imported here: programs outside vitest may import this package, and vitest refuses to load there.
  const { inject } = await import("vitest");
  const adminUrl = inject("postgresAdminUrl");
  const runId = inject("postgresRunId");
  const text = createHash("sha256").update(migrate.toString()).digest("hex").slice(0, 8);
  const template = `dex_${runId}_template_${text}`;
  const name = `dex_${runId}_${randomBytes(6).toString("hex")}`;
  await asAdmin(adminUrl, async (admin) => {
    await admin.query("SELECT pg_advisory_lock($1)", [TEMPLATE_LOCK]);
    await ensureTemplate(admin, template, () => migrate(urlOf(adminUrl, template)));
    await admin.query("SELECT pg_advisory_unlock($1)", [TEMPLATE_LOCK]);
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  });
  return {
    url: urlOf(adminUrl, name),
    close: () =>
      asAdmin(adminUrl, async (admin) => {
        await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      }),
  };
}

/** Drops every database that a run has left on a server that outlives it. */
export async function dropDatabasesOf(adminUrl: string, runId: string): Promise<void> {
  await asAdmin(adminUrl, async (admin) => {
    const pattern = `dex\\_${runId}\\_%`;
    const { rows } = await admin.query<{ datname: string }>("SELECT datname FROM pg_database WHERE datname LIKE $1", [
      pattern,
    ]);
    for (const { datname } of rows) {
      await admin.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(datname)} WITH (FORCE)`);
    }
  });
}

/** A template takes no connections, so one that does was never finished. */
async function ensureTemplate(admin: pg.Client, template: string, fill: () => Promise<void>): Promise<void> {
  const { rows } = await admin.query<{ datallowconn: boolean }>(
    "SELECT datallowconn FROM pg_database WHERE datname = $1",
    [template],
  );
  if (rows[0]?.datallowconn === false) return;
  await admin.query(`DROP DATABASE IF EXISTS ${template} WITH (FORCE)`);
  await admin.query(`CREATE DATABASE ${template} TEMPLATE template0`);
  await fill();
  await admin.query(`ALTER DATABASE ${template} ALLOW_CONNECTIONS false`);
}

async function asAdmin<T>(url: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

function urlOf(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}
