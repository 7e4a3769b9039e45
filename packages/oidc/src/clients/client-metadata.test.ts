import { sha256, systemRandom } from "@dex/runtime";
import { expect, test } from "vitest";
import { now, client as stored } from "../../test/fakes.ts";
import { parseClientChanges, parseNewClient, renderClient } from "./client-metadata.ts";
import { makeClient } from "./make-client.ts";

const minimal = { redirectURIs: ["https://app.example.com/cb"] };
const parts = { random: systemRandom, now, hashChosenSecret: async (secret: string) => `argon2id of ${secret}` };

function metadataOf(input: unknown) {
  const decision = parseNewClient(input);
  return decision.kind === "client" ? decision.metadata : expect.fail(decision.reason);
}

test("v1's client document is read, with our defaults (v1 C19, v1 C20)", () => {
  const input = {
    ...minimal,
    id: "my-app@app.example.com",
    secret: Buffer.alloc(72, 200).toString("base64url"),
    isAdmin: true,
    clientName: "My App",
    logoURI: "https://app.example.com/logo.png",
    clientURI: "https://app.example.com",
    trustedPeers: ["other"],
    public: false,
  };
  expect(metadataOf(input)).toEqual({
    id: input.id,
    secret: input.secret,
    name: "My App",
    logoUri: input.logoURI,
    clientUri: input.clientURI,
    redirectUris: minimal.redirectURIs,
    public: false,
    admin: true,
    trusted: false,
    requirePkce: false,
    grantTypes: ["authorization_code", "refresh_token", "client_credentials"],
    scopes: undefined,
    trustedPeers: ["other"],
    allowedConnectors: undefined,
    details: {},
    idTokenSigningAlgorithm: "RS256",
    dynamic: false,
  });
});

test("a public client needs PKCE and cannot speak for itself, without being told (PKC-1, TOK-15)", () => {
  expect(metadataOf({ public: true, redirectURIs: ["com.example.app:/cb"] })).toMatchObject({
    requirePkce: true,
    grantTypes: ["authorization_code", "refresh_token"],
  });
});

test("what a client registered beside is read strictly, and shown where there is something", () => {
  const details = { response_types: ["id_token"], default_max_age: 0, request_uris: ["https://a.example/r#1"] };
  expect(metadataOf({ ...minimal, details }).details).toEqual(details);
  expect(renderClient({ ...stored, details: { response_types: ["id_token"] } })).toHaveProperty("details");
  expect(renderClient({ ...stored, details: {} })).not.toHaveProperty("details");
  for (const uri of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "/relative", "https://a b/"]) {
    for (const details of [{ policy_uri: uri }, { jwks_uri: uri }, { post_logout_redirect_uris: [uri] }]) {
      expect(parseNewClient({ ...minimal, details })).toMatchObject({ kind: "refused" });
    }
  }
  const onDevice = { ...minimal, public: true, details: { post_logout_redirect_uris: ["com.example.app:/out"] } };
  expect(metadataOf(onDevice)).toBeDefined();
  for (const wrong of [
    { unknown: 1 },
    { response_types: ["none"] },
    { default_max_age: -1 },
    { jwks: { keys: 1 } },
    [],
  ]) {
    expect(parseNewClient({ ...minimal, details: wrong })).toMatchObject({ kind: "refused" });
  }
});

test("the connectors of a client are shown where they are restricted; an empty list restricts none (SAM-8)", () => {
  expect(metadataOf({ ...minimal, allowedConnectors: ["corp", "corp"] }).allowedConnectors).toEqual(["corp"]);
  expect(metadataOf({ ...minimal, allowedConnectors: [] }).allowedConnectors).toBeUndefined();
  expect(parseClientChanges({ allowedConnectors: ["corp"] })).toEqual({ kind: "changes", allowedConnectors: ["corp"] });
  expect(parseClientChanges({ grantTypes: ["client_credentials"] })).toEqual({
    kind: "grant types",
    grantTypes: ["client_credentials"],
  });
  for (const wrong of [
    { grantTypes: [] },
    { grantTypes: ["magic"] },
    { grantTypes: ["implicit"], allowedConnectors: [] },
  ]) {
    expect(parseClientChanges(wrong)).toMatchObject({ kind: "refused" });
  }
  for (const wrong of [undefined, {}, { allowedConnectors: null }, { allowedConnectors: ["corp"], admin: true }]) {
    expect(parseClientChanges(wrong)).toMatchObject({ kind: "refused" });
  }
});

const refusals = [
  { when: "nothing", input: undefined, reason: /^client: / },
  { when: "null", input: null, reason: /^client: / },
  { when: "a list", input: [], reason: /^client: / },
  { when: "a text", input: "{}", reason: /^client: / },
  { when: "an unknown member", input: { ...minimal, redirect_uris: [] }, reason: /redirect_uris/ },
  { when: "a misspelt member", input: { ...minimal, isadmin: true }, reason: /isadmin/ },
  { when: "no redirect URI (v1 C12)", input: {}, reason: /^redirectURIs: / },
  { when: "an empty list of redirect URIs (v1 C12)", input: { redirectURIs: [] }, reason: /^redirectURIs: / },
  { when: "a redirect URI that is a number", input: { redirectURIs: [1] }, reason: /^redirectURIs\.0: / },
  {
    when: "51 redirect URIs",
    input: { redirectURIs: Array.from({ length: 51 }, (_, n) => `https://a.example/${n}`) },
    reason: /^redirectURIs: /,
  },
  {
    when: "the same redirect URI twice",
    input: { redirectURIs: ["https://a.example/", "https://a.example/"] },
    reason: /^redirectURIs: /,
  },
  { when: "a wildcard (RED-8)", input: { redirectURIs: ["https://*.example.com/cb"] }, reason: /^redirectURIs: / },
  { when: "http elsewhere (RED-8)", input: { redirectURIs: ["http://app.example.com/cb"] }, reason: /^redirectURIs: / },
  {
    when: "a private-use scheme of a confidential client (RED-3)",
    input: { redirectURIs: ["com.example.app:/cb"] },
    reason: /^redirectURIs: /,
  },
  { when: "an empty id", input: { ...minimal, id: "" }, reason: /^id: / },
  { when: "an id with a space", input: { ...minimal, id: "a b" }, reason: /^id: / },
  { when: "an id with a line break", input: { ...minimal, id: "a\n" }, reason: /^id: / },
  { when: "an endless id", input: { ...minimal, id: "a".repeat(256) }, reason: /^id: / },
  { when: "the id of our own pages", input: { ...minimal, id: "dex:own-pages" }, reason: /^id: is reserved/ },
  { when: "an id that begins like ours", input: { ...minimal, id: "dex:x" }, reason: /^id: is reserved/ },
  { when: "an endless secret", input: { ...minimal, secret: "a".repeat(257) }, reason: /^secret: / },
  { when: "an empty redirect URI (v1 C20)", input: { redirectURIs: [""] }, reason: /^redirectURIs: / },
  {
    when: "a public client with neither redirect URI nor name (v1 C13)",
    input: { public: true },
    reason: /^clientName: /,
  },
  { when: "an id that is a number", input: { ...minimal, id: 7 }, reason: /^id: / },
  { when: "an empty secret", input: { ...minimal, secret: "" }, reason: /^secret: / },
  { when: "a short secret", input: { ...minimal, secret: "hunter2" }, reason: /^secret: / },
  {
    when: "a secret that is not base64url",
    input: { ...minimal, secret: "correct horse battery staple" },
    reason: /^secret: /,
  },
  { when: "isAdmin as a text", input: { ...minimal, isAdmin: "true" }, reason: /^isAdmin: / },
  { when: "an empty name", input: { ...minimal, clientName: "" }, reason: /^clientName: / },
  { when: "a name with a control character", input: { ...minimal, clientName: "a\u202eb" }, reason: /^clientName: / },
  { when: "a script as logo", input: { ...minimal, logoURI: "javascript:alert(1)" }, reason: /^logoURI: / },
  { when: "a logo over http", input: { ...minimal, logoURI: "http://a.example/logo" }, reason: /^logoURI: / },
  { when: "an unknown grant", input: { ...minimal, grantTypes: ["magic"] }, reason: /^grantTypes\.0: / },
  { when: "no grant", input: { ...minimal, grantTypes: [] }, reason: /^grantTypes: / },
  { when: "refresh_token alone", input: { ...minimal, grantTypes: ["refresh_token"] }, reason: /^grantTypes: / },
  {
    when: "a connector that can have no such id",
    input: { ...minimal, allowedConnectors: ["a", "B"] },
    reason: /^allowedConnectors.1: /,
  },
  {
    when: "connectors that are no list",
    input: { ...minimal, allowedConnectors: "corp" },
    reason: /^allowedConnectors: /,
  },
  { when: "a peer twice", input: { ...minimal, trustedPeers: ["a", "a"] }, reason: /^trustedPeers: / },
  { when: "a scope with a space", input: { ...minimal, scopes: ["a b"] }, reason: /^scopes\.0: / },
  {
    when: "the algorithm none",
    input: { ...minimal, idTokenSignedResponseAlg: "none" },
    reason: /^idTokenSignedResponseAlg: /,
  },
  {
    when: "a public client with a secret",
    input: { ...minimal, public: true, secret: "a".repeat(32) },
    reason: /^secret: /,
  },
  { when: "a public admin", input: { ...minimal, public: true, isAdmin: true }, reason: /^isAdmin: / },
  {
    when: "a public client without PKCE",
    input: { ...minimal, public: true, requirePKCE: false },
    reason: /^requirePKCE: /,
  },
  { when: "a trusted public client", input: { ...minimal, public: true, trusted: true }, reason: /^trusted: / },
  {
    when: "a public client for client_credentials",
    input: { ...minimal, public: true, grantTypes: ["authorization_code", "client_credentials"] },
    reason: /^grantTypes: /,
  },
];
test.each(refusals)("$when is refused by the member's name", ({ input, reason }) => {
  expect(parseNewClient(input)).toEqual({ kind: "refused", reason: expect.stringMatching(reason) });
});

test("a public client needs no redirect URI when it has a name (v1 C13)", () => {
  expect(metadataOf({ public: true, clientName: "My CLI" })).toMatchObject({ redirectUris: [], requirePkce: true });
  expect(metadataOf({ public: true, redirectURIs: ["http://127.0.0.1/cb"] })).toMatchObject({ name: undefined });
});

test("an id that dex v1 made is taken as it is", () => {
  for (const place of ["127.0.0.1", "app.example.com", "My-CLI"]) {
    const id = `${Buffer.alloc(32, 0xfe).toString("base64").replaceAll("/", "_").replaceAll("+", "-")}@${place}`;
    expect(id).toContain("=@");
    expect(metadataOf({ ...minimal, id })).toMatchObject({ id });
  }
});

const names = [
  { clientName: "kubectl", ends: "@kubectl" },
  { clientName: "a:b:c", ends: "@a-b-c" },
  { clientName: "My CLI: the 2nd", ends: "@My-CLI-the-2nd" },
  { clientName: "::", ends: "" },
  { clientName: "日本語", ends: "" },
];
test.each(names)("the id of the public client $clientName ends in $ends and can stand in HTTP Basic", async (row) => {
  const { client } = await makeClient(metadataOf({ public: true, clientName: row.clientName }), parts);
  expect(client.id.slice(43)).toBe(row.ends);
  expect(client.id).not.toContain(":");
  expect(parseNewClient({ ...minimal, id: client.id })).toMatchObject({ kind: "client" });
});

test("an id that we make is no option on a command line", async () => {
  const random = (size: number) => Buffer.alloc(size, 0xf8);
  expect(random(1).toString("base64url")).toMatch(/^-/);
  const { client } = await makeClient(metadataOf(minimal), { ...parts, random });
  expect(client.id).toMatch(/^_/);
});

test("a client that registered itself is shown as such (DCR-3)", () => {
  expect(renderClient({ ...stored, dynamic: true })).toMatchObject({ dynamic: true });
  expect(renderClient(stored)).not.toHaveProperty("dynamic");
});

test("a secret we make has 256 bits and only its SHA-256 is kept (TOK-17)", async () => {
  const { client, secret } = await makeClient(metadataOf(minimal), parts);
  const text = secret?.reveal() ?? expect.fail("no secret");
  expect(Buffer.from(text, "base64url")).toHaveLength(32);
  expect(client.secret).toEqual({ kind: "sha256", hash: sha256(text) });
  expect(JSON.stringify(secret)).not.toContain(text);
});

test("a chosen secret is kept as argon2id (TOK-17)", async () => {
  const chosen = "c2VjcmV0LXNlY3JldA";
  const { client, secret } = await makeClient(metadataOf({ ...minimal, secret: chosen }), parts);
  expect(client.secret).toEqual({ kind: "argon2id", hash: `argon2id of ${chosen}` });
  expect(secret?.reveal()).toBe(chosen);
});

test("a public client gets no secret", async () => {
  const { client, secret } = await makeClient(metadataOf({ ...minimal, public: true }), parts);
  expect([client.secret, secret]).toEqual([undefined, undefined]);
});

const ids = [
  { redirectURIs: ["https://app.example.com:8443/cb"], public: false, ends: "@app.example.com" },
  { redirectURIs: ["http://[::1]/cb"], public: true, ends: "@::1" },
  { redirectURIs: ["com.example.app:/cb"], public: true, ends: "@com.example.app" },
];
test.each(ids)("the id of a client at $redirectURIs.0 ends in $ends, as v1 wrote it", async ({ ends, ...input }) => {
  const { client } = await makeClient(metadataOf(input), parts);
  expect(client.id).toMatch(/^[A-Za-z0-9_-]{43}@/);
  expect(client.id.slice(43)).toBe(ends);
  expect(parseNewClient({ ...input, id: client.id })).toMatchObject({ kind: "client" });
});

test("a client of no address has an id too", async () => {
  const { client } = await makeClient(metadataOf({ grantTypes: ["client_credentials"] }), parts);
  expect(client.id).toMatch(/^[A-Za-z0-9_-]{43}$/);
});

test("a rendered client shows neither secret nor hash (ADM-5, TOK-17, v1 C20)", () => {
  const rendered = renderClient(stored);
  expect(Object.keys(rendered)).not.toContain("secret");
  const hash = stored.secret?.hash ?? expect.fail("no hash");
  for (const encoding of ["hex", "base64", "base64url"] as const) {
    expect(JSON.stringify(rendered)).not.toContain(Buffer.from(hash).toString(encoding));
  }
  expect(rendered).toMatchObject({
    id: "client-a",
    clientName: "A",
    redirectURIs: stored.redirectUris,
    isAdmin: false,
  });
});
