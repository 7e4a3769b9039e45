// The count of wrong passwords in a row: kept beside the hash, ended by the right one and by a new one.
import { addSeconds } from "@dex/runtime";
import type { Actor } from "@dex/users";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR, type Cast, freshUuid, makeCast, makeCodeRow, makeSessionRow, makeUserRow, NOW } from "./rows.ts";

const PERSON: Actor = { kind: "user", id: undefined, address: "192.0.2.7" };
const LATER = addSeconds(NOW, 5);

let opened: TestStorage;
let cast: Cast;
beforeAll(async () => {
  opened = await openTestStorage();
});
afterAll(() => opened.close());
beforeEach(async () => {
  cast = await makeCast(opened);
});

async function wrongGuesses({ email } = cast.user, now = NOW): Promise<number | undefined> {
  return (await opened.storage.passwords.beginAttempt(email, "192.0.2.7", 900, now)).candidate?.wrongGuesses;
}

async function guess(times: number): Promise<void> {
  const { passwords } = opened.storage;
  await Promise.all(Array.from({ length: times }, () => passwords.countWrongGuess(cast.user.id)));
}

function signIn(account: string | undefined, more: Partial<Parameters<typeof makeSessionRow>[1]> = {}) {
  const rightPassword = account === undefined ? undefined : { account, source: "192.0.2.7" };
  const session = makeSessionRow(cast, more);
  return opened.storage.signIns.signIn({ session, code: undefined, replaces: undefined, rightPassword });
}

async function makeLink(purpose: string): Promise<string> {
  const id = freshUuid();
  await opened.query(
    "INSERT INTO account_link (id, purpose, user_id, email, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
    [id, purpose, cast.user.id, cast.user.email, NOW, addSeconds(NOW, 1800)],
  );
  return id;
}

test("a hundred wrong guesses at once are a hundred, in one statement each, and nobody else's (ACC-5)", async () => {
  const other = makeUserRow();
  await opened.storage.users.createLocal(other, "$argon2id$hash", "local", ACTOR);
  expect(await wrongGuesses()).toBe(0);
  opened.takeStatements();
  await guess(100);
  expect(opened.takeStatements()).toEqual(Array.from({ length: 100 }, () => "password.countWrongGuess"));
  expect(await wrongGuesses()).toBe(100);
  expect(await wrongGuesses(other)).toBe(0);
});

test("a guess at nobody's password is no error and counts nothing (ACC-1)", async () => {
  await opened.storage.passwords.countWrongGuess(freshUuid());
  expect(await wrongGuesses()).toBe(0);
});

test("wrong guesses outlive every window of attempts, and the table of them (ACC-3, NIST SP 800-63B-4 §3.2.2)", async () => {
  await guess(7);
  await opened.query("TRUNCATE attempt_count");
  expect(await wrongGuesses(cast.user, addSeconds(NOW, 30 * 86_400))).toBe(7);
});

describe("wrong guesses end (ACC-3)", () => {
  const ends = [
    { by: "a sign-in with the right password", end: () => signIn(cast.user.email) },
    {
      by: "a reset by mail",
      end: async () =>
        opened.storage.accountLinks.resetPassword(await makeLink("reset password"), "$new", PERSON, LATER),
    },
    {
      by: "an accepted invitation",
      end: async () =>
        opened.storage.accountLinks.acceptInvitation(await makeLink("invitation"), "$new", PERSON, LATER),
    },
    {
      by: "a password that its owner changes",
      end: async () => {
        const session = makeSessionRow(cast);
        await opened.storage.signIns.signIn({
          session,
          code: undefined,
          replaces: undefined,
          rightPassword: undefined,
        });
        const owner = { userId: cast.user.id, sessionHash: session.hash, address: undefined };
        const next = { hash: "$new", changedAt: NOW, connectorId: "local" };
        return opened.storage.ownAccounts.setPassword(owner, next, LATER);
      },
    },
    {
      by: "an upgraded hash, which a right password came before",
      end: () => opened.storage.passwords.upgradeHash(cast.user.id, "$argon2id$hash", "$stronger"),
    },
  ];
  test.each(ends)("by $by", async ({ end }) => {
    await guess(3);
    await end();
    expect(await wrongGuesses()).toBe(0);
  });

  test("by a sign-in in its one statement", async () => {
    await guess(3);
    opened.takeStatements();
    expect(await signIn(cast.user.email)).toBe("issued");
    expect(opened.takeStatements()).toEqual(["signIn.signIn"]);
  });
});

describe("wrong guesses stay (ACC-3)", () => {
  const stays = [
    { after: "a sign-in without a password", go: () => signIn(undefined) },
    {
      after: "a sign-in with the password of a directory",
      go: () => signIn("identity 2f8e4c53", { connectorId: "ldap" }),
    },
    { after: "a sign-in with somebody else's password", go: () => signIn("somebody.else@example.com") },
    {
      after: "a sign-in that is refused, since the access was ended meanwhile",
      go: async () => {
        await opened.query("UPDATE app_user SET access_ended_at = $2 WHERE id = $1", [cast.user.id, LATER]);
        expect(await signIn(cast.user.email)).toBe("user gone");
      },
    },
    {
      after: "a login state that is used a second time",
      go: async () => {
        const code = makeCodeRow(cast);
        const first = { session: makeSessionRow(cast), code, replaces: undefined, rightPassword: undefined };
        expect(await opened.storage.signIns.signIn(first)).toBe("issued");
        const session = makeSessionRow(cast);
        const again = makeCodeRow(cast, { loginStateId: code.loginStateId, sessionHash: session.hash });
        const rightPassword = { account: cast.user.email, source: "192.0.2.7" };
        const input = { session, code: again, replaces: undefined, rightPassword };
        expect(await opened.storage.signIns.signIn(input)).toBe("flow used");
      },
    },
    {
      after: "a hash that is not upgraded, since the password was changed meanwhile",
      go: () => opened.storage.passwords.upgradeHash(cast.user.id, "$another", "$stronger"),
    },
  ];
  test.each(stays)("after $after", async ({ go }) => {
    await guess(3);
    await go();
    expect(await wrongGuesses()).toBe(3);
  });
});

test("guesses, sign-ins, resets and an administrator's unlinking at once never wait for each other in a circle", async () => {
  const { accountLinks, passwords, signIns, userDirectory } = opened.storage;
  const rightPassword = { account: cast.user.email, source: "192.0.2.7" };
  for (let round = 0; round < 10; round++) {
    const earlier = makeSessionRow(cast);
    await signIns.signIn({ session: earlier, code: undefined, replaces: undefined, rightPassword: undefined });
    await guess(2);
    await passwords.beginAttempt(cast.user.email, "192.0.2.7", 900, NOW);
    const link = await makeLink("reset password");
    opened.takeStatements();
    const again = () =>
      signIns.signIn({ session: makeSessionRow(cast), code: undefined, replaces: earlier.hash, rightPassword });
    await Promise.all([
      again(),
      guess(3),
      passwords.beginAttempt(cast.user.email, "192.0.2.7", 900, NOW),
      userDirectory.unlink(cast.user.id, { connectorId: "local", remoteId: cast.user.id }, PERSON, NOW),
      again(),
      guess(3),
      again(),
      accountLinks.resetPassword(link, "$new", PERSON, NOW),
    ]);
    // Whatever Postgres took out of a circle would have been sent again.
    const sent = opened.takeStatements();
    const timesSent = (name: string) => sent.filter((one) => one === name).length;
    expect(timesSent("signIn.signIn")).toBe(3);
    expect(timesSent("password.countWrongGuess")).toBe(6);
    expect(timesSent("userDirectory.unlink")).toBe(1);
    expect(timesSent("accountLink.resetPassword")).toBe(1);
    cast = await makeCast(opened);
  }
});

test("a sign-in and an administrator's unlinking that meet at one password never wait for each other in a circle", async () => {
  const { signIns, userDirectory } = opened.storage;
  const earlier = makeSessionRow(cast);
  await signIns.signIn({ session: earlier, code: undefined, replaces: undefined, rightPassword: undefined });
  await guess(1);
  const holder = new pg.Client({ connectionString: opened.url.reveal() });
  await holder.connect();
  await holder.query("BEGIN");
  await holder.query("SELECT FROM password WHERE user_id = $1 FOR UPDATE", [cast.user.id]);
  const waiting = async () => {
    const sql = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    return (await opened.query(sql)).length;
  };
  opened.takeStatements();
  const rightPassword = { account: cast.user.email, source: "192.0.2.7" };
  const signingIn = signIns.signIn({
    session: makeSessionRow(cast),
    code: undefined,
    replaces: earlier.hash,
    rightPassword,
  });
  await expect.poll(waiting).toBe(1);
  const identity = { connectorId: "local", remoteId: cast.user.id };
  const unlinking = userDirectory.unlink(cast.user.id, identity, PERSON, NOW);
  await expect.poll(waiting).toBe(2);
  await holder.query("COMMIT");
  await holder.end();
  expect(await Promise.all([signingIn, unlinking])).toEqual(["issued", true]);
  // Whatever Postgres took out of a circle would have been sent again.
  expect(opened.takeStatements()).toEqual(["signIn.signIn", "userDirectory.unlink"]);
});
