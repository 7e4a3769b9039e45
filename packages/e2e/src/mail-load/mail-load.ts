// A queue of mails that must all go out, once, while the mail server fails at random and everything around it is killed.
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePorts, type MailSink, type SinkAnswer, startFleet, startMailSink } from "@dex/testing";
import pg from "pg";
import { type FaultCounts, randomFrom, startFaults } from "../faults-at-random.ts";

export interface MailLoadOptions {
  readonly mails: number;
  /** The share of mails that the server answers badly: each in four of them is slow, two are refused, one gets no answer. */
  readonly trouble: number;
  readonly faultEverySeconds: number;
  readonly seed: number;
  /** When to give up waiting. Mail without an answer, or in the hands of a dead worker, comes again after ten minutes. */
  readonly seconds: number;
  readonly say: (line: string) => void;
}

export interface MailLoadReport {
  readonly promised: number;
  /** Accepted by the server, each counted once. */
  readonly accepted: number;
  /** Accepted a second time, with the same Message-ID. */
  readonly copies: number;
  /** Still on their way when time was up. */
  readonly waiting: number;
  /** Neither accepted nor on their way: must be none. */
  readonly lost: number;
  readonly dead: number;
  readonly kills: FaultCounts;
  readonly seconds: number;
}

export async function runMailLoad(options: MailLoadOptions): Promise<MailLoadReport> {
  const { mails, say } = options;
  const draw = randomFrom(options.seed + 1);
  const [port = 0] = await findFreePorts(1);
  const mailServer = await startMailSink(port, () => answerOf(draw(), options.trouble));
  const workerEnv = { DEX_WORKER_SMTP_URL: mailServer.url, DEX_WORKER_EMAIL_FROM: "dex@example.com" };
  const fleet = await startFleet({ workers: 2, workerEnv, say });
  try {
    await promiseMails(fleet.facts.databaseUrl, mails);
    const startedAt = performance.now();
    const elapsed = () => (performance.now() - startedAt) / 1000;
    const { faultEverySeconds, seed } = options;
    const faults = startFaults({ fleet, mailServer }, { everySeconds: faultEverySeconds, seed, postgresToo: "yes" });
    const arrived = () => new Set(mailServer.accepted.map(({ messageId }) => messageId)).size;
    for (let told = 0; arrived() < mails && elapsed() < options.seconds; await sleep(500)) {
      if (elapsed() - told < 15) continue;
      told = elapsed();
      say(`accepted ${arrived()} of ${mails}; killed: ${JSON.stringify(faults.counts)}`);
    }
    await faults.stop();
    const state = await readQueue(fleet.facts.databaseUrl, mailServer);
    return { promised: mails, ...state, kills: faults.counts, seconds: Math.round(elapsed()) };
  } finally {
    await fleet.stop();
    await mailServer.close();
  }
}

function answerOf(chance: number, trouble: number): SinkAnswer {
  if (chance >= trouble) return "accept";
  const quarter = Math.floor((chance / trouble) * 4);
  return (["slow", "refuse", "refuse", "drop"] as const)[quarter] ?? "accept";
}

/** A user for each mail, so that the recipient tells which one it is. */
async function promiseMails(databaseUrl: string, count: number): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await client.query(
      `INSERT INTO app_user (id, email, email_verified, created_at)
       SELECT 'mail-' || n, 'mail-' || n || '@example.com', true, now() FROM generate_series(1, $1::int) AS n`,
      [count],
    );
    await client.query(
      `INSERT INTO outbox (kind, cause, user_id, occurred_at, due_at)
       SELECT 'password-changed', 'load ' || n, 'mail-' || n, now(), now() FROM generate_series(1, $1::int) AS n`,
      [count],
    );
  });
}

async function readQueue(databaseUrl: string, { accepted }: MailSink) {
  const recipients = new Set(accepted.map(({ to }) => to));
  const ids = new Set(accepted.map(({ messageId }) => messageId));
  return withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ email: string; waiting: boolean; dead: boolean }>(
      `SELECT u.email, (o.sent_at IS NULL AND o.dead_at IS NULL) AS waiting, (o.dead_at IS NOT NULL) AS dead
       FROM outbox o JOIN app_user u ON u.id = o.user_id WHERE o.cause LIKE 'load %'`,
    );
    const missing = rows.filter(({ email }) => !recipients.has(email));
    return {
      accepted: recipients.size,
      copies: accepted.length - ids.size,
      waiting: missing.filter(({ waiting }) => waiting).length,
      lost: missing.filter(({ waiting, dead }) => !waiting && !dead).length,
      dead: rows.filter(({ dead }) => dead).length,
    };
  });
}

async function withClient<T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
