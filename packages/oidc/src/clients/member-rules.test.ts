// Rules that span members of client metadata hold for everyone who describes a client, OIDC Registration §2, RFC 7591 §2.
import { expect, test } from "vitest";
import { makeClientKey } from "../../test/client-jwts.ts";
import { parseNewClient } from "./client-metadata.ts";
import { decideRegistration } from "./registration-metadata.ts";

const uris = ["https://a.example/cb"];
const jwks = { keys: [makeClientKey("RS256", "one").jwk] };
const code = ["authorization_code"];

const contradictions: {
  when: string;
  details: Readonly<Record<string, unknown>>;
  grants?: readonly string[];
  redirectUris?: readonly string[];
  member: string;
  by: string;
}[] = [
  {
    when: "private_key_jwt has no key to check with",
    details: { token_endpoint_auth_method: "private_key_jwt" },
    member: "token_endpoint_auth_method",
    by: "OIDC Core §9",
  },
  {
    when: "client_secret_jwt is to be by RS256",
    details: { token_endpoint_auth_method: "client_secret_jwt", token_endpoint_auth_signing_alg: "RS256" },
    member: "token_endpoint_auth_signing_alg",
    by: "OIDC Registration §2",
  },
  {
    when: "self_signed_tls_client_auth has no certificate to compare with",
    details: { token_endpoint_auth_method: "self_signed_tls_client_auth", jwks },
    member: "token_endpoint_auth_method",
    by: "RFC 8705 §2.2.2",
  },
  {
    when: "tls_client_auth has no subject",
    details: { token_endpoint_auth_method: "tls_client_auth" },
    member: "token_endpoint_auth_method",
    by: "RFC 8705 §2.1.2",
  },
  {
    when: "tls_client_auth has two subjects",
    details: {
      token_endpoint_auth_method: "tls_client_auth",
      tls_client_auth_san_dns: "a.example",
      tls_client_auth_subject_dn: "CN=a",
    },
    member: "token_endpoint_auth_method",
    by: "RFC 8705 §2.1.2",
  },
  {
    when: "another method than tls_client_auth has a subject",
    details: { tls_client_auth_san_dns: "a.example" },
    member: "tls_client_auth_san_dns",
    by: "RFC 8705 §2.1.2",
  },
  {
    when: "it is to bind tokens that come from the authorization endpoint",
    details: { tls_client_certificate_bound_access_tokens: true, response_types: ["code", "id_token token"] },
    grants: [...code, "implicit"],
    member: "tls_client_certificate_bound_access_tokens",
    by: "RFC 8705 §3",
  },
  {
    when: "a response type needs the implicit grant",
    details: { response_types: ["code id_token"] },
    grants: code,
    member: "response_types",
    by: "RFC 7591 §2.1",
  },
  {
    when: "a response type needs the authorization_code grant",
    details: { response_types: ["code"] },
    grants: ["client_credentials"],
    member: "response_types",
    by: "RFC 7591 §2.1",
  },
  {
    when: "the implicit grant has no response type",
    details: {},
    grants: [...code, "implicit"],
    member: "response_types",
    by: "RFC 7591 §2.1",
  },
  {
    when: "an encryption has no key",
    details: { id_token_encrypted_response_alg: "RSA-OAEP-256" },
    member: "jwks",
    by: "OIDC Registration §2",
  },
  {
    when: "all requests must be signed, and there is no key to check them with",
    details: { require_signed_request_object: true },
    member: "require_signed_request_object",
    by: "RFC 9101 §10.5",
  },
  {
    when: "all requests must be signed, and the algorithm is none",
    details: { jwks, require_signed_request_object: true, request_object_signing_alg: "none" },
    member: "require_signed_request_object",
    by: "RFC 9101 §10.5",
  },
  {
    when: "the content of an ID token is encrypted, and its key is not",
    details: { jwks, id_token_encrypted_response_enc: "A128GCM" },
    member: "id_token_encrypted_response_enc",
    by: "OIDC Registration §2",
  },
  {
    when: "the content of userinfo is encrypted, and its key is not",
    details: { jwks, userinfo_encrypted_response_enc: "A128GCM" },
    member: "userinfo_encrypted_response_enc",
    by: "OIDC Registration §2",
  },
  {
    when: "the content of introspection is encrypted, and its key is not",
    details: { jwks, introspection_encrypted_response_enc: "A128GCM" },
    member: "introspection_encrypted_response_enc",
    by: "RFC 9701 §6",
  },
  {
    when: "the content of answers is encrypted, and its key is not",
    details: { jwks, authorization_encrypted_response_enc: "A128GCM" },
    member: "authorization_encrypted_response_enc",
    by: "JARM §3",
  },
  {
    when: "keys come twice",
    details: { jwks, jwks_uri: "https://a.example/jwks" },
    member: "jwks",
    by: "OIDC Registration §2",
  },
  {
    when: "redirect URIs of two hosts have no sector",
    details: { subject_type: "pairwise" },
    redirectUris: [...uris, "https://b.example/cb"],
    member: "sector_identifier_uri",
    by: "OIDC Core §8.1",
  },
  {
    when: "people are sent back to a private-use scheme",
    details: { post_logout_redirect_uris: ["com.example.app:/out"] },
    member: "post_logout_redirect_uris",
    by: "RP-Initiated Logout §3.1",
  },
  {
    when: "a frame is on another host",
    details: { frontchannel_logout_uri: "https://b.example/out" },
    member: "frontchannel_logout_uri",
    by: "Front-Channel Logout §2",
  },
];
test.each(contradictions)("$member is refused when $when, whoever describes the client ($by)", (row) => {
  const { details, grants = code, redirectUris = uris, member } = row;
  const registered = decideRegistration({ redirect_uris: redirectUris, grant_types: grants, ...details });
  const described = parseNewClient({ redirectURIs: redirectUris, grantTypes: grants, details });
  if (registered.kind !== "refused" || described.kind !== "refused") return expect.fail("one was accepted");
  expect(registered.error).toMatchObject({
    code: "invalid_client_metadata",
    message: expect.stringMatching(`^${member}: `),
  });
  expect(described.reason).toBe(registered.error.message);
});

test("without a word about grants an administrator's client has those that its response types take", () => {
  const grantsWith = (types: readonly string[]) => {
    const decision = parseNewClient({ redirectURIs: uris, details: { response_types: types } });
    return decision.kind === "client" ? decision.metadata.grantTypes : expect.fail(decision.reason);
  };
  expect(grantsWith(["code"])).toEqual([...code, "refresh_token", "client_credentials"]);
  expect(grantsWith(["code", "id_token"])).toEqual([...code, "implicit", "refresh_token", "client_credentials"]);
  expect(grantsWith(["id_token"])).toEqual(["implicit", "client_credentials"]);
});

test("a name of the APIs stands where a column contradicts", () => {
  const details = { application_type: "web", response_types: ["id_token"] };
  // An administrator may be developing an application on this machine.
  const loopback = ["http://127.0.0.1/cb"];
  expect(parseNewClient({ redirectURIs: loopback, details })).toMatchObject({ kind: "client" });
  const registered = decideRegistration({ redirect_uris: loopback, grant_types: ["implicit"], ...details });
  expect(registered).toMatchObject({ kind: "refused", error: { code: "invalid_redirect_uri" } });
});
