// The refresher alone, on stored grants: connectors whose answers are set by hand, and a clock that is.
import { randomBytes } from "node:crypto";
import type { Connector, LoginOutcome, UpstreamRefresh } from "@dex/connectors";
import { addSeconds, Secret, systemRandom } from "@dex/runtime";
import { queryDatabase } from "@dex/testing";
import { newUserId } from "@dex/users";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { ConnectorEntry } from "../src/live/connector-set.ts";
import { makeUpstreamGrantSealer } from "../src/login/upstream-grant-sealer.ts";
import { makeUpstreamRefresher } from "../src/login/upstream-refresher.ts";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const START = new Date("2031-01-01T00:00:00Z");
let worker: TestWorker;
let salt: Buffer;
beforeAll(async () => {
  worker = await openTestWorker();
  ({ salt } = await worker.storage.installation.read());
});
afterAll(() => worker.close());

const oldSecret = new Secret(randomBytes(32));
const newSecret = new Secret(randomBytes(32));
const sealerOf = (...secrets: Secret<Buffer>[]) => makeUpstreamGrantSealer({ secrets, salt, random: systemRandom });

let userId: string;
let log: string[];
let now: Date;
beforeEach(async () => {
  userId = newUserId(systemRandom);
  log = [];
  now = addSeconds(START, 60);
  const user = {
    id: userId,
    email: `${userId}@example.com`,
    emailVerified: true,
    displayName: undefined,
    admin: false,
  };
  await worker.storage.users.createLocal({ ...user, createdAt: START }, "hash", "local", ACTOR);
  const until = { createdAt: START, idleExpiresAt: addSeconds(START, 600), expiresAt: addSeconds(START, 600) };
  const said = { amr: [], asked: ["offline_access"], groups: undefined, preferredUsername: undefined } as const;
  await worker.storage.signIns.signIn({
    session: {
      hash: randomBytes(32),
      userId,
      connectorId: "local",
      authTime: START,
      userAgent: undefined,
      ...said,
      ...until,
    },
    code: undefined,
    replaces: undefined,
    rightPassword: undefined,
    upstreamGrant: { remoteId: userId, sealed: sealed({ token: "first" }) },
  });
});

const of = () => ({ userId, connectorId: "local", remoteId: userId, upstream: "here" });
function sealed(grant: { token: string }, secret = newSecret): Buffer {
  return sealerOf(secret).seal(of(), grant) ?? expect.fail("too large");
}
async function stored(): Promise<{ grant: unknown; outcome: string | undefined; lease: string | null | undefined }> {
  const [row] = await queryDatabase<{ sealed: Buffer; outcome: string; lease: string | null }>(
    worker.databaseUrl,
    `SELECT sealed, outcome, lease FROM upstream_grant WHERE user_id = '${userId}'`,
  );
  const grant = row && sealerOf(newSecret, oldSecret).open(of(), row.sealed)?.grant;
  return { grant, outcome: row?.outcome, lease: row?.lease };
}

/** Asks through a connector that answers with `refresh`; undefined cannot be opened. */
function ask(
  refresh: Connector["refresh"] | "not there" | undefined,
  {
    secrets = [newSecret],
    advance = 0,
    upstream = "here",
  }: { secrets?: Secret<Buffer>[]; advance?: number; upstream?: string } = {},
) {
  const login = { kind: "password", loginLabel: "name", verify: async () => expect.fail("not used here") } as const;
  const connector: Connector | undefined =
    refresh === "not there"
      ? undefined
      : { id: "local", type: "local", displayName: "Local", login, ...(refresh && { refresh }) };
  const rest = {
    redirectUri: undefined,
    upstream,
    grantTypes: undefined,
    emailDomains: [],
    gives: [],
    offlineAccess: true,
  } as const;
  const entry: ConnectorEntry = { id: "local", displayName: "Local", connector, ...rest };
  const write = (level: string) => (event: string, fields?: unknown) =>
    void log.push(`${level} ${event} ${JSON.stringify(fields)}`);
  const refresher = makeUpstreamRefresher({
    connectors: { all: () => [entry], find: () => entry, replace: () => undefined },
    grants: worker.storage.upstreamGrants,
    sealer: sealerOf(...secrets),
    clock() {
      now = addSeconds(now, advance);
      return now;
    },
    random: systemRandom,
    logger: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
  });
  return refresher.revalidate({ userId, connectorId: "local" }, now);
}

const identity = (remoteId = userId) => ({
  connectorId: "local",
  ...{ remoteId, email: undefined, emailVerified: false, displayName: undefined, preferredUsername: undefined },
  ...{ groups: undefined, authTime: undefined, amr: [] },
});
const proved = (grant?: { token: string }): LoginOutcome => ({
  kind: "identity",
  identity: identity(),
  ...(grant && { grant }),
});

test("the connector is handed what it gave, and what it gives now is kept", async () => {
  const seen: UpstreamRefresh[] = [];
  const answer = await ask(async (input) => {
    seen.push(input);
    return proved({ token: "second" });
  });
  expect(answer).toEqual({ kind: "good", checkedAt: now });
  expect(seen).toMatchObject([
    { grant: { token: "first" }, remoteId: userId, asked: { groups: false, offlineAccess: true } },
  ]);
  expect(await stored()).toEqual({ grant: { token: "second" }, outcome: "good", lease: null });
});

test("a rotated grant is kept even when asking fails afterwards (C 19)", async () => {
  const answer = await ask(async ({ keep }) => {
    await keep({ token: "rotated" });
    return { kind: "unavailable", detail: "gone in between" };
  });
  expect(answer).toMatchObject({ kind: "unavailable" });
  expect(await stored()).toEqual({ grant: { token: "rotated" }, outcome: "good", lease: null });
});

test("what was sealed under an older key secret is sealed anew, but never in place of a rotated one", async () => {
  await queryDatabase(
    worker.databaseUrl,
    `UPDATE upstream_grant SET sealed = '\\x${sealed({ token: "first" }, oldSecret).toString("hex")}' WHERE user_id = '${userId}'`,
  );
  const both = { secrets: [newSecret, oldSecret] };
  await ask(async ({ keep }) => {
    await keep({ token: "rotated" });
    return proved();
  }, both);
  expect((await stored()).grant).toEqual({ token: "rotated" });
  expect(await ask(async () => proved(), { secrets: [newSecret] })).toMatchObject({ kind: "good" });
});

const answers: readonly { what: string; outcome: LoginOutcome; kind: string; level: string }[] = [
  {
    what: "a refusal",
    outcome: { kind: "refused", reason: "not permitted", detail: "left" },
    kind: "refused",
    level: "info",
  },
  {
    what: "somebody else",
    outcome: { kind: "identity", identity: identity("another") },
    kind: "refused",
    level: "",
  },
  { what: "an outage", outcome: { kind: "unavailable", detail: "down" }, kind: "unavailable", level: "warn" },
  { what: "too much", outcome: { kind: "throttled", retryAfterSeconds: 9 }, kind: "unavailable", level: "" },
];
test.each(answers)("$what is $kind, and the lease is given back (REF-13)", async ({ outcome, kind, level }) => {
  const answer = await ask(async () => outcome);
  expect(answer.kind).toBe(kind);
  if (outcome.kind === "throttled") expect(answer).toMatchObject({ retryAfterSeconds: 9 });
  expect(await stored()).toMatchObject({ outcome: kind === "refused" ? "refused" : "good", lease: null });
  expect(log.map((line) => line.split(" ")[0])).toEqual(level === "" ? [] : [level]);
});

test("a connector that fails in an unforeseen way is unavailable, and an operator hears of it", async () => {
  const answer = await ask(async () => {
    throw new TypeError("a mistake of ours");
  });
  expect(answer).toMatchObject({ kind: "unavailable" });
  expect(log[0]).toMatch(/^error upstream refresh failed /);
  expect((await stored()).lease).toBeNull();
});

test("a connector that cannot be opened is unavailable; one that was told not to refresh changes nothing", async () => {
  expect(await ask("not there")).toMatchObject({ kind: "unavailable" });
  now = addSeconds(now, 1);
  expect(await ask(undefined)).toMatchObject({ kind: "good" });
  expect((await stored()).grant).toEqual({ token: "first" });
});

test("what no key secret opens is refused, so that a new sign-in brings another", async () => {
  expect(await ask(async () => proved(), { secrets: [oldSecret] })).toMatchObject({ kind: "refused" });
  expect(log[0]).toContain("sealed under another key secret");
});

test("what one upstream gave is not shown to another that took the connector's id", async () => {
  const answer = await ask(async () => expect.fail("its token was sent elsewhere"), { upstream: "elsewhere" });
  expect(answer).toMatchObject({ kind: "refused" });
});

test("whoever waits for another worker's answer gives up after a while, as unavailable", async () => {
  const lease = { id: "00000000-0000-4000-8000-00000000cafe", until: addSeconds(START, 3600) };
  await worker.storage.upstreamGrants.lease({ userId, connectorId: "local" }, lease, now, now);
  const answer = await ask(async () => expect.fail("it is another's turn"), { advance: 5 });
  expect(answer).toMatchObject({ kind: "unavailable", retryAfterSeconds: 5 });
});

test("what another worker learned since the request began counts, whatever it was", async () => {
  const { upstreamGrants } = worker.storage;
  const owner = { userId, connectorId: "local" };
  const since = now;
  for (const settlement of [{ kind: "unavailable" }, { kind: "refused", gone: false }] as const) {
    const lease = { id: "00000000-0000-4000-8000-00000000cafe", until: addSeconds(now, 30) };
    await upstreamGrants.lease(owner, lease, addSeconds(now, 1), now);
    await upstreamGrants.settle(owner, lease.id, settlement, addSeconds(now, 1));
    now = since;
    expect((await ask(async () => expect.fail("it was asked already"))).kind).toBe(settlement.kind);
    now = addSeconds(since, 2);
  }
});
