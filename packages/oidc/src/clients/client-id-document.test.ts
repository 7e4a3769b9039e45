import { expect, test } from "vitest";
import { makeClientKey } from "../../test/client-jwts.ts";
import {
  allowsHost,
  type ClientIdPolicy,
  decideClientIdDocument,
  isHostEntry,
  parseClientIdUrl,
} from "./client-id-document.ts";
import { SUPPORTED } from "./supported.ts";

const url = new URL("https://agent.example/oauth/client.json");
const policy: ClientIdPolicy = { documents: "any", hosts: [], blockedHosts: [], schemes: "https" };
const now = new Date("2026-11-21T12:00:00Z");
const good = {
  client_id: url.href,
  client_name: "Agent",
  redirect_uris: ["http://127.0.0.1/callback", "http://[::1]/callback", "https://agent.example/callback"],
};
const decide = (document: unknown, more: Partial<ClientIdPolicy> = {}) =>
  decideClientIdDocument(document, { url, policy: { ...policy, ...more }, supported: SUPPORTED, now });

test.each([
  ["https://agent.example/client.json", true],
  ["https://agent.example:8443/client", true],
  ["https://agent.example/client?v=1", true],
  ["https://agent.example/", false],
  ["https://agent.example", false],
  ["http://agent.example/client.json", false],
  ["https://agent.example/client.json#one", false],
  ["https://agent.example/client.json#", false],
  ["https://user@agent.example/client.json", false],
  ["https://user:word@agent.example/client.json", false],
  ["https://agent.example/a/../client.json", false],
  ["https://agent.example/./client.json", false],
  ["https://agent.example/%2e%2e/client.json", false],
  ["https://Agent.example/client.json", false],
  ["HTTPS://agent.example/client.json", false],
  ["https://agent.example:443/client.json", false],
  ["https://agent.example/client json", false],
  ["https://agent.example/ä", false],
  // The same host by another name, which is on no list.
  ["https://agent.example./client.json", false],
  ["https://agent.example.:8443/client.json", false],
  [`https://agent.example/${"a".repeat(255)}`, false],
  ["ftp://agent.example/client.json", false],
  ["client@agent.example", false],
])("whether %s can be the id of a client with a document: %s (Client ID Metadata Document §3)", (text, is) => {
  expect(parseClientIdUrl(text, policy)?.href).toBe(is ? text : undefined);
});

test("http is an address in closed test networks alone", () => {
  const text = "http://127.0.0.1:9/client.json";
  expect(parseClientIdUrl(text, policy)).toBeUndefined();
  expect(parseClientIdUrl(text, { schemes: "http and https" })?.href).toBe(text);
});

test.each<[Partial<ClientIdPolicy>, string, boolean]>([
  [{ documents: "off", hosts: ["agent.example"] }, "https://agent.example/c", false],
  [{ documents: "any" }, "https://agent.example/c", true],
  [{ documents: "any", blockedHosts: ["agent.example"] }, "https://agent.example/c", false],
  [{ documents: "any", blockedHosts: ["agent.example"] }, "https://agent.example:8443/c", false],
  [{ documents: "any", blockedHosts: ["*.example"] }, "https://agent.example/c", false],
  [{ documents: "any", blockedHosts: ["Agent.Example:8443"] }, "https://agent.example:8443/c", false],
  [{ documents: "any", blockedHosts: ["*.Example:8443"] }, "https://agent.example:8443/c", false],
  [{ documents: "any", blockedHosts: ["agent.example:443"] }, "https://agent.example/c", false],
  [{ documents: "any", blockedHosts: ["agent.example."] }, "https://agent.example/c", false],
  [{ documents: "any", blockedHosts: ["bücher.example"] }, "https://xn--bcher-kva.example/c", false],
  [{ documents: "any", blockedHosts: ["*.bücher.example"] }, "https://a.xn--bcher-kva.example/c", false],
  [{ documents: "any", blockedHosts: ["*.example:8443"] }, "https://agent.example/c", true],
  [{ documents: "listed", hosts: ["agent.example"] }, "https://agent.example/c", true],
  [{ documents: "listed", hosts: ["Agent.Example"] }, "https://agent.example/c", true],
  [{ documents: "listed", hosts: ["agent.example"] }, "https://evil-agent.example/c", false],
  [{ documents: "listed", hosts: ["agent.example"] }, "https://agent.example.evil/c", false],
  [{ documents: "listed", hosts: ["*.agent.example"] }, "https://a.b.agent.example/c", true],
  [{ documents: "listed", hosts: ["*.agent.example"] }, "https://agent.example/c", false],
  [{ documents: "listed", hosts: ["*.agent.example"] }, "https://evilagent.example/c", false],
  [{ documents: "listed", hosts: ["agent.example:8443"] }, "https://agent.example:8443/c", true],
  [{ documents: "listed", hosts: ["agent.example:8443"] }, "https://agent.example/c", false],
  [
    { documents: "listed", hosts: ["agent.example"], blockedHosts: ["agent.example"] },
    "https://agent.example/c",
    false,
  ],
])("the policy %j for %s: %s", (more, address, allowed) => {
  expect(allowsHost({ ...policy, ...more }, new URL(address))).toBe(allowed);
});

test.each([
  ["agent.example", true],
  ["agent.example:8443", true],
  ["*.agent.example", true],
  ["bücher.example", true],
  ["127.0.0.1", true],
  ["[::1]:9", true],
  ["https://agent.example", false],
  ["agent.example/client.json", false],
  ["user@agent.example", false],
  ["*", false],
  ["*.", false],
  ["agent.*", false],
  ["agent.example:port", false],
])("whether %s can stand in a list of hosts: %s", (entry, can) => {
  expect(isHostEntry(entry)).toBe(can);
});

test("what the document says becomes a client that nobody trusts, without a secret and with PKCE (DCR-1)", () => {
  expect(decide(good)).toEqual({
    kind: "client",
    client: {
      id: url.href,
      name: "Agent",
      logoUri: undefined,
      clientUri: undefined,
      redirectUris: good.redirect_uris,
      public: true,
      admin: false,
      trusted: false,
      requirePkce: true,
      grantTypes: ["authorization_code"],
      scopes: undefined,
      trustedPeers: [],
      allowedConnectors: undefined,
      idTokenSigningAlgorithm: "RS256",
      secret: undefined,
      dynamic: true,
      details: { token_endpoint_auth_method: "none" },
      createdAt: now,
    },
  });
});

test("what only an administrator says changes nothing (DCR-1)", () => {
  const wishes = {
    admin: true,
    trusted: true,
    isAdmin: true,
    trustedPeers: ["a"],
    sso_shared_with: ["*"],
    id: "other",
    groups: ["admins"],
    roles: ["admin"],
    access_token_format: "jwt",
    trusted_issuers: [{ issuer: "https://agent.example", subject: "a" }],
  };
  expect(decide({ ...good, ...wishes })).toEqual(decide(good));
});

test("a client with keys of its own proves itself with them", () => {
  const jwks = { keys: [makeClientKey("RS256", "one").jwk] };
  const decision = decide({ ...good, token_endpoint_auth_method: "private_key_jwt", jwks });
  expect(decision).toMatchObject({ kind: "client", client: { public: false, secret: undefined, details: { jwks } } });
});

test("of the grants those are left in which a person signs in", () => {
  const grants = ["authorization_code", "refresh_token", "client_credentials", "implicit"];
  const decision = decide({ ...good, grant_types: grants });
  expect(decision).toMatchObject({ client: { grantTypes: ["authorization_code", "refresh_token"] } });
});

test.each<[string, unknown]>([
  ["is no object", [good]],
  ["is null", null],
  ["names no client", { ...good, client_id: undefined }],
  ["names another client", { ...good, client_id: "https://agent.example/other.json" }],
  ["names the client in other words", { ...good, client_id: "https://agent.example:443/oauth/client.json" }],
  ["holds a secret", { ...good, client_secret: "s" }],
  ["says when a secret expires", { ...good, client_secret_expires_at: 0 }],
  ["wants client_secret_basic", { ...good, token_endpoint_auth_method: "client_secret_basic" }],
  ["wants client_secret_jwt", { ...good, token_endpoint_auth_method: "client_secret_jwt" }],
  ["wants private_key_jwt without a key", { ...good, token_endpoint_auth_method: "private_key_jwt" }],
  ["wants client_credentials alone", { ...good, grant_types: ["client_credentials"] }],
  ["wants the implicit flow", { ...good, grant_types: ["implicit"], response_types: ["id_token"] }],
  ["has a sector", { ...good, sector_identifier_uri: "https://agent.example/sector" }],
  ["has a lifetime of its own", { ...good, access_token_lifetime: 3600 }],
  ["has no redirect URI", { ...good, redirect_uris: [] }],
  ["leaves redirect_uris out", { client_id: url.href }],
  ["leads elsewhere", { ...good, redirect_uris: ["https://other.example/callback"] }],
  ["leads to a host below", { ...good, redirect_uris: ["https://www.agent.example/callback"] }],
  ["leads to another port", { ...good, redirect_uris: ["https://agent.example:8443/callback"] }],
  ["leads to http elsewhere", { ...good, redirect_uris: ["http://agent.example/callback"] }],
  ["sends people elsewhere when they sign out", { ...good, post_logout_redirect_uris: ["https://other.example/"] }],
  ["has us call somebody else", { ...good, backchannel_logout_uri: "https://other.example/logout" }],
  ["has browsers call somebody else", { ...good, frontchannel_logout_uri: "https://other.example/logout" }],
  ["begins sign-ins elsewhere", { ...good, initiate_login_uri: "https://other.example/login" }],
  ["has requests elsewhere", { ...good, request_uris: ["https://other.example/request"] }],
  ["leads to an application by a scheme", { ...good, redirect_uris: ["com.example.agent:/callback"] }],
  ["leads to a script", { ...good, redirect_uris: ["javascript:alert(1)"] }],
])("a document is refused that %s (Client ID Metadata Document §4)", (_what, document) => {
  expect(decide(document)).toMatchObject({ kind: "refused" });
});

test("a listed host may be led to, but where it is blocked", () => {
  const document = { ...good, redirect_uris: ["https://other.example/callback"] };
  expect(decide(document, { hosts: ["other.example"] }).kind).toBe("client");
  expect(decide(document, { hosts: ["*.example"], blockedHosts: ["other.example"] }).kind).toBe("refused");
});
