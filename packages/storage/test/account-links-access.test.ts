// What becomes of sessions, tokens and identities when a link is used: at the same moment as something else, and where
// nothing would be left to sign in with.
import { addSeconds } from "@dex/runtime";
import type { Actor, LinkOrigin } from "@dex/users";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { type Cast, freshUuid, makeCast, makeCodeRow, makeSessionRow, NOW, redemptionOf } from "./rows.ts";

const PERSON: Actor = { kind: "user", id: undefined, address: "192.0.2.7" };
const ORIGIN: LinkOrigin = { clientId: undefined, redirectUri: undefined, flowId: undefined, locale: undefined };
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

const links = () => opened.storage.accountLinks;

async function makeLink(purpose: string, email = cast.user.email): Promise<string> {
  const id = freshUuid();
  await opened.query(
    `INSERT INTO account_link (id, purpose, user_id, email, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT ON CONSTRAINT account_link_one_per_purpose DO UPDATE SET id = EXCLUDED.id, email = EXCLUDED.email`,
    [id, purpose, cast.user.id, email, NOW, addSeconds(NOW, 1800)],
  );
  return id;
}

async function openSession() {
  const session = makeSessionRow(cast);
  await opened.storage.signIns.signIn({ session, code: undefined, replaces: undefined, rightPassword: undefined });
  return session;
}

test("a code that is being redeemed while the password is reset leaves no live family (REF-12)", async () => {
  const code = makeCodeRow(cast, { sessionHash: (await openSession()).hash });
  await opened.storage.signIns.issueCode({ code, consent: undefined });
  const id = await makeLink("reset password");
  const familyId = freshUuid();
  // The redemption, stopped between its first row and its last.
  const holder = holding("UPDATE authorization_code SET spent_at = $2 WHERE hash = $1", [code.hash, LATER], (query) =>
    query(
      `INSERT INTO token_family (id, client_id, user_id, connector_id, session_hash, scope, auth_time, amr, created_at,
        idle_expires_at, expires_at)
      SELECT $1, client_id, user_id, connector_id, session_hash, scope, auth_time, amr, $3, $4, $4
      FROM authorization_code WHERE hash = $2`,
      [familyId, code.hash, LATER, addSeconds(LATER, 600)],
    ),
  );
  await holder.held;
  const [use] = await Promise.all([links().resetPassword(id, "$argon2id$w", PERSON, LATER), holder.done]);
  expect(use).toBe("done");
  expect(await opened.storage.families.findLive(familyId, LATER)).toBeUndefined();
  expect(await opened.query("SELECT revocation_reason FROM token_family WHERE id = $1", [familyId])).toEqual([
    { revocation_reason: "password changed" },
  ]);
});

const signIn = (session = makeSessionRow(cast), code?: ReturnType<typeof makeCodeRow>) =>
  opened.storage.signIns.signIn({ session, code, replaces: undefined, rightPassword: undefined });
const sessionsLeft = () => opened.query("SELECT 1 FROM session WHERE user_id = $1", [cast.user.id]);

test("of sign-ins that race a reset of the password none leaves a session (ACC-16)", async () => {
  for (let round = 0; round < 10; round++) {
    const id = await makeLink("reset password");
    const at = addSeconds(LATER, round);
    const session = () => makeSessionRow(cast, { createdAt: addSeconds(at, -1) });
    const code = makeCodeRow(cast);
    const racing = [signIn(session()), signIn(session(), code), signIn(session())];
    const [use] = await Promise.all([links().resetPassword(id, "$argon2id$x", PERSON, at), ...racing]);
    expect(use).toBe("done");
    expect(await sessionsLeft()).toEqual([]);
    expect(await opened.storage.codes.redeem(redemptionOf(code), addSeconds(at, 1))).toBeUndefined();
  }
});

test("a sign-in that began before the reset and arrives after it is refused; one that begins after it is not (ACC-16)", async () => {
  await links().resetPassword(await makeLink("reset password"), "$argon2id$x", PERSON, LATER);
  const early = makeSessionRow(cast, { createdAt: addSeconds(LATER, -1) });
  expect(await signIn(early)).toBe("user gone");
  expect(await signIn(early, makeCodeRow(cast))).toBe("user gone");
  expect(await sessionsLeft()).toEqual([]);
  expect(await signIn(makeSessionRow(cast, { createdAt: addSeconds(LATER, 1) }))).toBe("issued");
});

test("a sign-in waits for whoever is taking the access away, and then finds it gone (ACC-16)", async () => {
  const ending = "UPDATE app_user SET access_ended_at = $2 WHERE id = $1";
  const holder = holding(ending, [cast.user.id, LATER], async () => undefined);
  await holder.held;
  const [outcome] = await Promise.all([signIn(makeSessionRow(cast, { createdAt: NOW })), holder.done]);
  expect(outcome).toBe("user gone");
});

test("a code that a session asked for before its user signed out everywhere else is refused, a later one is not (REF-12)", async () => {
  const { ownAccounts, signIns } = opened.storage;
  const session = makeSessionRow(cast);
  await signIn(session);
  const owner = { userId: cast.user.id, sessionHash: session.hash, address: undefined };
  expect(await ownAccounts.endOtherSessions(owner, LATER)).toBe("done");
  const codeOf = (issuedAt: Date) => makeCodeRow(cast, { sessionHash: session.hash, issuedAt });
  const issue = (issuedAt: Date) => signIns.issueCode({ code: codeOf(issuedAt), consent: undefined });
  expect(await issue(addSeconds(LATER, -1))).toBe("user gone");
  expect(await issue(addSeconds(LATER, 1))).toBe("issued");
});

test("two links of one user that are used at once never wait for each other in a circle", async () => {
  for (let round = 0; round < 10; round++) {
    const email = `round-${round}-${cast.user.id}@example.com`;
    const [reset, change] = [await makeLink("reset password"), await makeLink("change email", email)];
    const started = performance.now();
    const uses = await Promise.all([
      links().resetPassword(reset, "$argon2id$y", PERSON, LATER),
      links().changeEmail(change, PERSON, LATER),
    ]);
    // Postgres breaks a circle after a second.
    expect(performance.now() - started).toBeLessThan(900);
    expect(uses).toContain("done");
    expect(uses).toContain("gone");
    await opened.query("UPDATE app_user SET email = $2 WHERE id = $1", [cast.user.id, cast.user.email]);
  }
});

describe("a user who signs in elsewhere alone, with an address that nobody verified (ACC-13)", () => {
  const identity = () => ({ connectorId: "hub", remoteId: `hub of ${cast.user.id}` });
  beforeEach(async () => {
    await opened.query("DELETE FROM remote_identity WHERE user_id = $1", [cast.user.id]);
    await opened.query("INSERT INTO remote_identity VALUES ('hub', $2, $1, $3)", [
      cast.user.id,
      identity().remoteId,
      NOW,
    ]);
    await opened.query("UPDATE app_user SET email_verified = false WHERE id = $1", [cast.user.id]);
  });

  test("is not invited: the password would be of no use", async () => {
    await opened.query("DELETE FROM password WHERE user_id = $1", [cast.user.id]);
    expect(await links().requestInvitation(cast.user.id, ORIGIN, PERSON, NOW)).toBe("no password");
    expect(await opened.query("SELECT FROM account_link WHERE user_id = $1", [cast.user.id])).toEqual([]);
  });

  test.each(["reset password", "invitation"])(
    "neither loses the identity nor gets the address by a %s",
    async (purpose) => {
      const id = await makeLink(purpose);
      const use = purpose === "invitation" ? links().acceptInvitation : links().resetPassword;
      expect(await use(id, "$argon2id$z", PERSON, LATER)).toBe("gone");
      expect(await opened.query("SELECT email_verified FROM app_user WHERE id = $1", [cast.user.id])).toEqual([
        { email_verified: false },
      ]);
      expect(await opened.query("SELECT remote_id FROM remote_identity WHERE user_id = $1", [cast.user.id])).toEqual([
        { remote_id: identity().remoteId },
      ]);
    },
  );
});

type Query = (sql: string, values: readonly unknown[]) => Promise<unknown>;

/** Locks something in a transaction of its own, goes on when the storage waits for it, and lets go. */
function holding(
  lock: string,
  values: readonly unknown[],
  goOn: (query: Query) => Promise<unknown>,
): { held: Promise<void>; done: Promise<void> } {
  const holds = Promise.withResolvers<void>();
  const run = async () => {
    const client = new pg.Client({ connectionString: opened.url.reveal() });
    await client.connect();
    try {
      await client.query("BEGIN");
      await client.query(lock, [...values]);
      holds.resolve();
      await waitForWaiter();
      await goOn((sql, given) => client.query(sql, [...given]));
      await client.query("COMMIT");
    } finally {
      await client.end();
    }
  };
  return { held: holds.promise, done: run() };
}

/** Until a statement of the storage waits for a lock. */
async function waitForWaiter(): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const waiting = await opened.query(
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    if (waiting.length > 0) return;
  }
  throw new Error("nobody waited");
}
