// A migrated database with one user, one client and mail promised to them, and deliverers at work on it.
import { type LogFields, type Logger, Secret, silentLogger } from "@dex/runtime";
import { migrate, openStorage, type Storage } from "@dex/storage";
import { type HandSetClock, makeHandSetClock, openTestDatabase } from "@dex/testing";
import pg from "pg";
import {
  type Delivery,
  type DeliveryParts,
  type LinkFor,
  type MailTransport,
  type OpenPasswordReset,
  type Outbox,
  openSmtpTransport,
  parseMailAddress,
  parseSmtpUrl,
  startDelivery,
} from "../src/index.ts";

export const USER = { id: "canary-user-id", email: "canary.jane@example.com", clientId: "canary-client-id" };

export interface OutboxRow {
  readonly id: string;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly sent_at: Date | null;
  readonly dead_at: Date | null;
  readonly discarded: boolean;
}

/** Tokens of mailed links begin so in these tests, and must be found nowhere but in a mail (LOG-1). */
export const LINK_CANARY = "canary-link-token";

export const linkFor: LinkFor = (purpose, id) =>
  new URL(`https://id.example.com/dex/${purpose.replaceAll(" ", "-")}?token=${LINK_CANARY}-${id}`);

/** A pool of connections to the server at this URL. */
export function openSmtp(url: string): MailTransport {
  const server = parseSmtpUrl(url);
  if (server === undefined) throw new Error(`${url} is no URL of a mail server`);
  return openSmtpTransport(server);
}

export interface OutboxWorld {
  readonly clock: HandSetClock;
  readonly databaseUrl: string;
  readonly outbox: Outbox;
  /** What deliverers logged, at all levels. */
  readonly lines: string[];
  /** Promises so many mails, due now, and returns the ids of their rows. */
  promise(count: number): Promise<string[]>;
  rows(): Promise<OutboxRow[]>;
  /** SQL as a superuser. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Promises one mail of a kind, due now, with these columns. */
  promiseKind(kind: string, columns: Readonly<Record<string, unknown>>): Promise<string>;
  /** Registrations of so many people with addresses of their own, each with its mail; returns the ids of the mails. */
  register(count: number): Promise<string[]>;
  /** What a reset mail finds out about its address: the storage's, until set. */
  passwordReset: OpenPasswordReset;
  deliver(options: Partial<DeliveryParts> & { smtp?: string; redisUrl?: Secret<string> }): Delivery;
  close(): Promise<void>;
}

export async function openOutboxWorld(): Promise<OutboxWorld> {
  const database = await openTestDatabase(migrateForTests);
  const url = new Secret(database.url);
  const storage: Storage = openStorage({
    url,
    applicationName: "dex email test",
    namedStatements: true,
    logger: silentLogger,
  });
  const superuser = new pg.Pool({ connectionString: database.url, max: 2 });
  superuser.on("error", () => undefined);
  const query: OutboxWorld["query"] = async <Row extends pg.QueryResultRow>(
    sql: string,
    values: readonly unknown[] = [],
  ) => (await superuser.query<Row>(sql, [...values])).rows;
  const clock = makeHandSetClock();
  const lines: string[] = [];
  const closing: (() => Promise<void>)[] = [];
  await query("INSERT INTO app_user (id, email, email_verified, created_at) VALUES ($1, $2, true, $3)", [
    USER.id,
    USER.email,
    clock.now(),
  ]);
  const world: OutboxWorld = {
    clock,
    databaseUrl: database.url,
    outbox: storage.outbox,
    lines,
    query,
    promise: async (count) => {
      const rows = await query<{ id: string }>(
        `INSERT INTO outbox (kind, cause, user_id, client_id, occurred_at, due_at)
        SELECT 'refresh-token-replayed', gen_random_uuid(), $1, $2, $3, $3 FROM generate_series(1, $4) RETURNING id`,
        [USER.id, USER.clientId, clock.now(), count],
      );
      return rows.map(({ id }) => id);
    },
    promiseKind: async (kind, columns) => {
      const row = Object.entries({ kind, occurred_at: clock.now(), due_at: clock.now(), ...columns });
      const places = row.map((_, index) => `$${index + 1}`);
      const [made] = await query<{ id: string }>(
        `INSERT INTO outbox (cause, ${row.map(([name]) => name)}) VALUES (gen_random_uuid(), ${places}) RETURNING id`,
        row.map(([, value]) => value),
      );
      return made?.id ?? "";
    },
    register: async (count) => {
      const rows = await query<{ id: string }>(
        `WITH kept AS (
          INSERT INTO registration (id, email, connector_id, password_hash, browser_hash, created_at, expires_at)
          SELECT gen_random_uuid(), 'person-' || n || '@example.com', 'local', 'hash', sha256('browser'), $1,
            $1::timestamptz + interval '1 day'
          FROM generate_series(1, $2) AS n RETURNING id, email
        )
        INSERT INTO outbox (kind, cause, email, link_id, occurred_at, due_at)
        SELECT 'confirm-registration', id::text, email, id, $1, $1 FROM kept RETURNING id`,
        [clock.now(), count],
      );
      return rows.map(({ id }) => id);
    },
    passwordReset: storage.accountLinks.openPasswordReset,
    rows: () =>
      query<OutboxRow>("SELECT id, attempts, last_error, sent_at, dead_at, discarded FROM outbox ORDER BY id"),
    deliver({ smtp = "smtp://127.0.0.1:9", redisUrl, ...more }) {
      const from = parseMailAddress("noreply@id.example.com");
      if (from === undefined) throw new Error("the sender is no address");
      const transport = more.transport ?? openSmtp(smtp);
      const delivery = startDelivery({
        outbox: storage.outbox,
        from,
        linkFor,
        openPasswordReset: (...asked) => world.passwordReset(...asked),
        brand: { issuerName: "Example Accounts", issuer: new URL("https://id.example.com/dex") },
        redis: redisUrl && { url: redisUrl },
        logger: collect(lines),
        clock: clock.now,
        pollSeconds: 0.05,
        ...more,
        transport,
      });
      const close = async () => {
        await delivery.close();
        await transport.close();
      };
      closing.push(close);
      return { close };
    },
    async close() {
      await Promise.all(closing.map((close) => close()));
      await storage.close();
      await superuser.end();
      await database.close();
    },
  };
  return world;
}

function collect(lines: string[]): Logger {
  const at = (level: string) => (event: string, fields?: LogFields) =>
    void lines.push(`${level}: ${event} ${JSON.stringify(fields)}`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

async function migrateForTests(url: string): Promise<void> {
  await migrate({ url: new Secret(url), logger: silentLogger });
}
