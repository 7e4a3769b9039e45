// A load of registrations and password resets while Redis, the mail server and workers are killed at random. What must be
// true at the end: every registration has exactly one mail, nothing is left without an owner, and no answer was a 5xx other
// than 503 with Retry-After.
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePorts, type MailSink, startFleet, startMailSink } from "@dex/testing";
import pg from "pg";
import { type FaultCounts, randomFrom, startFaults } from "../faults-at-random.ts";
import { makeRelyingParty } from "../relying-party.ts";
import { type Ledger, openLedger } from "./ledger.ts";
import { visit } from "./visitor.ts";

export interface AccountLoadOptions {
  readonly seconds: number;
  /** Visitors at the same time. */
  readonly visitors: number;
  readonly faultEverySeconds: number;
  readonly seed: number;
  /** How long a visitor waits for a mail before the next one comes. */
  readonly patienceSeconds: number;
  /** How long to wait at the end for mail that a dead worker had taken; its lease is ten minutes. */
  readonly drainSeconds: number;
  readonly say: (line: string) => void;
}

export interface AccountLoadReport {
  readonly registered: number;
  readonly signedIn: number;
  readonly resets: number;
  readonly kills: FaultCounts;
  readonly statuses: Readonly<Record<string, number>>;
  /** Mails that were accepted a second time with the same Message-ID: a worker died between the 250 and its note. */
  readonly copies: number;
  /** Registrations whose mail a killed worker had taken and that waits for the end of its lease. */
  readonly stillWaiting: number;
  readonly violations: readonly string[];
}

export async function runAccountLoad(options: AccountLoadOptions): Promise<AccountLoadReport> {
  const { say } = options;
  const [port = 0] = await findFreePorts(1);
  const mailServer = await startMailSink(port);
  const fleet = await startFleet({
    say,
    workerEnv: {
      DEX_WORKER_ENABLE_AUTOMATIC_REGISTRATION: "false",
      DEX_WORKER_ENABLE_REGISTRATION: "true",
      DEX_WORKER_SMTP_URL: mailServer.url,
      DEX_WORKER_EMAIL_FROM: "dex@example.com",
    },
  });
  try {
    const ledger = openLedger();
    const party = await makeRelyingParty(fleet.facts);
    const draw = randomFrom(options.seed + 1);
    const deadline = performance.now() + options.seconds * 1000;
    const faults = startFaults({ fleet, mailServer }, { everySeconds: options.faultEverySeconds, seed: options.seed });
    const parts = { facts: fleet.facts, party, mailServer, ledger, patienceSeconds: options.patienceSeconds };
    let number = 0;
    const visitors = Array.from({ length: options.visitors }, async () => {
      while (performance.now() < deadline) {
        number += 1;
        const own = number;
        await visit(own, draw() < 0.4, parts).catch((error: unknown) => noteFailure(ledger, own, error));
      }
    });
    const progress = setInterval(() => say(describe(ledger, faults.counts)), 15_000);
    await sleep(options.seconds * 1000);
    await faults.stop();
    await Promise.all(visitors);
    clearInterval(progress);
    const state = await settle(fleet.facts.databaseUrl, options.drainSeconds);
    const found = compare(ledger, mailServer, state);
    return {
      registered: ledger.registered.size,
      signedIn: ledger.signedIn.size,
      resets: ledger.resets.done,
      kills: faults.counts,
      statuses: Object.fromEntries(ledger.statuses),
      ...found,
      violations: [...ledger.violations, ...found.violations],
    };
  } finally {
    await fleet.stop();
    await mailServer.close();
  }
}

/** A mail that waits for the lease of a dead worker is late, not lost: the comparison at the end tells the two apart. */
function noteFailure(ledger: Ledger, number: number, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  if (!message.startsWith("no mail to")) ledger.violations.push(`visitor ${number}: ${message}`);
}

function describe(ledger: Ledger, kills: FaultCounts): string {
  const killed = `killed: Redis ${kills.redis}, mail server ${kills.mailServer}, workers ${kills.workers}`;
  return `registered ${ledger.registered.size}, signed in ${ledger.signedIn.size}, resets ${ledger.resets.done}; ${killed}; violations ${ledger.violations.length}`;
}

interface EndState {
  /** Addresses with a mail that is promised and not yet sent. */
  readonly waiting: ReadonlySet<string>;
  readonly dead: readonly string[];
  readonly orphans: readonly string[];
}

const WAITING = `SELECT COALESCE(o.email, u.email) AS email FROM outbox o LEFT JOIN app_user u ON u.id = o.user_id
  WHERE o.sent_at IS NULL AND o.dead_at IS NULL`;
const DEAD =
  "SELECT kind || ': ' || COALESCE(last_error, '') AS what FROM outbox WHERE dead_at IS NOT NULL AND NOT discarded";
/** Foreign keys hold most of it; these are the rules that no key can hold. */
const ORPHANS = `
  SELECT 'user without a way to sign in: ' || u.id AS what FROM app_user u
    WHERE NOT EXISTS (SELECT FROM remote_identity r WHERE r.user_id = u.id)
  UNION ALL SELECT 'local identity without a password: ' || r.user_id FROM remote_identity r
    WHERE r.remote_id = r.user_id AND NOT EXISTS (SELECT FROM password p WHERE p.user_id = r.user_id)
  UNION ALL SELECT 'registration of an address that is a user''s: ' || g.id FROM registration g
    JOIN app_user u ON u.email = g.email
  UNION ALL SELECT 'session of nobody' FROM session s WHERE NOT EXISTS (SELECT FROM app_user u WHERE u.id = s.user_id)`;

/** Waits until no mail is due any more, or time is up. */
async function settle(databaseUrl: string, seconds: number): Promise<EndState> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    for (const deadline = performance.now() + seconds * 1000; ; await sleep(500)) {
      const { rows } = await client.query<{ email: string }>(WAITING);
      if (rows.length > 0 && performance.now() < deadline) continue;
      const dead = await client.query<{ what: string }>(DEAD);
      const orphans = await client.query<{ what: string }>(ORPHANS);
      return {
        waiting: new Set(rows.map(({ email }) => email)),
        dead: dead.rows.map(({ what }) => what),
        orphans: orphans.rows.map(({ what }) => what),
      };
    }
  } finally {
    await client.end();
  }
}

function compare(ledger: Ledger, { accepted }: MailSink, state: EndState) {
  const confirmations = accepted.filter((mail) => mail.link?.includes("/verify-email?") === true);
  const idsOf = new Map<string, Set<string>>();
  for (const { to, messageId } of confirmations) idsOf.set(to, (idsOf.get(to) ?? new Set()).add(messageId));
  const violations = [...state.orphans, ...state.dead.map((what) => `given up: ${what}`)];
  let stillWaiting = 0;
  for (const email of ledger.registered) {
    const mails = idsOf.get(email)?.size ?? 0;
    if (mails === 0 && state.waiting.has(email)) stillWaiting += 1;
    else if (mails !== 1) violations.push(`${email} registered and got ${mails} verification mails`);
  }
  const copies = accepted.length - new Set(accepted.map(({ messageId }) => messageId)).size;
  return { copies, stillWaiting, violations };
}
