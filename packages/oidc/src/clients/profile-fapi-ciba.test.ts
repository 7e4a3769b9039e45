// What FAPI-CIBA refuses of a client, whoever describes it.
import { expect, test } from "vitest";
import { makeClientKey } from "../../test/client-jwts.ts";
import { CIBA_GRANT } from "../backchannel-authentication/auth-req-id.ts";
import { parseNewClient } from "./client-metadata.ts";

const jwks = { keys: [makeClientKey("ES256", "one").jwk] };
const rsa = { keys: [{ ...makeClientKey("RS256", "rsa").jwk, alg: "RS256" }] };
const grants = [CIBA_GRANT, "refresh_token"];
const held = { profile: "fapi-ciba", jwks };
const described = (details: object, more: object = {}) =>
  parseNewClient({ redirectURIs: [], grantTypes: grants, details: { ...held, ...details }, ...more });

test("with a key a client can be registered, and has what follows from it (cert 13 ciba registration)", () => {
  const details = { ...held, token_endpoint_auth_method: "private_key_jwt" };
  expect(described({})).toMatchObject({ kind: "client", metadata: { idTokenSigningAlgorithm: "ES256", details } });
});

test.each([
  { backchannel_token_delivery_mode: "poll" },
  {
    backchannel_token_delivery_mode: "ping",
    backchannel_client_notification_endpoint: "https://client.example/notified",
  },
  { tls_client_certificate_bound_access_tokens: true },
  { token_endpoint_auth_method: "tls_client_auth", tls_client_auth_subject_dn: "CN=client" },
  { backchannel_authentication_request_signing_alg: "ES256" },
])("a client may register %j (cert 13 ciba registration)", (details) => {
  expect(described(details)).toMatchObject({ kind: "client" });
});

const CIBA = "FAPI-CIBA section 5.2.2";
const PART_2 = "FAPI 1.0 Part 2 section";

test.each<{ when: string; details?: object; more?: object; member: string; by: string }>([
  ...["client_secret_basic", "client_secret_post", "client_secret_jwt"].map((method) => ({
    when: `it proves itself by ${method}`,
    details: { token_endpoint_auth_method: method },
    member: "token_endpoint_auth_method",
    by: `${PART_2} 5.2.2`,
  })),
  { when: "its only key is for RS256", details: { jwks: rsa }, member: "jwks", by: `${PART_2} 8.6` },
  {
    when: "it has a certificate's name and nothing to sign with",
    details: { token_endpoint_auth_method: "tls_client_auth", tls_client_auth_subject_dn: "CN=a", jwks: { keys: [] } },
    member: "jwks",
    by: CIBA,
  },
  {
    when: "its requests are signed by RS256",
    details: { backchannel_authentication_request_signing_alg: "RS256" },
    member: "backchannel_authentication_request_signing_alg",
    by: `${PART_2} 8.6`,
  },
  {
    when: "its ID tokens are signed by RS256",
    more: { idTokenSignedResponseAlg: "RS256" },
    member: "idTokenSignedResponseAlg",
    by: `${PART_2} 8.6`,
  },
  {
    when: "people would come to it through a browser, too",
    more: { grantTypes: [...grants, "authorization_code"], redirectURIs: ["https://client.example/cb"] },
    member: "grantTypes",
    by: CIBA,
  },
])("$member is refused when $when ($by) (cert 13 ciba registration)", ({ details = {}, more, member, by }) => {
  const decision = described(details, more);
  if (decision.kind !== "refused") return expect.fail("it was accepted");
  expect(decision.reason.startsWith(`${member}: `)).toBe(true);
  expect(decision.reason.endsWith(` under the profile fapi-ciba (${by})`)).toBe(true);
});

test("it is no public client, and gets nothing pushed, with a profile or without (cert 13 ciba registration)", () => {
  expect(described({}, { public: true, requirePKCE: true })).toMatchObject({ kind: "refused" });
  const push = { backchannel_token_delivery_mode: "push" };
  expect(described(push)).toMatchObject({ kind: "refused" });
  expect(described({ ...push, profile: undefined })).toMatchObject({ kind: "refused" });
});
