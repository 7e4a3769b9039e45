import { addSeconds } from "@dex/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { type Cast, makeCast, makeCodeRow, makeSessionRow, makeUserRow, NOW } from "./rows.ts";

let opened: TestStorage;
let cast: Cast;
beforeAll(async () => {
  opened = await openTestStorage();
  cast = await makeCast(opened);
});
afterAll(() => opened.close());

const rest = { replaces: undefined, rightPassword: undefined };
const IDLE = 3_600;
const find = (hash: Buffer, now: Date) => opened.storage.signIns.findSession(hash, cast.client.id, now, IDLE);

async function openSession() {
  const session = makeSessionRow(cast);
  await opened.storage.signIns.signIn({ session, code: undefined, ...rest });
  return session;
}

test("a session is found with its user, and with what the client may have, in one statement", async () => {
  const session = await openSession();
  opened.takeStatements();
  expect(await find(session.hash, NOW)).toEqual({
    hash: session.hash,
    user: {
      id: cast.user.id,
      email: cast.user.email,
      emailVerified: true,
      displayName: "Jane",
      preferredUsername: "jane",
      groups: ["staff", "a,b\"'"],
      remoteId: cast.user.id,
    },
    connectorId: "local",
    authTime: NOW,
    amr: ["pwd"],
    asked: [],
    expiresAt: session.expiresAt,
    provedFor: [],
    knownToClient: false,
    answered: false,
    consentedScope: undefined,
  });
  expect(opened.takeStatements()).toEqual(["session.find"]);
});

test("the idle limit moves with use, at most once a minute and never beyond the absolute limit", async () => {
  const { hash, expiresAt } = await openSession();
  const idleLimit = async () => {
    const sql = "SELECT idle_expires_at FROM session WHERE hash = $1";
    const [row] = await opened.query<{ idle_expires_at: Date }>(sql, [hash]);
    return row?.idle_expires_at;
  };
  await find(hash, addSeconds(NOW, 59));
  expect(await idleLimit()).toEqual(addSeconds(NOW, IDLE));
  await Promise.all([find(hash, addSeconds(NOW, 61)), find(hash, addSeconds(NOW, 61))]);
  expect(await idleLimit()).toEqual(addSeconds(NOW, 61 + IDLE));
  for (let at = 61; at < 43_200; at += IDLE - 1) await find(hash, addSeconds(NOW, at));
  expect(await idleLimit()).toEqual(expiresAt);
  expect(await find(hash, expiresAt)).toBeUndefined();
});

test("a session is not found once idle for too long, nor of a disabled user", async () => {
  const { hash } = await openSession();
  expect(await find(hash, addSeconds(NOW, IDLE - 1))).toBeDefined();
  const other = await openSession();
  expect(await find(other.hash, addSeconds(NOW, IDLE))).toBeUndefined();
  await opened.query("UPDATE app_user SET disabled = true WHERE id = $1", [cast.user.id]);
  expect(await find(other.hash, NOW)).toBeUndefined();
  const session = makeSessionRow(cast);
  expect(await opened.storage.signIns.signIn({ session, code: undefined, ...rest })).toBe("user gone");
  await opened.query("UPDATE app_user SET disabled = false WHERE id = $1", [cast.user.id]);
});

test("a sign-in ends the browser's earlier session and forgives the attempts that led to it, in one statement (BRO-1)", async () => {
  const earlier = await openSession();
  const { passwords, signIns } = opened.storage;
  for (let attempt = 1; attempt <= 3; attempt++) await passwords.beginAttempt(cast.user.email, "192.0.2.1", 900, NOW);
  const session = makeSessionRow(cast);
  const code = makeCodeRow(cast, { sessionHash: session.hash });
  opened.takeStatements();
  const input = {
    session,
    code,
    replaces: earlier.hash,
    rightPassword: { account: cast.user.email, source: "192.0.2.1" },
  };
  expect(await signIns.signIn(input)).toBe("issued");
  expect(opened.takeStatements()).toEqual(["signIn.signIn"]);
  expect(await find(earlier.hash, NOW)).toBeUndefined();
  expect(await find(session.hash, NOW)).toBeDefined();
  const attempt = await passwords.beginAttempt(cast.user.email, "192.0.2.1", 900, NOW);
  expect(attempt).toMatchObject({ accountAttempts: 1, sourceAttempts: 3 }); // three before, one of them right
});

test("one login state yields one code and one session, also when sent five times at once (BRO-6, BRO-7)", async () => {
  const loginStateId = "the one login state";
  const attempts = Array.from({ length: 5 }, () => {
    const session = makeSessionRow(cast);
    return { session, code: makeCodeRow(cast, { loginStateId, sessionHash: session.hash }), ...rest };
  });
  const outcomes = await Promise.all(attempts.map((one) => opened.storage.signIns.signIn(one)));
  expect(outcomes.toSorted()).toEqual(["flow used", "flow used", "flow used", "flow used", "issued"]);
  const hashes = attempts.map(({ session }) => session.hash);
  expect(await opened.query("SELECT 1 FROM session WHERE hash = ANY ($1)", [hashes])).toHaveLength(1);
});

test("a code for a session carries what its connector said, and records consent with it", async () => {
  const session = await openSession();
  const code = makeCodeRow(cast, { sessionHash: session.hash });
  opened.takeStatements();
  expect(await opened.storage.signIns.issueCode({ code, consent: ["openid", "email"] })).toBe("issued");
  expect(opened.takeStatements()).toEqual(["signIn.issueCode"]);
  const again = makeCodeRow(cast, { sessionHash: session.hash });
  await opened.storage.signIns.issueCode({ code: again, consent: ["email", "groups"] });
  const found = await find(session.hash, NOW);
  expect(found?.consentedScope?.toSorted()).toEqual(["email", "groups", "openid"]);
  const repeated = { ...makeCodeRow(cast, { sessionHash: session.hash }), loginStateId: code.loginStateId };
  expect(await opened.storage.signIns.issueCode({ code: repeated, consent: ["profile"] })).toBe("flow used");
  expect((await find(session.hash, NOW))?.consentedScope).not.toContain("profile");
});

test("the statement that finds a session tells whether what is for one answer has had it, of whichever session (PAR-1)", async () => {
  const [session, other] = [await openSession(), await openSession()];
  const code = makeCodeRow(cast, { sessionHash: other.hash });
  const { findSession } = opened.storage.signIns;
  const answered = async (name?: string) =>
    (await findSession(session.hash, cast.client.id, NOW, IDLE, name))?.answered;
  expect(await answered(code.loginStateId)).toBe(false);
  await opened.storage.signIns.issueCode({ code, consent: undefined });
  opened.takeStatements();
  expect(await answered(code.loginStateId)).toBe(true);
  expect(opened.takeStatements()).toEqual(["session.find"]);
  expect([await answered(), await answered(`${code.loginStateId}.`)]).toEqual([false, false]);
});

test("no code is issued for a session that has ended, or that is somebody else's", async () => {
  const session = await openSession();
  const other = makeUserRow();
  await opened.storage.users.createLocal(other, "hash", "local", { kind: "dexctl", id: undefined, address: undefined });
  const stolen = makeCodeRow(cast, { sessionHash: session.hash, userId: other.id });
  expect(await opened.storage.signIns.issueCode({ code: stolen, consent: undefined })).toBe("user gone");
  await opened.query("DELETE FROM session WHERE hash = $1", [session.hash]);
  const late = makeCodeRow(cast, { sessionHash: session.hash });
  expect(await opened.storage.signIns.issueCode({ code: late, consent: undefined })).toBe("user gone");
});

test("a code for a client that was deleted meanwhile is not issued, and the session neither", async () => {
  const session = makeSessionRow(cast);
  const code = makeCodeRow(cast, { clientId: "deleted" });
  expect(await opened.storage.signIns.signIn({ session, code, ...rest })).toBe("user gone");
  expect(await find(session.hash, NOW)).toBeUndefined();
});
