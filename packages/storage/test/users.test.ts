import type { Identity } from "@dex/connectors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR, type Cast, fresh, makeCast, makeCodeRow, makeSessionRow, makeUserRow, NOW, signIn } from "./rows.ts";

let opened: TestStorage;
let cast: Cast;
beforeAll(async () => {
  opened = await openTestStorage();
  cast = await makeCast(opened);
});
afterAll(() => opened.close());

function makeIdentity(more: Partial<Identity> = {}): Identity {
  return {
    connectorId: "corp",
    remoteId: `remote-${fresh()}`,
    email: undefined,
    emailVerified: false,
    displayName: undefined,
    preferredUsername: undefined,
    groups: undefined,
    authTime: undefined,
    amr: [],
    ...more,
  };
}

test("an identity leads to its user, another user with its email, and the consent, in one statement (ACC-14)", async () => {
  const { users } = opened.storage;
  const user = makeUserRow();
  const identity = makeIdentity({ email: cast.user.email.toUpperCase() });
  expect(await users.register(user, identity, ACTOR)).toBe("registered");
  await opened.query("INSERT INTO consent VALUES ($1, $2, '{openid}', now())", [user.id, cast.client.id]);
  await opened.query("INSERT INTO consent VALUES ($1, $2, '{groups}', now())", [cast.user.id, cast.client.id]);
  opened.takeStatements();
  expect(await users.findByIdentity(identity, cast.client.id)).toEqual({
    user: { ...user, disabled: false },
    userWithSameEmail: { ...cast.user, disabled: false },
    consentedScope: ["openid"],
  });
  expect(opened.takeStatements()).toEqual(["user.findByIdentity"]);
  expect(await users.findByIdentity({ ...identity, connectorId: "other", email: undefined }, "any")).toEqual({
    user: undefined,
    userWithSameEmail: undefined,
    consentedScope: undefined,
  });
});

test("of five registrations of one identity at once exactly one succeeds, and nothing is left of the others", async () => {
  const identity = makeIdentity();
  const users = Array.from({ length: 5 }, () => makeUserRow());
  const outcomes = await Promise.all(users.map((user) => opened.storage.users.register(user, identity, ACTOR)));
  expect(outcomes.filter((outcome) => outcome === "registered")).toHaveLength(1);
  const ids = users.map(({ id }) => id);
  expect(await opened.query("SELECT 1 FROM app_user WHERE id = ANY ($1)", [ids])).toHaveLength(1);
  expect(await opened.query("SELECT 1 FROM audit_event WHERE subject_id = ANY ($1)", [ids])).toHaveLength(1);
});

test("a local user is created with password, identity and audit event, or not at all (ADM-6)", async () => {
  const { users, administrators, passwords } = opened.storage;
  const user = makeUserRow({ admin: true });
  expect(await administrators.exists()).toBe(false);
  expect(await users.createLocal(user, "the hash", "local", ACTOR)).toBe("created");
  expect(await administrators.exists()).toBe(true);
  expect(await administrators.find(user.id)).toEqual({ user: { ...user, disabled: false } });
  const owner = await users.findByIdentity(makeIdentity({ connectorId: "local", remoteId: user.id }), "any");
  expect(owner.user?.id).toBe(user.id);
  const event = { event: "user created", actor_kind: "dexctl", actor_id: "root", actor_address: "127.0.0.1" };
  expect(await opened.query("SELECT * FROM audit_event WHERE subject_id = $1", [user.id])).toMatchObject([event]);
  const second = makeUserRow({ email: user.email });
  expect(await users.createLocal(second, "hash", "local", ACTOR)).toBe("email taken");
  expect(await administrators.find(second.id)).toBeUndefined();
  const attempt = await passwords.beginAttempt(user.email, "source", 60, NOW);
  expect(attempt.candidate).toEqual({ user: { ...user, disabled: false }, passwordHash: "the hash", wrongGuesses: 0 });
});

test("a user's id is never given to somebody else, however the user was deleted (OIDC Core §2)", async () => {
  const user = makeUserRow();
  await opened.storage.users.createLocal(user, "hash", "local", ACTOR);
  await opened.query("DELETE FROM app_user WHERE id = $1", [user.id]);
  const heir = makeUserRow({ id: user.id });
  expect(await opened.storage.users.createLocal(heir, "hash", "local", ACTOR)).toBe("email taken");
  expect(await opened.storage.users.register(heir, makeIdentity(), ACTOR)).toBe("taken");
});

test("all of a user goes with the user", async () => {
  const user = makeUserRow();
  await opened.storage.users.createLocal(user, "hash", "local", ACTOR);
  const code = await signIn(opened, { ...cast, user });
  await opened.storage.signIns.issueCode({
    code: makeCodeRow({ ...cast, user }, { sessionHash: code.sessionHash }),
    consent: ["openid"],
  });
  await opened.query("DELETE FROM app_user WHERE id = $1", [user.id]);
  for (const table of ["password", "remote_identity", "consent", "session", "authorization_code", "token_family"]) {
    expect(await opened.query(`SELECT 1 FROM ${table} WHERE user_id = $1`, [user.id])).toEqual([]);
  }
  const session = makeSessionRow({ ...cast, user });
  const input = { session, code: undefined, replaces: undefined, rightPassword: undefined };
  expect(await opened.storage.signIns.signIn(input)).toBe("user gone");
});

test("100 simultaneous guesses get a hundred different counts, in one statement each (ACC-5)", async () => {
  opened.takeStatements();
  const { passwords } = opened.storage;
  const guesses = Array.from({ length: 100 }, () => passwords.beginAttempt("guessed@example.com", "10.0.0.9", 60, NOW));
  const attempts = await Promise.all(guesses);
  const oneToHundred = Array.from({ length: 100 }, (_, index) => index + 1);
  const ascending = (left: number, right: number) => left - right;
  expect(attempts.map(({ accountAttempts }) => accountAttempts).toSorted(ascending)).toEqual(oneToHundred);
  expect(attempts.map(({ sourceAttempts }) => sourceAttempts).toSorted(ascending)).toEqual(oneToHundred);
  expect(opened.takeStatements()).toHaveLength(100);
});

test("a window of attempts ends, and the next begins at one", async () => {
  const { failures } = opened.storage;
  const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);
  expect(await failures.count("key", 60, NOW)).toEqual({ failures: 1, windowEndsAt: at(60) });
  expect(await failures.count("key", 60, at(59))).toEqual({ failures: 2, windowEndsAt: at(60) });
  expect(await failures.count("key", 60, at(60))).toEqual({ failures: 1, windowEndsAt: at(120) });
});

test("upgrading a password's hash does not undo a change of the password", async () => {
  const user = makeUserRow();
  const { users, passwords } = opened.storage;
  await users.createLocal(user, "old", "local", ACTOR);
  const stored = async () => (await passwords.beginAttempt(user.email, "s", 60, NOW)).candidate?.passwordHash;
  await passwords.upgradeHash(user.id, "old", "stronger");
  expect(await stored()).toBe("stronger");
  await passwords.upgradeHash(user.id, "old", "of the old password");
  expect(await stored()).toBe("stronger");
});
