import { addSeconds, sha256 } from "@dex/runtime";
import type { AccountOwner } from "@dex/users";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import {
  type Cast,
  fresh,
  freshUuid,
  makeCast,
  makeClientRow,
  makeCodeRow,
  makeSessionRow,
  NOW,
  redemptionOf,
} from "./rows.ts";

const IDLE = 3_600;
const WORK = { connectorId: "work", remoteId: "ada@work" };
const LATER = addSeconds(NOW, 5);

let opened: TestStorage;
let cast: Cast;
let owner: AccountOwner;
beforeAll(async () => {
  opened = await openTestStorage();
});
afterAll(() => opened.close());

beforeEach(async () => {
  cast = await makeCast(opened);
  const connectors = ["local", "work"].map((id) => ({ id, type: id === "local" ? "local" : "oidc", config: {} }));
  await opened.storage.connectors.replaceAll(connectors, { kind: "dexctl", id: undefined, address: undefined });
  owner = await openSession();
});

const accounts = () => opened.storage.ownAccounts;

async function openSession(connectorId = "local"): Promise<AccountOwner> {
  const session = { ...makeSessionRow(cast), connectorId };
  await opened.storage.signIns.signIn({ session, code: undefined, replaces: undefined, rightPassword: undefined });
  return { userId: cast.user.id, sessionHash: session.hash, address: "192.0.2.7" };
}

/** A code that was issued in the session, not yet redeemed. */
async function issueCode(of: AccountOwner, more: Partial<Parameters<typeof makeCodeRow>[1]> = {}) {
  const code = makeCodeRow(cast, { sessionHash: of.sessionHash, ...more });
  await opened.storage.signIns.issueCode({ code, consent: code.scope });
  return code;
}

/** A family that the session's owner opened, by its id. */
async function openFamily(of: AccountOwner, more: Partial<Parameters<typeof makeCodeRow>[1]> = {}): Promise<string> {
  const grant = await opened.storage.codes.redeem(redemptionOf(await issueCode(of, more)), NOW);
  if (grant === undefined) throw new Error("the code was not redeemed");
  return grant.familyId;
}

const lives = async (familyId: string) => (await opened.storage.families.findLive(familyId, LATER)) !== undefined;
const isOpen = async ({ sessionHash }: AccountOwner) =>
  (await opened.storage.signIns.findSession(sessionHash, cast.client.id, LATER, IDLE)) !== undefined;
const read = async () => {
  const overview = await accounts().read(cast.user.id, LATER, IDLE);
  if (overview === undefined) throw new Error("the user is gone");
  return overview;
};
async function audited(): Promise<unknown[]> {
  const sql =
    "SELECT event, actor_kind, actor_id, actor_address, detail FROM audit_event WHERE subject_id = $1 ORDER BY id";
  const rows = await opened.query<{ actor_kind: string }>(sql, [cast.user.id]);
  return rows.filter((row) => row.actor_kind === "user");
}
async function promised(): Promise<unknown[]> {
  return opened.query("SELECT kind, connector_id FROM outbox WHERE user_id = $1 ORDER BY occurred_at", [cast.user.id]);
}

test("whom an upstream knows the user as is read where it is certain, and of nobody else", async () => {
  const ask = (userId: string, connectorId = "work") => accounts().soleRemoteId(userId, connectorId);
  const [one, other] = [freshUuid(), freshUuid()];
  expect(await ask(cast.user.id)).toBeUndefined();
  await accounts().link(owner, { connectorId: "work", remoteId: one }, NOW);
  expect(await ask(cast.user.id)).toBe(one);
  expect(await ask(cast.user.id, "else")).toBeUndefined();
  expect(await ask(cast.user.id, "a\0b")).toBeUndefined();
  expect(await ask(freshUuid())).toBeUndefined();
  await accounts().link(owner, { connectorId: "work", remoteId: other }, NOW);
  expect(await ask(cast.user.id)).toBeUndefined();
});

test("an account is read with its identities, applications and live sessions in one statement", async () => {
  await accounts().link(owner, WORK, NOW);
  const family = await openFamily(owner);
  const other = await openSession("work");
  await opened.query("UPDATE session SET expires_at = $2 WHERE hash = $1", [(await openSession()).sessionHash, NOW]);
  opened.takeStatements();
  expect(await read()).toEqual({
    user: { ...cast.user, disabled: false },
    passwordChangedAt: NOW,
    identities: [
      { connectorId: "local", remoteId: cast.user.id, usable: true, linkedAt: NOW },
      { ...WORK, usable: true, linkedAt: NOW },
    ],
    applications: [
      {
        ...{ clientId: cast.client.id, clientName: undefined, initiateLoginUri: undefined },
        ...{ scope: ["offline_access", "openid"], lastUsedAt: NOW },
        grants: [{ id: family, grantedAt: NOW, lastUsedAt: NOW, userAgent: expect.stringContaining("Firefox") }],
      },
    ],
    sessions: expect.arrayContaining(
      [owner, other].map(({ sessionHash }) => ({
        hash: sessionHash,
        connectorId: sessionHash.equals(owner.sessionHash) ? "local" : "work",
        authTime: NOW,
        lastSeenAt: NOW,
        userAgent: expect.stringContaining("Firefox"),
      })),
    ),
    waiting: [],
  });
  expect((await read()).sessions).toHaveLength(2);
  expect(opened.takeStatements()).toEqual(["ownAccount.read", "ownAccount.read"]);
});

test("a disabled or unknown user has no account to read", async () => {
  await opened.query("UPDATE app_user SET disabled = true WHERE id = $1", [cast.user.id]);
  expect(await accounts().read(cast.user.id, NOW, IDLE)).toBeUndefined();
  expect(await accounts().read("\0", NOW, IDLE)).toBeUndefined();
  expect(await accounts().rename(owner, "Eve", NOW)).toBe("signed out");
});

test("a new name is kept with an audit event that names owner and address (ADM-6)", async () => {
  expect(await accounts().rename(owner, "Ada L.", NOW)).toBe("done");
  expect((await read()).user.displayName).toBe("Ada L.");
  expect(await audited()).toEqual([
    { event: "user renamed", actor_kind: "user", actor_id: cast.user.id, actor_address: "192.0.2.7", detail: null },
  ]);
});

const next = (hash: string) => ({ hash, changedAt: NOW, connectorId: "local" });

test("a changed password ends other sessions, codes, families and links, and is told (ACC-16, REF-12, ADM-6)", async () => {
  const [other, family, code] = [await openSession(), await openFamily(owner), await issueCode(owner)];
  await opened.query(
    "INSERT INTO account_link (id, purpose, user_id, email, created_at, expires_at) VALUES ($1, 'reset password', $2, 'a@b', $3, $3)",
    [freshUuid(), cast.user.id, NOW],
  );
  expect(await accounts().setPassword(owner, next("new"), LATER)).toBe("done");
  expect([await isOpen(owner), await isOpen(other), await lives(family)]).toEqual([true, false, false]);
  expect(await opened.storage.codes.redeem(redemptionOf(code), LATER)).toBeUndefined();
  expect(await opened.query("SELECT id FROM account_link WHERE user_id = $1", [cast.user.id])).toEqual([]);
  expect(await opened.query("SELECT hash FROM password WHERE user_id = $1", [cast.user.id])).toEqual([{ hash: "new" }]);
  expect(await promised()).toEqual([{ kind: "password-changed", connector_id: null }]);
  expect(await audited()).toMatchObject([{ event: "password changed" }]);
});

test("of two browsers that change the password at once exactly one succeeds (ACC-16)", async () => {
  const other = await openSession();
  const outcomes = await Promise.all([
    accounts().setPassword(owner, next("one"), LATER),
    accounts().setPassword(other, next("two"), LATER),
  ]);
  expect(outcomes.toSorted()).toEqual(["done", "signed out"]);
});

test("a password that was changed in the meantime is not changed again", async () => {
  expect(await accounts().setPassword(owner, next("one"), LATER)).toBe("done");
  expect(await accounts().setPassword(owner, next("two"), LATER)).toBe("outdated");
  expect(await accounts().setPassword(owner, { ...next("three"), changedAt: undefined }, LATER)).toBe("outdated");
  expect(await promised()).toHaveLength(1);
});

test("a first password comes with its local identity", async () => {
  const mine = { connectorId: "work", remoteId: `mine ${fresh()}` };
  await accounts().link(owner, mine, NOW);
  await accounts().unlink(owner, { connectorId: "local", remoteId: cast.user.id }, NOW);
  owner = await openSession("work");
  expect(await read()).toMatchObject({ passwordChangedAt: undefined, identities: [mine] });
  expect(await accounts().setPassword(owner, { ...next("first"), changedAt: undefined }, LATER)).toBe("done");
  const { passwordChangedAt, identities } = await read();
  expect(passwordChangedAt).toEqual(LATER);
  expect(identities.map((one) => one.connectorId)).toEqual(["local", "work"]);
});

test("an identity is linked once, whoever else has it, and its link is told (v1 U10)", async () => {
  expect(await accounts().link(owner, WORK, NOW)).toBe("taken"); // by the people of the tests before
  const mine = { connectorId: "work", remoteId: `mine ${fresh()}` };
  const outcomes = await Promise.all([accounts().link(owner, mine, NOW), accounts().link(owner, mine, NOW)]);
  expect(outcomes.toSorted()).toEqual(["done", "taken"]);
  expect(await promised()).toEqual([{ kind: "identity-linked", connector_id: "work" }]);
  expect(await audited()).toMatchObject([{ event: "identity linked", detail: { connector: "work" } }]);
});

test("an unlinked identity ends what was begun through its connector, and nothing else (ACC-13, REF-12, v1 U11)", async () => {
  const mine = { connectorId: "work", remoteId: `mine ${fresh()}` };
  await accounts().link(owner, mine, NOW);
  const through = await openSession("work");
  const [kept, ended] = [await openFamily(owner), await openFamily(through, { connectorId: "work" })];
  const code = await issueCode(through, { connectorId: "work" });
  expect(await accounts().unlink(owner, mine, LATER)).toBe("done");
  expect([await isOpen(owner), await isOpen(through)]).toEqual([true, false]);
  expect([await lives(kept), await lives(ended)]).toEqual([true, false]);
  expect(await opened.storage.codes.redeem(redemptionOf(code), LATER)).toBeUndefined();
  const { passwordChangedAt, identities } = await read();
  expect([passwordChangedAt, identities.length]).toEqual([NOW, 1]);
  expect(await promised()).toMatchObject([{ kind: "identity-linked" }, { kind: "identity-unlinked" }]);
});

test("with the local identity goes the password", async () => {
  await accounts().link(owner, { connectorId: "work", remoteId: `mine ${fresh()}` }, NOW);
  expect(await accounts().unlink(owner, { connectorId: "local", remoteId: cast.user.id }, NOW)).toBe("done");
  expect(await opened.query("SELECT hash FROM password WHERE user_id = $1", [cast.user.id])).toEqual([]);
  expect(await isOpen(owner)).toBe(false);
});

test("two callers who remove the last two identities leave one of them (ACC-13)", async () => {
  const mine = { connectorId: "work", remoteId: `mine ${fresh()}` };
  await accounts().link(owner, mine, NOW);
  // A session of a third connector, which neither of the two ends.
  const owners = [await openSession("third"), await openSession("third")];
  const [one, two] = owners as [AccountOwner, AccountOwner];
  const outcomes = await Promise.all([
    accounts().unlink(one, mine, LATER),
    accounts().unlink(two, { connectorId: "local", remoteId: cast.user.id }, LATER),
  ]);
  expect(outcomes.toSorted()).toEqual(["done", "last way in"]);
  expect(await opened.query("SELECT FROM remote_identity WHERE user_id = $1", [cast.user.id])).toHaveLength(1);
});

const uselessWays = [
  { what: "of a connector that was taken out", sql: "DELETE FROM connector WHERE id = 'work'" },
  { what: "with a password that is gone", sql: "DELETE FROM password WHERE user_id = $1", swapped: true },
];
test.each(uselessWays)("an identity $what is no way in that could be left (ACC-13)", async ({ sql, swapped }) => {
  const mine = { connectorId: "work", remoteId: `mine ${fresh()}` };
  await accounts().link(owner, mine, NOW);
  await opened.query(sql, swapped ? [cast.user.id] : []);
  const removed = swapped ? mine : { connectorId: "local", remoteId: cast.user.id };
  expect(await accounts().unlink(owner, removed, NOW)).toBe("last way in");
});

test("nobody removes the identity or ends the session of somebody else (v1 U11)", async () => {
  const first = { owner, identity: { connectorId: "local", remoteId: cast.user.id } };
  cast = await makeCast(opened);
  const stranger = await openSession();
  expect(await accounts().unlink(stranger, first.identity, NOW)).toBe("not linked");
  expect(await opened.query("SELECT FROM remote_identity WHERE user_id = $1", [first.owner.userId])).toHaveLength(1);
  expect(await accounts().endSession(stranger, first.owner.sessionHash, NOW)).toBe("unknown");
  expect(await accounts().rename({ ...first.owner, sessionHash: stranger.sessionHash }, "Eve", NOW)).toBe("signed out");
  expect(await isOpen(first.owner)).toBe(true);
});

test("an application without access has neither consent nor a family, and others keep theirs (ADM-6)", async () => {
  const kept = { ...cast, client: makeClientRow() };
  await opened.storage.clients.create(kept.client, { kind: "dexctl", id: undefined, address: undefined });
  const family = await openFamily(owner);
  const other = await openFamily(owner, { clientId: kept.client.id });
  const code = await issueCode(owner);
  expect(await accounts().revokeApplication(owner, cast.client.id, LATER)).toBe("done");
  expect([await lives(family), await lives(other)]).toEqual([false, true]);
  expect(await opened.storage.codes.redeem(redemptionOf(code), LATER)).toBeUndefined();
  expect((await read()).applications.map((one) => one.clientId)).toEqual([kept.client.id]);
  expect(await audited()).toMatchObject([{ event: "access revoked", detail: { client: cast.client.id, families: 1 } }]);
  expect(await accounts().revokeApplication(owner, cast.client.id, LATER)).toBe("unknown");
});

test("one of several grants of an application ends alone, and for its owner only (REF-12, ADM-6)", async () => {
  const [lost, kept] = [await openFamily(owner), await openFamily(owner)];
  const online = await openFamily(owner, { scope: ["openid"] });
  const grants = async () => (await read()).applications.flatMap((one) => one.grants.map(({ id }) => id));
  expect((await grants()).sort()).toEqual([lost, kept].sort());
  const first = owner;
  cast = await makeCast(opened);
  expect(await accounts().revokeGrant(await openSession(), lost, LATER)).toBe("unknown");
  expect(await lives(lost)).toBe(true);
  for (const id of [online, freshUuid(), "", "\0", "x' OR true"]) {
    expect(await accounts().revokeGrant(first, id, LATER)).toBe("unknown");
  }
  const outcomes = await Promise.all([1, 2, 3].map(() => accounts().revokeGrant(first, lost, LATER)));
  expect(outcomes.sort()).toEqual(["done", "unknown", "unknown"]);
  expect([await lives(lost), await lives(kept), await lives(online)]).toEqual([false, true, true]);
  const rows = await opened.query("SELECT detail FROM audit_event WHERE event = 'access revoked' AND subject_id = $1", [
    first.userId,
  ]);
  expect(rows).toMatchObject([{ detail: { families: 1 } }]);
});

test("a code that is redeemed while access is taken away leaves no live family (REF-12)", async () => {
  for (let round = 0; round < 10; round++) {
    const redemption = redemptionOf(await issueCode(owner));
    const [grant] = await Promise.all([
      opened.storage.codes.redeem(redemption, LATER),
      accounts().revokeApplication(owner, cast.client.id, LATER),
    ]);
    expect(grant !== undefined && (await lives(grant.familyId))).toBe(false);
  }
});

test("an ended session takes its access tokens along, and leaves what was to outlive it", async () => {
  const other = await openSession();
  const [offline, online] = [await openFamily(other), await openFamily(other, { scope: ["openid"] })];
  const elsewhere = await openFamily(owner, { scope: ["openid"] });
  expect(await accounts().endSession(owner, other.sessionHash, LATER)).toBe("done");
  expect([await isOpen(other), await isOpen(owner)]).toEqual([false, true]);
  expect([await lives(offline), await lives(online), await lives(elsewhere)]).toEqual([true, false, true]);
  expect(await accounts().endSession(owner, sha256("unknown"), LATER)).toBe("unknown");
});

test("signing out everywhere else ends every other session and every family (REF-12)", async () => {
  const [other, family] = [await openSession(), await openFamily(owner)];
  expect(await accounts().endOtherSessions(owner, LATER)).toBe("done");
  expect([await isOpen(owner), await isOpen(other), await lives(family)]).toEqual([true, false, false]);
  expect(await audited()).toMatchObject([{ event: "other sessions ended" }]);
});

test("of two browsers that end each other exactly one succeeds", async () => {
  const other = await openSession();
  const outcomes = await Promise.all([
    accounts().endOtherSessions(owner, LATER),
    accounts().endOtherSessions(other, LATER),
  ]);
  expect(outcomes.toSorted()).toEqual(["done", "signed out"]);
});
