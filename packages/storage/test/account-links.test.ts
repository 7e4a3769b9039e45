import { addSeconds } from "@dex/runtime";
import { type Actor, LINK_LIFETIME_SECONDS, type LinkOrigin } from "@dex/users";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { LINK_LIFETIMES } from "../src/account-links.ts";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { type Cast, fresh, makeCast, makeCodeRow, makeSessionRow, makeUserRow, NOW, redemptionOf } from "./rows.ts";

const PERSON: Actor = { kind: "user", id: undefined, address: "192.0.2.7" };
const ORIGIN: LinkOrigin = { clientId: "app", redirectUri: "https://rp.example/cb", flowId: "flow", locale: "de" };
const LATER = addSeconds(NOW, 61);

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
const mailsOf = (kind: string) =>
  opened.query<{ id: string; link_id: string | null; email: string | null; user_id: string | null }>(
    "SELECT * FROM outbox WHERE kind = $1 AND (user_id = $2 OR email = $3) ORDER BY occurred_at",
    [kind, cast.user.id, cast.user.email],
  );
const auditOf = async (event: string) =>
  (await opened.query("SELECT * FROM audit_event WHERE event = $1 AND subject_id = $2", [event, cast.user.id])).length;

/** The id of a link as mail delivery opens it. */
async function openReset(at = NOW): Promise<string> {
  await links().requestPasswordReset(cast.user.email, ORIGIN, at);
  const mails = await mailsOf("password-reset");
  const id = mails.at(-1)?.id ?? "";
  expect(await links().openPasswordReset({ id, email: cast.user.email }, at)).toBe("link");
  return id;
}
async function makeUnverified(): Promise<void> {
  await opened.query("UPDATE app_user SET email_verified = false WHERE id = $1", [cast.user.id]);
}

test("the lifetimes are those that the pages tell of", () => {
  const { registration, ...ofUsers } = LINK_LIFETIME_SECONDS;
  expect(registration).toBe(86_400);
  expect(LINK_LIFETIMES).toEqual(ofUsers);
});

test("a reset is asked for by the same statement whoever has the address, and names no user (ACC-2)", async () => {
  opened.takeStatements();
  await links().requestPasswordReset(cast.user.email, ORIGIN, NOW);
  await links().requestPasswordReset(`nobody-${fresh()}@example.com`, ORIGIN, NOW);
  expect(new Set(opened.takeStatements())).toEqual(new Set(["accountLink.requestPasswordReset"]));
  expect(await mailsOf("password-reset")).toMatchObject([{ user_id: null, email: cast.user.email, link_id: null }]);
});

test("asked for again in the same minute, by many at once, one mail is promised", async () => {
  await Promise.all(Array.from({ length: 5 }, () => links().requestPasswordReset(cast.user.email, ORIGIN, NOW)));
  expect(await mailsOf("password-reset")).toHaveLength(1);
  await links().requestPasswordReset(cast.user.email, ORIGIN, LATER);
  expect(await mailsOf("password-reset")).toHaveLength(2);
});

test("whose password it is comes out when the mail is sent: nobody's, one that is elsewhere, a link", async () => {
  const stranger = `nobody-${fresh()}@example.com`;
  await links().requestPasswordReset(stranger, ORIGIN, NOW);
  const [mail] = await opened.query<{ id: string }>("SELECT id FROM outbox WHERE email = $1", [stranger]);
  expect(await links().openPasswordReset({ id: mail?.id ?? "", email: stranger }, NOW)).toBe("nobody");
  const remote = makeUserRow();
  const identity = { connectorId: "hub", remoteId: `r${fresh()}`, email: remote.email, emailVerified: true };
  const more = { displayName: undefined, preferredUsername: undefined, groups: undefined, authTime: NOW, amr: [] };
  await opened.storage.users.register(remote, { ...identity, ...more }, PERSON);
  await links().requestPasswordReset(remote.email, ORIGIN, NOW);
  const [theirs] = await opened.query<{ id: string }>("SELECT id FROM outbox WHERE email = $1", [remote.email]);
  expect(await links().openPasswordReset({ id: theirs?.id ?? "", email: remote.email }, NOW)).toBe("no password");
  const id = await openReset();
  expect(await links().find(id, "reset password", NOW)).toMatchObject({
    email: cast.user.email,
    user: { id: cast.user.id },
    origin: { clientId: "app", redirectUri: "https://rp.example/cb", flowId: "flow" },
    expiresAt: addSeconds(NOW, 1_800),
  });
});

test("a disabled user has no reset (ACC-1)", async () => {
  await opened.query("UPDATE app_user SET disabled = true WHERE id = $1", [cast.user.id]);
  await links().requestPasswordReset(cast.user.email, ORIGIN, NOW);
  const [mail] = await mailsOf("password-reset");
  expect(await links().openPasswordReset({ id: mail?.id ?? "", email: cast.user.email }, NOW)).toBe("nobody");
});

test("a mail that is sent again has the same link; a newer one takes its place, and no older one comes back (ACC-8)", async () => {
  const first = await openReset();
  const email = cast.user.email;
  expect(await links().openPasswordReset({ id: first, email }, LATER)).toBe("link");
  const second = await openReset(LATER);
  expect(await links().find(first, "reset password", LATER)).toBeUndefined();
  expect(await links().openPasswordReset({ id: first, email }, LATER)).toBe("superseded");
  expect(await links().resetPassword(second, "$new", PERSON, addSeconds(LATER, 5))).toBe("done");
  expect(await links().openPasswordReset({ id: second, email }, addSeconds(LATER, 9))).toBe("superseded");
  expect(await links().find(second, "reset password", LATER)).toBeUndefined();
});

test("of two uses of one link exactly one succeeds, and one notice and one audit event tell of it (ACC-8, ADM-6)", async () => {
  const id = await openReset();
  const uses = await Promise.all(["$a", "$b"].map((hash) => links().resetPassword(id, hash, PERSON, LATER)));
  expect(uses.toSorted()).toEqual(["done", "gone"]);
  expect(await mailsOf("password-changed")).toHaveLength(1);
  expect(await auditOf("password reset")).toBe(1);
});

test("a reset ends sessions, codes, families and every other link of the user (ACC-16, REF-12)", async () => {
  const { storage } = opened;
  const session = makeSessionRow(cast);
  await storage.signIns.signIn({ session, code: undefined, replaces: undefined, rightPassword: undefined });
  const issue = async () => {
    const code = makeCodeRow(cast, { sessionHash: session.hash });
    await storage.signIns.issueCode({ code, consent: undefined });
    return code;
  };
  const grant = await storage.codes.redeem(redemptionOf(await issue()), NOW);
  const unredeemed = await issue();
  await links().requestEmailChange(cast.user.id, `new-${fresh()}@example.com`, ORIGIN, PERSON, NOW);
  const id = await openReset();
  expect(await links().resetPassword(id, "$new", PERSON, addSeconds(NOW, 1))).toBe("done");
  const after = addSeconds(NOW, 2);
  expect(await storage.signIns.findSession(session.hash, cast.client.id, after, 3_600)).toBeUndefined();
  expect(await storage.families.findLive(grant?.familyId ?? "", after)).toBeUndefined();
  expect(await storage.codes.redeem(redemptionOf(unredeemed), after)).toBeUndefined();
  expect(await opened.query("SELECT FROM account_link WHERE user_id = $1", [cast.user.id])).toEqual([]);
  expect(await opened.query("SELECT hash FROM password WHERE user_id = $1", [cast.user.id])).toEqual([
    { hash: "$new" },
  ]);
});

test("a reset of an account whose address was never verified leaves nothing of who made it (ACC-13)", async () => {
  await makeUnverified();
  await opened.query("INSERT INTO remote_identity VALUES ('hub', $1, $2, $3)", [`evil-${fresh()}`, cast.user.id, NOW]);
  expect(await links().resetPassword(await openReset(), "$mine", PERSON, LATER)).toBe("done");
  const identities = await opened.query("SELECT remote_id FROM remote_identity WHERE user_id = $1", [cast.user.id]);
  expect(identities).toEqual([{ remote_id: cast.user.id }]);
  const [user] = await opened.query("SELECT email_verified FROM app_user WHERE id = $1", [cast.user.id]);
  expect(user).toEqual({ email_verified: true });
});

test("a reset keeps the other ways in of an account whose address was verified, and forgets failed guesses (ACC-3)", async () => {
  await opened.query("INSERT INTO remote_identity VALUES ('hub', $1, $2, $3)", [`me-${fresh()}`, cast.user.id, NOW]);
  const { passwords } = opened.storage;
  await passwords.beginAttempt(cast.user.email, "192.0.2.9", 900, NOW);
  expect(await links().resetPassword(await openReset(), "$mine", PERSON, LATER)).toBe("done");
  expect(await opened.query("SELECT FROM remote_identity WHERE user_id = $1", [cast.user.id])).toHaveLength(2);
  const next = await passwords.beginAttempt(cast.user.email, "192.0.2.9", 900, LATER);
  expect(next.accountAttempts).toBe(1);
});

const deadLinks = [
  { when: "it has expired", spoil: async () => undefined, at: addSeconds(NOW, 1_800) },
  {
    when: "the address has changed",
    spoil: () =>
      opened.query("UPDATE app_user SET email = $1 WHERE id = $2", [`x${fresh()}@example.com`, cast.user.id]),
    at: LATER,
  },
  {
    when: "the user is disabled",
    spoil: () => opened.query("UPDATE app_user SET disabled = true WHERE id = $1", [cast.user.id]),
    at: LATER,
  },
];
test.each(deadLinks)("a link is dead when $when (ACC-8, ACC-11)", async ({ spoil, at }) => {
  const id = await openReset();
  await spoil();
  expect(await links().find(id, "reset password", at)).toBeUndefined();
  expect(await links().resetPassword(id, "$new", PERSON, at)).toBe("gone");
  expect(await links().acceptInvitation(id, "$new", PERSON, NOW)).toBe("gone");
});

test("an address is verified for the user who is signed in and for nobody else (ACC-11, ACC-13)", async () => {
  await makeUnverified();
  expect(await links().requestVerification(cast.user.id, ORIGIN, NOW)).toBe("promised");
  expect(await links().requestVerification(cast.user.id, ORIGIN, NOW)).toBe("promised");
  const mails = await mailsOf("verify-email");
  expect(mails).toHaveLength(1);
  const id = mails[0]?.link_id ?? "";
  expect(await links().verifyEmail(id, "somebody else", PERSON, LATER)).toBe("gone");
  expect(await links().find(id, "verify email", LATER)).toBeDefined();
  expect(await links().verifyEmail(id, cast.user.id, PERSON, LATER)).toBe("done");
  expect(await links().verifyEmail(id, cast.user.id, PERSON, LATER)).toBe("gone");
  expect(await links().requestVerification(cast.user.id, ORIGIN, LATER)).toBe("verified");
  expect(await links().requestVerification("nobody", ORIGIN, LATER)).toBe("unknown");
  expect(await auditOf("address verified")).toBe(1);
});

test("an invitation sets the password and verifies the address, once; sent again, only the newer works (ACC-8)", async () => {
  await makeUnverified();
  await links().requestInvitation(cast.user.id, ORIGIN, PERSON, NOW);
  await links().requestInvitation(cast.user.id, ORIGIN, PERSON, LATER);
  const [older, newer] = (await mailsOf("invitation")).map(({ link_id }) => link_id ?? "");
  expect(await links().acceptInvitation(older ?? "", "$x", PERSON, LATER)).toBe("gone");
  expect(await links().acceptInvitation(newer ?? "", "$x", PERSON, LATER)).toBe("done");
  expect(await links().requestInvitation(cast.user.id, ORIGIN, PERSON, LATER)).toBe("verified");
});

test("a new address is the user's when it was confirmed, once, and the old one is told (ACC-15)", async () => {
  const wanted = `new-${fresh()}@example.com`;
  await links().requestEmailChange(cast.user.id, wanted, ORIGIN, PERSON, NOW);
  expect(await mailsOf("email-change-requested")).toHaveLength(1);
  const [mail] = await opened.query<{ link_id: string }>("SELECT link_id FROM outbox WHERE email = $1", [wanted]);
  const id = mail?.link_id ?? "";
  const before = await opened.query("SELECT email FROM app_user WHERE id = $1", [cast.user.id]);
  expect(before).toEqual([{ email: cast.user.email }]);
  const uses = await Promise.all([1, 2].map(() => links().changeEmail(id, PERSON, LATER)));
  expect(uses.toSorted()).toEqual(["done", "gone"]);
  expect(await opened.query("SELECT email, email_verified FROM app_user WHERE id = $1", [cast.user.id])).toEqual([
    { email: wanted, email_verified: true },
  ]);
  expect(await mailsOf("email-changed")).toMatchObject([{ email: cast.user.email }]);
});

test("an old address that nobody had confirmed is not told of the change: it may be a stranger's (ACC-10)", async () => {
  await makeUnverified();
  const wanted = `new-${fresh()}@example.com`;
  await links().requestEmailChange(cast.user.id, wanted, ORIGIN, PERSON, NOW);
  const [mail] = await opened.query<{ link_id: string }>("SELECT link_id FROM outbox WHERE email = $1", [wanted]);
  expect(await links().changeEmail(mail?.link_id ?? "", PERSON, LATER)).toBe("done");
  expect(await mailsOf("email-changed")).toEqual([]);
});

test("an address that somebody else took meanwhile stays theirs (ACC-15)", async () => {
  const wanted = makeUserRow();
  await links().requestEmailChange(cast.user.id, wanted.email, ORIGIN, PERSON, NOW);
  await opened.storage.users.createLocal(wanted, "$hash", "local", PERSON);
  const [mail] = await opened.query<{ link_id: string }>(
    "SELECT link_id FROM outbox WHERE email = $1 AND kind = 'confirm-email-change'",
    [wanted.email],
  );
  expect(await links().changeEmail(mail?.link_id ?? "", PERSON, LATER)).toBe("taken");
  expect(await opened.query("SELECT email FROM app_user WHERE id = $1", [cast.user.id])).toEqual([
    { email: cast.user.email },
  ]);
});
