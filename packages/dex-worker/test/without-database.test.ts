// What every endpoint does while the database is away or does not answer, and once it is back: "ask of every write".
import { queryDatabase } from "@dex/testing";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type EveryRequest, openEveryRequest, type Send } from "./every-request.ts";

let every: EveryRequest;
beforeAll(async () => {
  every = await openEveryRequest();
});
afterAll(() => every?.close());

/** What a request is answered with once the database is back, where that is not 200; a redirect was followed or is the answer. */
const OTHERWISE: Readonly<Record<string, number>> = {
  "a wrong password": 401,
  "a device that waits": 400,
  "waiting for a person": 400,
  "a pushed request": 201,
  "a pushed request, with an assertion": 201,
  "a pushed request of a client that nobody registered": 201,
  "a client that registers itself": 201,
  "a client that deletes itself": 204,
  "an administrator who says yes": 204,
  "an administrator who says no": 204,
  "/auth with a session": 303,
  "/auth with a pushed request and a session": 303,
};

/** What asks nothing of the database, and goes on without it. */
const GOES_ON: ReadonlySet<string> = new Set([
  ...["client credentials", "a JWT that may be used again", "introspection of what nobody issued", "a pushed request"],
  ...["/dex/.well-known/openid-configuration", "/dex/.well-known/oauth-authorization-server", "/dex/keys"],
  ...["/.well-known/oauth-authorization-server/dex", "/.well-known/openid-configuration/dex"],
  ...["/.well-known/oauth-protected-resource/dex/userinfo", "/.well-known/oauth-protected-resource/dex/api/v1"],
  ...["/dex/health/live", "/dex/device"],
]);

interface Told {
  readonly status: number;
  readonly retryAfter: boolean;
  readonly inTime: boolean;
}

async function tell(send: Send, withinMilliseconds: number): Promise<Told> {
  const startedAt = performance.now();
  const { status, headers } = await send();
  const inTime = performance.now() - startedAt < withinMilliseconds;
  return { status, retryAfter: /^[1-9]\d*$/.test(headers.get("retry-after") ?? ""), inTime };
}

const prepareAll = async (): Promise<readonly (readonly [string, Send])[]> => {
  const sends: [string, Send][] = [];
  for (const [what, prepare] of Object.entries(every.prepare)) sends.push([what, await prepare()]);
  return sends;
};
const tellAll = async (sends: readonly (readonly [string, Send])[], withinMilliseconds: number) =>
  Object.fromEntries(
    await Promise.all(sends.map(async ([what, send]) => [what, await tell(send, withinMilliseconds)] as const)),
  );

const statusOf = (what: string) => OTHERWISE[what] ?? 200;
const away = (what: string): Told => ({
  ...(GOES_ON.has(what) ? { status: statusOf(what), retryAfter: false } : { status: 503, retryAfter: true }),
  inTime: true,
});
const back = (what: string): Told => ({ status: statusOf(what), retryAfter: false, inTime: true });
const each = (sends: readonly (readonly [string, Send])[], expected: (what: string) => Told) =>
  Object.fromEntries(sends.map(([what]) => [what, expected(what)]));

test("without the database every endpoint says 503 and when to come back, or needs it not; the same requests succeed once it is there again (REV-3)", {
  timeout: 120_000,
}, async () => {
  const sends = await prepareAll();
  const name = new URL(every.worker.databaseUrl).pathname.slice(1);
  const asAdmin = (sql: string) => queryDatabase(inject("postgresAdminUrl"), sql);
  await asAdmin(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  try {
    await asAdmin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
    // Three at once: an answer must not depend on what was known from the one before.
    for (let round = 0; round < 3; round++) expect(await tellAll(sends, 4_000)).toEqual(each(sends, away));
  } finally {
    await asAdmin(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  }
  await queryDatabase(every.worker.databaseUrl, "DELETE FROM attempt_count");
  const answers: Record<string, Told> = {};
  for (const [what, send] of sends) answers[what] = await tell(send, 5_000);
  expect(answers).toEqual(each(sends, back));
});

test("while every table is locked no endpoint waits longer than its statements may", { timeout: 120_000 }, async () => {
  const sends = await prepareAll();
  const holder = new pg.Client({ connectionString: every.worker.databaseUrl });
  await holder.connect();
  try {
    const { rows } = await holder.query<{ name: string }>(
      "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'",
    );
    await holder.query(`BEGIN; LOCK TABLE ${rows.map(({ name }) => name).join(", ")} IN ACCESS EXCLUSIVE MODE`);
    expect(await tellAll(sends, 7_000)).toEqual(each(sends, away));
  } finally {
    await holder.end();
  }
});
