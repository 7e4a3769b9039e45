// For whom people proved themselves, as sessions remember it, and how long sessions last that are kept.
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

const find = (hash: Buffer, now = NOW) => opened.storage.signIns.findSession(hash, cast.client.id, now, 3600);

/** Signs in one after the other in one browser, each time for another client, and gives what the last session remembers. */
async function signInFor(clientIds: readonly (string | undefined)[], replaces?: Buffer) {
  let hash = replaces;
  for (const provedFor of clientIds) {
    const session = makeSessionRow(cast, { provedFor });
    const input = { session, code: undefined, replaces: hash, rightPassword: undefined };
    expect(await opened.storage.signIns.signIn(input)).toBe("issued");
    hash = session.hash;
  }
  const found = await find(hash ?? expect.fail("no sign-in"));
  return { hash, provedFor: found?.provedFor };
}

test.each([
  { of: ["a"], remembered: ["a"] },
  { of: ["a", "b", "a"], remembered: ["b", "a"] },
  { of: ["a", undefined, "b"], remembered: ["a", "b"] },
  { of: [undefined], remembered: [] },
])("sign-ins for $of in one browser leave $remembered", async ({ of, remembered }) => {
  expect((await signInFor(of)).provedFor).toEqual(remembered);
});

test("of very many the last are remembered", async () => {
  const many = Array.from({ length: 25 }, (_, index) => `client-${index}`);
  expect((await signInFor(many)).provedFor).toEqual(many.slice(-20));
});

test("nothing is taken over from another person's session", async () => {
  const { hash } = await signInFor(["a"]);
  const other = makeUserRow();
  const actor = { kind: "dexctl", id: undefined, address: undefined } as const;
  await opened.storage.users.createLocal(other, "$argon2id$hash", "local", actor);
  const session = makeSessionRow({ ...cast, user: other }, { provedFor: "b" });
  const input = { session, code: undefined, replaces: hash, rightPassword: undefined };
  expect(await opened.storage.signIns.signIn(input)).toBe("issued");
  expect((await find(session.hash))?.provedFor).toEqual(["b"]);
});

test("a client that was answered is known, and only that one", async () => {
  const session = makeSessionRow(cast, { provedFor: "another" });
  const { signIns } = opened.storage;
  await signIns.signIn({ session, code: undefined, replaces: undefined, rightPassword: undefined });
  expect(await find(session.hash)).toMatchObject({ provedFor: ["another"], knownToClient: false });
  await signIns.issueCode({ code: makeCodeRow(cast, { sessionHash: session.hash }), consent: undefined });
  expect(await find(session.hash)).toMatchObject({ provedFor: ["another"], knownToClient: true });
  expect(await signIns.findSession(session.hash, "nobody", NOW, 3600)).toMatchObject({ knownToClient: false });
});

test("a session that is kept whether used or not is not shortened by a use", async () => {
  const expiresAt = addSeconds(NOW, 7 * 86_400);
  const session = makeSessionRow(cast, { idleExpiresAt: expiresAt, expiresAt });
  await opened.storage.signIns.signIn({ session, code: undefined, replaces: undefined, rightPassword: undefined });
  await find(session.hash, addSeconds(NOW, 600));
  expect(await find(session.hash, addSeconds(NOW, 6 * 86_400))).toBeDefined();
  expect(await find(session.hash, expiresAt)).toBeUndefined();
});
