import {
  DEVICE_CASES,
  DEVICE_CASES_NOW,
  DEVICE_REQUEST_LIMITS,
  type DeviceCase,
  type DeviceCodeRedemption,
  decideDevicePoll,
  ENTRY_LIMITS,
  type NewDeviceRequest,
  type Session,
} from "@dex/oidc";
import { addSeconds, Secret, sha256, silentLogger } from "@dex/runtime";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openLeadership, openStorage } from "../src/index.ts";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import {
  ACTOR,
  type Cast,
  fresh,
  freshUuid,
  makeCast,
  makeClientRow,
  makeSessionRow,
  makeUserRow,
  NOW,
} from "./rows.ts";

let opened: TestStorage;
let cast: Cast;
beforeAll(async () => {
  opened = await openTestStorage();
  cast = await makeCast(opened);
});
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.query("TRUNCATE device_request, attempt_count");
});

const TARGETS = {
  resources: [{ identifier: "https://api.example/", scope: ["read"] }],
  authorizationDetails: [{ type: "payment", creditor: "Ada" }],
};
const devices = () => opened.storage.devices;

function newRequest(more: Partial<NewDeviceRequest> = {}): NewDeviceRequest {
  const number = fresh();
  return {
    deviceCodeHash: sha256(`device code ${number}`),
    userCodeHashes: { short: sha256(`short ${number}`), long: sha256(`long ${number}`) },
    clientId: cast.client.id,
    scope: ["openid", "offline_access"],
    targets: {},
    codeChallenge: undefined,
    expiresAt: addSeconds(NOW, 600),
    ...more,
  };
}

async function store(more: Partial<NewDeviceRequest> = {}, now = NOW): Promise<NewDeviceRequest> {
  const request = newRequest(more);
  expect(await devices().create(request, DEVICE_REQUEST_LIMITS, now)).toEqual({ kind: "stored", length: "short" });
  return request;
}

/** A browser that is signed in. */
async function openSession(user: Cast["user"] = cast.user): Promise<Session> {
  const session = makeSessionRow({ ...cast, user });
  await opened.storage.signIns.signIn({ session, code: undefined, replaces: undefined, rightPassword: undefined });
  const found = await opened.storage.signIns.findSession(session.hash, cast.client.id, NOW, 3_600);
  if (found === undefined) throw new Error("expected a session");
  return found;
}

async function decide(
  request: NewDeviceRequest,
  session: Session,
  decision: "approved" | "denied" = "approved",
  now = NOW,
) {
  const { clientId, scope, targets } = request;
  return devices().decide([request.userCodeHashes.short], { decision, clientId, session, scope, targets }, now);
}

function redemptionOf(request: NewDeviceRequest, more: Partial<DeviceCodeRedemption> = {}): DeviceCodeRedemption {
  return {
    deviceCodeHash: request.deviceCodeHash,
    clientId: request.clientId,
    scope: undefined,
    challengeOfVerifier: undefined,
    allowedConnectors: undefined,
    confirmation: undefined,
    family: {
      id: freshUuid(),
      refreshTokenHash: sha256(`refresh token ${fresh()}`),
      refreshIdleExpiresAt: addSeconds(NOW, 30 * 86_400),
      refreshExpiresAt: addSeconds(NOW, 90 * 86_400),
      accessExpiresAt: addSeconds(NOW, 600),
    },
    ...more,
  };
}

test("an approved request gives what the session said, in one statement, and opens a family", async () => {
  const request = await store();
  const session = await openSession();
  expect(await decide(request, session)).toBe(true);
  const redemption = redemptionOf(request);
  opened.takeStatements();
  expect(await devices().redeem(redemption, addSeconds(NOW, 5))).toMatchObject({
    familyId: redemption.family.id,
    clientId: cast.client.id,
    sessionHash: session.hash,
    user: { id: cast.user.id, email: cast.user.email, groups: session.user.groups, preferredUsername: "jane" },
    connectorId: "local",
    scope: ["openid", "offline_access"],
    nonce: undefined,
    authTime: NOW,
    amr: ["pwd"],
  });
  expect(opened.takeStatements()).toEqual(["device.redeem"]);
  expect(await opened.storage.families.find(redemption.family.id)).toMatchObject({
    currentHash: redemption.family.refreshTokenHash,
    expiresAt: redemption.family.refreshExpiresAt,
  });
});

test("of 20 polls at once over two stores exactly one gets the grant, and no later one (DEV-1)", async () => {
  const request = await store();
  await decide(request, await openSession());
  const other = openStorage({
    url: new Secret(opened.url.reveal()),
    applicationName: "dex test",
    namedStatements: true,
    logger: silentLogger,
  });
  const redemptions = Array.from({ length: 20 }, () => redemptionOf(request));
  const grants = await Promise.all(
    redemptions.map((one, index) => (index % 2 === 0 ? opened.storage : other).devices.redeem(one, NOW)),
  );
  expect(grants.filter((grant) => grant !== undefined)).toHaveLength(1);
  const ids = redemptions.map(({ family }) => family.id);
  expect(await opened.query("SELECT id FROM token_family WHERE id = ANY ($1)", [ids])).toHaveLength(1);
  expect(await other.devices.redeem(redemptionOf(request), NOW)).toBeUndefined();
  expect(await other.devices.poll(request.deviceCodeHash, request.clientId, NOW)).toMatchObject({ spentAt: NOW });
  await other.close();
});

test("of approvals and denials at once one wins, and what it bound stays (DEV-1)", async () => {
  const people = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const user = makeUserRow();
      await opened.storage.users.createLocal(user, "hash", "local", ACTOR);
      return openSession(user);
    }),
  );
  const request = await store();
  const outcomes = await Promise.all(
    people.map((session, index) => decide(request, session, index % 2 === 0 ? "approved" : "denied")),
  );
  expect(outcomes.filter(Boolean)).toHaveLength(1);
  const winner = outcomes.indexOf(true);
  const stored = await devices().poll(request.deviceCodeHash, request.clientId, NOW);
  expect(stored?.decision).toBe(winner % 2 === 0 ? "approved" : "denied");
  const grant = await devices().redeem(redemptionOf(request), NOW);
  expect(grant?.user.id).toBe(winner % 2 === 0 ? people[winner]?.user.id : undefined);
});

test("what is asked for at resources is granted by an approval, as far as the person was shown it (DEV-2)", async () => {
  const session = await openSession();
  const asked = { resources: ["https://api.example/"], authorizationDetails: undefined };
  const request = await store({ targets: TARGETS });
  const other = await store({ targets: TARGETS });
  expect((await devices().poll(request.deviceCodeHash, cast.client.id, NOW))?.terms).toBeUndefined();
  await decide(request, session);
  // Whoever shows nothing of it, as a worker of before, grants nothing of it.
  await decide({ ...other, targets: {} }, session);
  expect((await devices().poll(request.deviceCodeHash, cast.client.id, NOW))?.terms).toEqual(TARGETS);
  expect(await devices().redeem(redemptionOf(other, { asked }), NOW)).toBeUndefined();
  expect((await devices().redeem(redemptionOf(other), NOW))?.terms?.resources).toBeUndefined();
  expect((await devices().redeem(redemptionOf(request, { asked }), NOW))?.terms).toEqual(TARGETS);
});

test("a denial is final, and so is an approval (DEV-1)", async () => {
  const session = await openSession();
  const [denied, approved] = [await store(), await store()];
  expect([await decide(denied, session, "denied"), await decide(denied, session)]).toEqual([true, false]);
  expect([await decide(approved, session), await decide(approved, session, "denied")]).toEqual([true, false]);
  expect(await devices().redeem(redemptionOf(denied), NOW)).toBeUndefined();
  expect(await devices().redeem(redemptionOf(approved), NOW)).toBeDefined();
});

test("nobody approves with an ended session, after the end, or for another client (DEV-1)", async () => {
  const request = await store();
  const session = await openSession();
  expect(await decide(request, { ...session, hash: sha256("no session") })).toBe(false);
  expect(await decide(request, session, "approved", addSeconds(NOW, 600))).toBe(false);
  expect(await decide({ ...request, clientId: "client-b" }, session)).toBe(false);
  expect(await decide(request, session)).toBe(true);
});

test("the session learns of the client with the approval, and not with a denial", async () => {
  const session = await openSession();
  const clientsOf = async () =>
    (await opened.query<{ clients: object }>("SELECT clients FROM session WHERE hash = $1", [session.hash]))[0]
      ?.clients;
  await decide(await store(), session, "denied");
  expect(await clientsOf()).toEqual({});
  await decide(await store(), session);
  expect(await clientsOf()).toEqual({ [cast.client.id]: session.hash.toString("hex") });
});

test("whose session, connector or access has ended between approval and poll gets nothing (TOK-16)", async () => {
  const online = ["openid"];
  const gone = async (scope: readonly string[], end: (session: Session) => Promise<unknown>) => {
    const user = makeUserRow();
    await opened.storage.users.createLocal(user, "hash", "local", ACTOR);
    const session = await openSession(user);
    const request = await store({ scope });
    await decide(request, session);
    await end(session);
    const stored = await devices().poll(request.deviceCodeHash, request.clientId, addSeconds(NOW, 5));
    const redeemed = await devices().redeem(redemptionOf(request), addSeconds(NOW, 5));
    expect(stored?.ownerActive ?? false).toBe(redeemed !== undefined);
    return redeemed === undefined;
  };
  const signOut = ({ hash, user }: Session) =>
    opened.storage.logouts.end({ hash, userId: user.id, address: undefined }, addSeconds(NOW, 1));
  const end = (sql: string) => (session: Session) => opened.query(sql, [session.user.id]);
  expect(await gone(online, signOut)).toBe(true);
  // A refresh token was to outlive the session: people sign out of the browser that they borrowed for this.
  expect(await gone([...online, "offline_access"], signOut)).toBe(false);
  expect(await gone(online, end("UPDATE app_user SET disabled = true WHERE id = $1"))).toBe(true);
  expect(await gone(online, end("DELETE FROM app_user WHERE id = $1"))).toBe(true);
  const endAccess = end(`UPDATE app_user SET access_ended_at = '${addSeconds(NOW, 1).toISOString()}' WHERE id = $1`);
  expect(await gone([...online, "offline_access"], endAccess)).toBe(true);
  expect(await gone(online, async () => {})).toBe(false);
});

test("polls that come too early make the interval longer by five seconds each, for good (RFC 8628 §3.5)", async () => {
  const request = await store({ expiresAt: addSeconds(NOW, 6_000) });
  const early = async (seconds: number) =>
    (await devices().poll(request.deviceCodeHash, request.clientId, addSeconds(NOW, seconds)))?.early;
  expect(await early(0)).toBe(false);
  expect(await early(4)).toBe(false); // a second is the network's
  expect(await early(7.9)).toBe(true); // from now on 10 s
  expect(await early(16.8)).toBe(true); // 15 s
  expect(await early(31)).toBe(false);
  expect(await early(44.9)).toBe(true); // 20 s
  expect(await early(64)).toBe(false);
  for (let poll = 0; poll < 200; poll += 1) expect(await early(64)).toBe(true);
  expect(await early(64 + 600)).toBe(false); // it ends somewhere
});

test("of polls at once no more than one is in time", async () => {
  const request = await store();
  const polls = await Promise.all(
    Array.from({ length: 10 }, () => devices().poll(request.deviceCodeHash, request.clientId, NOW)),
  );
  expect(polls.filter((poll) => poll?.early === false)).toHaveLength(1);
});

test("a poll of another client changes nothing (DEV-2)", async () => {
  const request = await store();
  for (let poll = 0; poll < 3; poll += 1) {
    const found = await devices().poll(request.deviceCodeHash, "client-b", NOW);
    expect(found).toMatchObject({ clientId: request.clientId, early: false });
  }
  expect(await devices().poll(request.deviceCodeHash, request.clientId, NOW)).toMatchObject({ early: false });
});

describe("a flood stays bounded: ", () => {
  const rows = async () =>
    Number((await opened.query<{ count: string }>("SELECT count(*) FROM device_request"))[0]?.count);
  const limits = { windowSeconds: 600, ofClient: 20, inAll: 30, withShortCode: 8 };
  const flood = (times: number, clientId: string, now: Date) =>
    Promise.all(Array.from({ length: times }, () => devices().create(newRequest({ clientId }), limits, now)));
  const kinds = (outcomes: Awaited<ReturnType<typeof flood>>) => {
    const names = outcomes.map((one) => (one.kind === "stored" ? one.length : one.kind));
    return Object.fromEntries(
      [...new Set(names)].toSorted().map((name) => [name, names.filter((n) => n === name).length]),
    );
  };

  test("a client takes no more than its share, all together no more than there is, and short codes are few (DEV-1)", async () => {
    const other = makeClientRow();
    await opened.storage.clients.create(other, ACTOR);
    expect(kinds(await flood(100, cast.client.id, NOW))).toEqual({ short: 8, long: 12, "client full": 80 });
    expect(kinds(await flood(100, other.id, NOW))).toEqual({ long: 10, full: 10, "client full": 80 });
    expect(await rows()).toBe(30);
    const later = addSeconds(NOW, 600);
    expect(kinds(await flood(10, cast.client.id, later))).toEqual({ short: 8, long: 2 });
  });

  test("the table does not grow though nobody collects garbage", async () => {
    for (let window = 0; window < 6; window += 1) {
      const now = addSeconds(NOW, window * 600);
      const expiresAt = addSeconds(now, 600);
      for (let one = 0; one < 20; one += 1) await devices().create(newRequest({ expiresAt }), limits, now);
    }
    expect(await rows()).toBeLessThanOrEqual(3 * 20);
  });

  test("a client that was deleted a moment ago gets nothing, and no error", async () => {
    expect(kinds(await flood(1, "nobody", NOW))).toEqual({ "client gone": 1 });
  });
});

describe("user codes: ", () => {
  const { inAll } = ENTRY_LIMITS;
  const wrong = () => devices().enter([sha256(`wrong ${fresh()}`)], inAll, NOW);

  test("a right one names what asks, as long as it is undecided and lives", async () => {
    const request = await store({ targets: TARGETS });
    const enter = (now: Date) => devices().enter([sha256("another key"), request.userCodeHashes.short], inAll, now);
    const { clientId, scope, targets } = request;
    for (let time = 0; time < 30; time += 1)
      expect(await enter(NOW)).toEqual({ kind: "found", clientId, scope, targets });
    expect(await enter(addSeconds(NOW, 600))).toEqual({ kind: "unknown" });
    await decide(request, await openSession(), "denied");
    expect(await enter(NOW)).toEqual({ kind: "unknown" });
  });

  test("of wrong ones at full speed twenty a minute are evaluated, and then no right one either (DEV-1, ACC-5)", async () => {
    const request = await store();
    const right = () => devices().enter([request.userCodeHashes.short], inAll, NOW);
    for (let guess = 0; guess < 19; guess += 1) expect(await wrong()).toEqual({ kind: "unknown" });
    expect(await right()).toMatchObject({ kind: "found" });
    const guesses = await Promise.all(Array.from({ length: 50 }, wrong));
    expect(guesses.filter(({ kind }) => kind === "unknown")).toHaveLength(1);
    const until = addSeconds(NOW, 60);
    expect(await right()).toEqual({ kind: "too many", until });
    expect(await devices().enter([request.userCodeHashes.short], inAll, until)).toMatchObject({ kind: "found" });
  });
});

test("requests that are over are collected, and a late poll is told so for ten minutes", async () => {
  const leadership = await openLeadership({ url: opened.url, logger: silentLogger }).tryAcquire();
  if (leadership === undefined) throw new Error("somebody else leads");
  const request = await store();
  const collect = (now: Date) => opened.storage.garbage.collect(now, 100, leadership.fence);
  const late = addSeconds(NOW, 1_199);
  expect(await collect(late)).toMatchObject({ device_request: 0 });
  const stored = await devices().poll(request.deviceCodeHash, request.clientId, late);
  expect(decideDevicePoll(stored, redemptionOf(request), late).kind).toBe("expired");
  expect(await collect(addSeconds(NOW, 1_200))).toMatchObject({ device_request: 1 });
  await leadership.release();
});

describe("the statement agrees with decideDevicePoll: a device code when", () => {
  let session: Session;
  beforeAll(async () => {
    for (const id of ["client-a", "client-b"]) await opened.storage.clients.create(makeClientRow({ id }), ACTOR);
    const user = makeUserRow();
    await opened.storage.users.createLocal(user, "hash", "local", ACTOR);
    session = await openSession(user);
  });

  async function prepare({ stored, when }: DeviceCase): Promise<NewDeviceRequest> {
    const request = newRequest({ deviceCodeHash: sha256(when), clientId: "client-a" });
    if (stored === undefined) return request;
    const { expiresAt, scope, codeChallenge, decision } = stored;
    const row = { ...request, expiresAt: addSeconds(NOW, 600), scope, codeChallenge };
    await devices().create(row, DEVICE_REQUEST_LIMITS, NOW);
    if (decision !== undefined) await decide(row, session, decision);
    await opened.query(
      "UPDATE device_request SET expires_at = $2, spent_at = $3, terms = $4 WHERE device_code_hash = $1",
      [request.deviceCodeHash, expiresAt, stored.spentAt, stored.terms],
    );
    if (decision === "approved" && !stored.ownerActive) {
      await opened.query("UPDATE app_user SET disabled = true WHERE id = $1", [session.user.id]);
    }
    return row;
  }

  test.each(DEVICE_CASES)("$when: $expected ($by)", async (one) => {
    const request = await prepare(one);
    // The cases happen before the stores' own time; what the session says of time is then no matter.
    await opened.query("UPDATE device_request SET decided_at = $1 WHERE decision IS NOT NULL", [DEVICE_CASES_NOW]);
    const redemption = redemptionOf(request, one.poll);
    const grant = await devices().redeem(redemption, DEVICE_CASES_NOW);
    expect(grant !== undefined).toBe(one.expected === "redeem");
    const stored = await devices().poll(request.deviceCodeHash, redemption.clientId, DEVICE_CASES_NOW);
    if (grant === undefined && one.expected !== "slow down") {
      expect(decideDevicePoll(stored, redemption, DEVICE_CASES_NOW).kind).toBe(one.expected);
    }
    await opened.query("UPDATE app_user SET disabled = false WHERE id = $1", [session.user.id]);
  });
});
