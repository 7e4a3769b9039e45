// Who is told of the end of a session, whatever ended it; and what ends with it.
import type { NewCode } from "@dex/oidc";
import { addSeconds, sha256 } from "@dex/runtime";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import {
  ACTOR,
  type Cast,
  makeCast,
  makeClientRow,
  makeCodeRow,
  makeSessionRow,
  makeUserRow,
  NOW,
  redemptionOf,
} from "./rows.ts";

let opened: TestStorage;
let cast: Cast;
const listening = makeClientRow({ details: { backchannel_logout_uri: "https://rp.example/logout" } });
const alsoListening = makeClientRow({ details: { backchannel_logout_uri: "https://other.example/logout" } });
beforeAll(async () => {
  opened = await openTestStorage();
  cast = await makeCast(opened);
  for (const client of [listening, alsoListening]) await opened.storage.clients.create(client, ACTOR);
});
beforeEach(() => opened.query("DELETE FROM outbox"));
afterAll(() => opened.close());

interface SignedIn {
  readonly hash: Buffer;
  readonly codes: readonly NewCode[];
}

/** A session with a code for each of the clients: the first comes with the sign-in, the others after it. */
async function signInTo(
  clientIds: readonly string[],
  { replaces, of = cast, ...more }: { replaces?: Buffer; of?: Cast } & Partial<NewCode> = {},
): Promise<SignedIn> {
  const session = makeSessionRow(of);
  const { hash } = session;
  const codes = clientIds.map((clientId) => makeCodeRow(of, { clientId, sessionHash: hash, ...more }));
  const [code, ...others] = codes;
  const { signIns } = opened.storage;
  expect(await signIns.signIn({ session, code, replaces, rightPassword: undefined })).toBe("issued");
  for (const other of others) expect(await signIns.issueCode({ code: other, consent: undefined })).toBe("issued");
  return { hash, codes };
}

const end = (hash: Buffer, userId = cast.user.id) =>
  opened.storage.logouts.end({ hash, userId, address: "192.0.2.1" }, NOW);

type Notice = { client_id: string; user_id: string | null; payload: { userId: string; session: string } };
// A local identity has its user's own id at its connector.
const payloadOf = (hash: Buffer) => ({
  userId: cast.user.id,
  connectorId: "local",
  remoteId: cast.user.id,
  session: hash.toString("hex"),
});
const notices = () =>
  opened.query<Notice>(
    "SELECT client_id, user_id, payload FROM outbox WHERE kind = 'backchannel-logout' AND due_at = occurred_at ORDER BY client_id",
  );

test("the end of a session promises a token to each client that takes one, once, with everything else in one transaction", async () => {
  const { hash } = await signInTo([cast.client.id, listening.id, alsoListening.id, listening.id]);
  const stranger = await signInTo([listening.id]);
  expect(await end(hash)).toEqual({
    userId: cast.user.id,
    connectorId: "local",
    clients: expect.toSatisfy((clients: readonly unknown[]) => {
      const ids = [cast.client.id, listening.id, alsoListening.id];
      expect(clients).toHaveLength(3);
      expect(clients).toEqual(expect.arrayContaining(ids.map((clientId) => ({ clientId, sessionHash: hash }))));
      return true;
    }),
  });
  const payload = payloadOf(hash);
  const expected = [listening.id, alsoListening.id].sort();
  expect(await notices()).toEqual(expected.map((client_id) => ({ client_id, user_id: null, payload })));
  const left = await opened.query("SELECT hash FROM session WHERE hash = ANY ($1)", [[hash, stranger.hash]]);
  expect(left).toEqual([{ hash: stranger.hash }]);
});

test("of ten callers who end one session at once, one is told so and each client gets one token", async () => {
  const { hash } = await signInTo([listening.id]);
  const answers = await Promise.all(Array.from({ length: 10 }, () => end(hash)));
  expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
  expect(await notices()).toHaveLength(1);
});

test("nobody ends a session of somebody else", async () => {
  const { hash } = await signInTo([listening.id]);
  const other = makeUserRow();
  await opened.storage.users.createLocal(other, "$argon2id$hash", "local", ACTOR);
  expect(await end(hash, other.id)).toBeUndefined();
  expect(await end(hash, "no\0body")).toBeUndefined();
  expect(await notices()).toEqual([]);
  expect(await opened.query("SELECT FROM session WHERE hash = $1", [hash])).toHaveLength(1);
});

test("access tokens and codes of the session end with it, a refresh token for offline access goes on", async () => {
  const { hash, codes } = await signInTo([cast.client.id], { scope: ["openid"] });
  const offline = makeCodeRow(cast, { sessionHash: hash });
  const unspent = makeCodeRow(cast, { sessionHash: hash });
  for (const code of [offline, unspent]) await opened.storage.signIns.issueCode({ code, consent: undefined });
  const families = await Promise.all(
    [...codes, offline].map(async (code) => opened.storage.codes.redeem(redemptionOf(code), NOW)),
  );
  await end(hash);
  const live = await Promise.all(families.map((grant) => opened.storage.families.findLive(grant?.familyId ?? "", NOW)));
  expect(live.map((grant) => grant !== undefined)).toEqual([false, true]);
  expect(await opened.storage.codes.redeem(redemptionOf(unspent), NOW)).toBeUndefined();
});

test("who signs in again in the same browser is one person to their clients: signing out ends both", async () => {
  const first = await signInTo([listening.id], { scope: ["openid"] });
  const grant = await opened.storage.codes.redeem(redemptionOf(first.codes[0] ?? expect.fail()), NOW);
  const second = await signInTo([alsoListening.id], { replaces: first.hash });
  expect(await notices()).toEqual([]);
  await end(second.hash);
  const told = (await notices()).map(({ client_id, payload }) => [client_id, payload.session]);
  expect(Object.fromEntries(told)).toEqual({
    [listening.id]: first.hash.toString("hex"),
    [alsoListening.id]: second.hash.toString("hex"),
  });
  expect(await opened.storage.families.findLive(grant?.familyId ?? "", NOW)).toBeUndefined();
});

test("somebody else who signs in in the same browser takes over nothing of the one before", async () => {
  const first = await signInTo([listening.id]);
  const user = makeUserRow();
  await opened.storage.users.createLocal(user, "$argon2id$hash", "local", ACTOR);
  const second = await signInTo([alsoListening.id], { replaces: first.hash, of: { ...cast, user } });
  const ended = await end(second.hash, user.id);
  expect(ended?.clients).toEqual([{ clientId: alsoListening.id, sessionHash: second.hash }]);
});

test("signing in over and over keeps the last twenty sessions in mind, and no more", async () => {
  let last = await signInTo([listening.id]);
  for (let again = 0; again < 25; again += 1) last = await signInTo([listening.id], { replaces: last.hash });
  const [row] = await opened.query<{ earlier: Buffer[] }>("SELECT earlier FROM session WHERE hash = $1", [last.hash]);
  expect(row?.earlier).toHaveLength(20);
});

test("of codes that are issued while their session ends none opens anything afterwards", async () => {
  for (let round = 0; round < 8; round += 1) {
    const { hash } = await signInTo([listening.id]);
    const codes = Array.from({ length: 4 }, () => makeCodeRow(cast, { sessionHash: hash, scope: ["openid"] }));
    await Promise.all([
      ...codes.map((code) => opened.storage.signIns.issueCode({ code, consent: undefined })),
      end(hash),
    ]);
    const redeemed = await Promise.all(codes.map((code) => opened.storage.codes.redeem(redemptionOf(code), NOW)));
    expect(redeemed).toEqual([undefined, undefined, undefined, undefined]);
  }
});

const causes = [
  {
    what: "its owner ends it from another browser",
    act: (own: SignedIn, other: SignedIn) =>
      opened.storage.ownAccounts.endSession(ownerOf(other), own.hash, NOW) as Promise<unknown>,
  },
  {
    what: "its owner signs out everywhere else",
    act: (_own: SignedIn, other: SignedIn) => opened.storage.ownAccounts.endOtherSessions(ownerOf(other), NOW),
  },
  {
    what: "an administrator disables the user",
    act: () => opened.storage.userDirectory.setDisabled(cast.user.id, true, ACTOR, addSeconds(NOW, 1)),
  },
  {
    what: "an administrator unlinks the identity",
    act: () =>
      opened.storage.userDirectory.unlink(cast.user.id, { connectorId: "local", remoteId: cast.user.id }, ACTOR, NOW),
  },
  {
    what: "an administrator deletes the user",
    act: () => opened.storage.userDirectory.delete(cast.user.id, ACTOR),
  },
];
const ownerOf = ({ hash }: SignedIn) => ({ userId: cast.user.id, sessionHash: hash, address: undefined });

test.each(causes)("a session's clients are told when $what", async ({ act }) => {
  cast = await makeCast(opened);
  const own = await signInTo([listening.id]);
  const other = await signInTo([cast.client.id]);
  await act(own, other);
  expect(await opened.query("SELECT FROM session WHERE hash = $1", [own.hash])).toHaveLength(0);
  const rows = await opened.query<Notice>(
    "SELECT client_id, user_id, payload FROM outbox WHERE kind = 'backchannel-logout'",
  );
  const payload = payloadOf(own.hash);
  expect(rows).toEqual([{ client_id: listening.id, user_id: null, payload }]);
});

test("what has expired and was not collected yet can still be signed out of", async () => {
  cast = await makeCast(opened);
  const { hash } = await signInTo([listening.id]);
  await opened.query("UPDATE session SET idle_expires_at = $2 WHERE hash = $1", [hash, addSeconds(NOW, -60)]);
  expect(await end(hash)).toBeDefined();
  expect(await end(sha256("no session"))).toBeUndefined();
  expect(await notices()).toHaveLength(1);
});
