// A migrated database with one user, one client and mail promised to them, and deliverers at work on it.
import { type Clock, type LogFields, type Logger, Secret, silentLogger } from "@dex/runtime";
import { migrate, openStorage, type Storage } from "@dex/storage";
import { type HandSetClock, makeHandSetClock, openTestDatabase } from "@dex/testing";
import pg from "pg";
import { type Delivery, type Outbox, openSmtpTransport, parseMailAddress, startDelivery } from "../src/index.ts";

export const USER = { id: "canary-user-id", email: "canary.jane@example.com", clientId: "canary-client-id" };

export interface OutboxRow {
  readonly id: string;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly sent_at: Date | null;
  readonly dead_at: Date | null;
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
  deliver(options: { smtp: string; redis?: Secret<string>; outbox?: Outbox; clock?: Clock }): Delivery;
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
  return {
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
    rows: () => query<OutboxRow>("SELECT id, attempts, last_error, sent_at, dead_at FROM outbox ORDER BY id"),
    deliver({ smtp, redis, ...more }) {
      const from = parseMailAddress("noreply@id.example.com");
      if (from === undefined) throw new Error("the sender is no address");
      const transport = openSmtpTransport(new Secret(smtp));
      const delivery = startDelivery({
        outbox: storage.outbox,
        transport,
        from,
        brand: { issuerName: "Example Accounts", issuer: new URL("https://id.example.com/dex") },
        redis: redis && { url: redis },
        logger: collect(lines),
        clock: clock.now,
        pollSeconds: 0.05,
        ...more,
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
}

function collect(lines: string[]): Logger {
  const at = (level: string) => (event: string, fields?: LogFields) =>
    void lines.push(`${level}: ${event} ${JSON.stringify(fields)}`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

async function migrateForTests(url: string): Promise<void> {
  await migrate({ url: new Secret(url), logger: silentLogger });
}
