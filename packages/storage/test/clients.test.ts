import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR, makeClientRow } from "./rows.ts";

let opened: TestStorage;
beforeAll(async () => {
  opened = await openTestStorage();
});
afterAll(() => opened.close());

test("a client comes back as it was stored, in one statement", async () => {
  const { clients } = opened.storage;
  const confidential = makeClientRow({
    id: "all-members",
    name: "Ünï'code\" app",
    logoUri: "https://a.example/logo.png",
    clientUri: "https://a.example/",
    requirePkce: true,
    trusted: true,
    admin: true,
    scopes: ["openid", 'a{b},"c"'],
    trustedPeers: ["peer"],
    idTokenSigningAlgorithm: "ES256",
    secret: { kind: "argon2id", hash: "$argon2id$v=19$..." },
  });
  const open = makeClientRow({ id: "public", public: true, secret: undefined, redirectUris: ["com.example:/cb"] });
  for (const client of [confidential, open]) {
    expect(await clients.create(client, ACTOR)).toBe("created");
    opened.takeStatements();
    expect(await clients.find(client.id)).toEqual(client);
    expect(opened.takeStatements()).toEqual(["client.find"]);
  }
  expect((await clients.list()).map(({ id }) => id)).toEqual(["all-members", "public"]);
});
