import { expect, test } from "vitest";
import { client as any, secretOfClient } from "../../test/fakes.ts";
import type { Client } from "./client.ts";
import { decideClientUpdate } from "./client-update.ts";
import { SUPPORTED } from "./supported.ts";

const client: Client = {
  ...any,
  dynamic: true,
  name: "Before",
  logoUri: "https://a.example/logo.png",
  trustedPeers: ["b"],
  allowedConnectors: ["corp"],
  requirePkce: true,
  grantTypes: ["authorization_code", "refresh_token"],
  details: { policy_uri: "https://a.example/policy" },
};
const wanted = { client_id: client.id, redirect_uris: ["https://a.example/new"], client_name: "After" };

const updated = (input: unknown, of = client) => {
  const decision = decideClientUpdate(of, input, SUPPORTED);
  return decision.kind === "update" ? decision.client : expect.fail(decision.error.message);
};

test("all that a client may choose is replaced, and nothing that it may not (DCR-2, RFC 7592 §2.2)", () => {
  expect(updated(wanted)).toEqual({
    ...client,
    name: "After",
    logoUri: undefined,
    redirectUris: ["https://a.example/new"],
    grantTypes: ["authorization_code"],
    details: {},
  });
  expect(updated({ ...wanted, client_secret: secretOfClient, logo_uri: null, policy_uri: null })).toMatchObject({
    secret: client.secret,
    logoUri: undefined,
  });
});

test.each([
  { admin: true, isAdmin: true, trusted: true, trustedPeers: ["victim"], trusted_peers: ["victim"] },
  { allowedConnectors: [], allowed_connectors: null, requirePkce: false, require_pkce: false, public: true },
  { dynamic: false, createdAt: "1970-01-01T00:00:00Z", id: "other", secret: "chosen" },
])("%o changes nothing about the client (DCR-2)", (more) => {
  expect(updated({ ...wanted, ...more })).toEqual(updated(wanted));
});

const careful: Client = {
  ...client,
  scopes: ["openid"],
  details: {
    token_endpoint_auth_method: "client_secret_post",
    subject_type: "pairwise",
    sector_identifier_uri: "https://a.example/sector",
    id_token_encrypted_response_alg: "RSA-OAEP-256",
    userinfo_signed_response_alg: "RS256",
    userinfo_encrypted_response_alg: "ECDH-ES",
    jwks_uri: "https://a.example/jwks",
    require_auth_time: true,
    default_max_age: 60,
    default_acr_values: ["gold"],
    require_signed_request_object: true,
  },
};
const again = { ...wanted, scope: "openid", ...careful.details };
const protections = Object.keys(careful.details).filter((member) => member !== "jwks_uri");

test.each(["scope", ...protections])("%s is not lost by leaving it out; null turns it off (DCR-2)", (member) => {
  const without = Object.fromEntries(Object.entries(again).filter(([name]) => name !== member));
  expect(decideClientUpdate(careful, without, SUPPORTED)).toMatchObject({
    kind: "refused",
    error: { code: "invalid_client_metadata", message: expect.stringContaining(`${member}: `) },
  });
  expect(updated(again, careful)).toMatchObject({ scopes: ["openid"], details: careful.details });
  expect(updated({ ...again, [member]: null }, careful).details).not.toHaveProperty(member);
});

const refusals = [
  ...[null, [], "{}", 7].map((input) => ({ input, code: "invalid_request", says: "object" })),
  ...["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"].map(
    (member) => ({ input: { ...wanted, [member]: "x" }, code: "invalid_request", says: `${member}: ` }),
  ),
  ...[undefined, null, "other", 7].map((id) => ({
    input: { ...wanted, client_id: id },
    code: "invalid_request",
    says: "client_id: ",
  })),
  ...["chosen-by-the-client", "", null, 7].map((secret) => ({
    input: { ...wanted, client_secret: secret },
    code: "invalid_client_metadata",
    says: "client_secret: ",
  })),
  {
    input: { ...wanted, token_endpoint_auth_method: "none" },
    code: "invalid_client_metadata",
    says: "token_endpoint_auth_method: ",
  },
  {
    input: { ...wanted, redirect_uris: ["https://a.example/#x"] },
    code: "invalid_redirect_uri",
    says: "redirect_uris: ",
  },
  { input: { client_id: client.id }, code: "invalid_redirect_uri", says: "redirect_uris: " },
];
test.each(refusals)("$code, since $says stands in $input (RFC 7592 §2.2, DCR-2)", ({ input, code, says }) => {
  const decision = decideClientUpdate(client, input, SUPPORTED);
  expect(decision).toMatchObject({ kind: "refused", error: { code } });
  expect(decision.kind === "refused" && decision.error.message).toContain(says);
});

test("a public client stays one (DCR-2)", () => {
  const open: Client = { ...client, public: true, secret: undefined, requirePkce: true };
  expect(updated({ ...wanted, token_endpoint_auth_method: "none" }, open)).toMatchObject({ public: true });
  expect(decideClientUpdate(open, wanted, SUPPORTED)).toMatchObject({ kind: "refused" });
});

const proofs = [
  { from: "client_secret_basic", to: "client_secret_post", secret: "kept" },
  { from: "client_secret_basic", to: "client_secret_jwt", secret: "new" },
  { from: "private_key_jwt", to: "client_secret_jwt", secret: "new" },
  { from: "client_secret_jwt", to: "client_secret_jwt", secret: "kept" },
  { from: "client_secret_jwt", to: "client_secret_basic", secret: "kept" },
  { from: "client_secret_basic", to: "private_key_jwt", secret: undefined },
  { from: "private_key_jwt", to: "client_secret_basic", secret: undefined },
  { from: "client_secret_jwt", to: "none", secret: undefined },
] as const;
test.each(proofs)("from $from to $to its secret is $secret; undefined is refused (TOK-17)", ({ from, to, secret }) => {
  const jwks_uri = "https://a.example/jwks";
  const before: Client = { ...client, details: { token_endpoint_auth_method: from, jwks_uri } };
  const decision = decideClientUpdate(before, { ...wanted, jwks_uri, token_endpoint_auth_method: to }, SUPPORTED);
  if (secret === undefined) expect(decision).toMatchObject({ kind: "refused" });
  else expect(decision).toMatchObject({ kind: "update", secret });
});
