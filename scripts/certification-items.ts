// What the OpenID Foundation's conformance tests demand of a provider, plan by plan, and what dex does otherwise on purpose.
// A module is an item once for each plan in which it runs, with that plan's response types.
import type { Checklist } from "./checklists.ts";

/** Checks that run with every answer, in the order of their bullets: how many there are of each kind. */
const EVERYWHERE: readonly (readonly [section: string, bullets: number])[] = [
  ["2.1", 3],
  ["2.2", 4],
  ["2.3", 5],
  ["2.4", 3],
  ["2.5", 4],
  ["2.6", 9],
  ["2.7", 3],
];

/** Modules of every plan that signs somebody in. */
const SIGN_IN = words(`
  oidcc-server oidcc-idtoken-signature oidcc-scope-profile oidcc-scope-email oidcc-scope-address oidcc-scope-phone
  oidcc-scope-all oidcc-alternate-happy-flow oidcc-claims-essential oidcc-display-page oidcc-display-popup
  oidcc-prompt-login oidcc-prompt-none-not-logged-in oidcc-prompt-none-logged-in oidcc-max-age-1 oidcc-max-age-10000
  oidcc-ensure-request-with-unknown-parameter-succeeds oidcc-id-token-hint oidcc-login-hint oidcc-ui-locales
  oidcc-claims-locales oidcc-ensure-request-with-acr-values-succeeds oidcc-ensure-registered-redirect-uri
  oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported
  oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported
  oidcc-ensure-request-object-with-redirect-uri oidcc-userinfo-get oidcc-userinfo-post-header oidcc-userinfo-post-body
  oidcc-response-type-missing`);

/** Modules of the plans with a code. */
const WITH_CODE = words(`
  oidcc-codereuse oidcc-codereuse-30seconds oidcc-server-client-secret-post oidcc-refresh-token
  oidcc-ensure-request-with-valid-pkce-succeeds`);

const CODE_ALONE = words(`
  oidcc-idtoken-unsigned oidcc-ensure-request-without-nonce-succeeds-for-code-flow oidcc-ensure-post-request-succeeds`);

/** The discovery document, by its fields. */
const CONFIGURATION = [
  "the answer",
  "issuer",
  "the whole document",
  "authorization_endpoint, token_endpoint, jwks_uri",
  "userinfo_endpoint",
  "registration_endpoint",
  "response_types_supported",
  "grant_types_supported",
  "subject_types_supported",
  "id_token_signing_alg_values_supported",
  "userinfo_signing_alg_values_supported, code_challenge_methods_supported",
  "request_object_signing_alg_values_supported",
  "scopes_supported",
  "claims_supported",
  "ui_locales_supported, claims_locales_supported",
  "claims_parameter_supported, request_parameter_supported, request_uri_parameter_supported",
  "the JWK set",
];

const DYNAMIC = words(`
  oidcc-idtoken-rs256 oidcc-idtoken-unsigned oidcc-userinfo-rs256 oidcc-ensure-redirect-uri-in-authorization-request
  oidcc-redirect-uri-query-OK oidcc-redirect-uri-query-mismatch oidcc-redirect-uri-query-added oidcc-redirect-uri-regfrag
  oidcc-discovery-endpoint-verification oidcc-server oidcc-registration-logo-uri oidcc-registration-policy-uri
  oidcc-registration-tos-uri oidcc-registration-jwks-uri oidcc-registration-sector-uri oidcc-registration-sector-bad
  oidcc-server-rotate-keys oidcc-refresh-token-rp-key-rotation oidcc-request-uri-unsigned oidcc-request-uri-signed-rs256
  oidcc-ensure-request-object-with-redirect-uri oidcc-refresh-token
  oidcc-ensure-client-assertion-with-iss-aud-succeeds`);

const LOGOUT = words(`
  oidcc-rp-initiated-logout-discovery-endpoint-verification oidcc-rp-initiated-logout oidcc-rp-initiated-logout-no-state
  oidcc-rp-initiated-logout-bad-post-logout-redirect-uri
  oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri oidcc-rp-initiated-logout-modified-id-token-hint
  oidcc-rp-initiated-logout-bad-id-token-hint oidcc-rp-initiated-logout-no-id-token-hint
  oidcc-rp-initiated-logout-no-params oidcc-rp-initiated-logout-no-post-logout-redirect-uri
  oidcc-rp-initiated-logout-only-state oidcc-session-management-discovery-endpoint-verification
  oidcc-session-management-rp-initiated-logout oidcc-frontchannel-logout-discovery-endpoint-verification
  oidcc-frontchannel-rp-initiated-logout oidcc-backchannel-logout-discovery-endpoint-verification
  oidcc-backchannel-rp-initiated-logout`);

/** Each name goes on after `fapi2-security-profile-final-`. The last is the profile without a user, as a whole. */
const FAPI2 = words(`
  discovery-end-point-verification happy-flow user-rejects-authentication
  ensure-authorization-request-without-state-success ensure-authorization-request-without-nonce-success
  ensure-authorization-request-with-64-char-nonce-success ensure-authorization-request-with-long-nonce
  ensure-authorization-request-with-long-state ensure-other-scope-order-succeeds test-claims-parameter-identity-claims
  access-token-type-header-case-sensitivity check-dpop-proof-nbf-exp
  ensure-dpopproof-with-iat-10seconds-before-succeeds ensure-dpopproof-with-iat-10seconds-after-succeeds
  ensure-mismatched-dpop-jkt-fails ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt
  ensure-token-endpoint-fails-with-mismatched-dpop-jkt ensure-dpopproof-at-par-endpoint-binding-success
  ensure-dpop-auth-code-binding-success ensure-different-nonce-inside-and-outside-request-object
  ensure-different-state-inside-and-outside-request-object state-only-outside-request-object-not-used
  ensure-request-object-without-redirect-uri-fails ensure-redirect-uri-in-authorization-request
  plain-fapi-tolerate-unregistered-redirect-uri ensure-registered-redirect-uri
  ensure-unsigned-authorization-request-without-using-par-fails ensure-response-type-code-idtoken-fails
  ensure-response-type-token-fails ensure-client-id-in-token-endpoint ensure-holder-of-key-required
  ensure-authorization-code-is-bound-to-client attempt-reuse-authorization-code-after-one-second
  ensure-token-endpoint-fails-with-expired-auth-code ensure-signed-client-assertion-with-RS256-fails
  ensure-client-assertion-in-token-endpoint ensure-client-assertion-with-exp-is-5-minutes-in-past-fails
  ensure-client-assertion-with-wrong-aud-fails ensure-client-assertion-with-no-sub-fails dpop-negative-tests
  refresh-token par-ensure-reused-request-uri-prior-to-auth-completion-succeeds par-attempt-reuse-request_uri
  par-attempt-to-use-expired-request_uri par-attempt-to-use-request_uri-for-different-client
  par-authorization-request-containing-request_uri-form-param par-attempt-invalid-http-method
  par-without-duplicate-parameters par-ensure-pkce-required par-plain-pkce-rejected ensure-pkce-code-verifier-required
  incorrect-pkce-code-verifier-rejected par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted
  par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails par-test-array-as-audience-fails
  par-test-par-endpoint-url-as-audience-fails par-test-token-endpoint-url-as-audience-fails
  fapi_client_credentials_grant`);

const FAPI2_MESSAGE_SIGNING = words(`
  ensure-request-object-with-multiple-aud-succeeds
  ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted ensure-request-object-without-exp-fails
  ensure-request-object-without-nbf-fails ensure-expired-request-object-fails ensure-request-object-with-bad-aud-fails
  ensure-request-object-with-exp-over-60-fails ensure-request-object-with-nbf-over-60-fails
  ensure-signed-request-object-with-RS256-fails ensure-request-object-signature-algorithm-is-not-none
  ensure-request-object-with-invalid-signature-fails ensure-matching-key-in-authorization-request
  ensure-unsigned-request-at-par-endpoint-fails par-authorization-request-containing-request_uri response_mode=jwt`);

const SIGNED_MEMBERS = ["iss", "aud", "exp", "iat", "nbf", "jti"];
/** FAPI-CIBA: each clause of its paragraph, by what it looks at. */
const CIBA = [
  ...["poll", "refresh", "polling rules", "expired", "single use", "hints", "binding message", "requested expiry"],
  ...["ping", "ping answers", "signed request", "signed request required"],
  ...SIGNED_MEMBERS.flatMap((member) => [`signed request without ${member}`, `signed request with wrong ${member}`]),
  ...["by another client", "under RS256", "under none"].map((how) => `signed request ${how}`),
  ...["registration", "assertion audience", "certificate-bound", "DPoP-bound", "acr_values", "unattended", "collected"],
].map((what) => `ciba ${what}`);

/** FAPI 1 Advanced: what section 13 says of it clause by clause, then what of sections 11 and 12 holds for it as well. */
const FAPI1 = [
  ...words(`
  happy-flow jarm request-object-by-value request-object-pushed unsigned-request holder-of-key s_hash c_hash
  response-mode-query request-object-without-scope request-object-without-nonce request-object-without-redirect-uri
  request-object-without-exp request-object-without-nbf request-object-with-bad-aud request-object-with-RS256
  request-object-with-none code-without-jarm pkce-with-pushed-requests assertion-with-wrong-iss assertion-with-wrong-sub
  assertion-with-wrong-aud assertion-expired assertion-with-RS256 issuer-as-assertion-aud par-endpoint-as-assertion-aud
  token-endpoint-as-assertion-aud array-as-assertion-aud`),
  ...words(`
  discovery-end-point-verification user-rejects-authentication ensure-authorization-request-without-state-success
  ensure-authorization-request-with-long-nonce ensure-authorization-request-with-long-state
  ensure-other-scope-order-succeeds state-only-outside-request-object-not-used ensure-registered-redirect-uri
  ensure-response-type-token-fails ensure-client-id-in-token-endpoint ensure-holder-of-key-required
  ensure-authorization-code-is-bound-to-client attempt-reuse-authorization-code-after-one-second
  ensure-token-endpoint-fails-with-expired-auth-code ensure-client-assertion-in-token-endpoint refresh-token
  par-ensure-reused-request-uri-prior-to-auth-completion-succeeds par-attempt-reuse-request_uri
  par-attempt-to-use-expired-request_uri par-attempt-to-use-request_uri-for-different-client
  par-authorization-request-containing-request_uri-form-param par-attempt-invalid-http-method par-plain-pkce-rejected
  ensure-pkce-code-verifier-required incorrect-pkce-code-verifier-rejected
  par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted
  par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails
  ensure-request-object-with-multiple-aud-succeeds
  ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted ensure-expired-request-object-fails
  ensure-request-object-with-exp-over-60-fails ensure-request-object-with-nbf-over-60-fails
  ensure-request-object-with-invalid-signature-fails ensure-matching-key-in-authorization-request
  par-authorization-request-containing-request_uri`),
].map((what) => `fapi1 ${what}`);

const CHANGED: Readonly<Record<string, string>> = {};

/** The conformance tests of OpenID Connect: which test of ours holds each. */
export const certificationItems: Checklist = {
  file: "certification-checklist.md",
  title: "OpenID Connect certification, module by module",
  of: "the certification's demands",
  pattern: /\(cert ([^()]+)\)/g,
  itemsOf: (mention) =>
    mention
      .split("; ")
      .filter((part) => /^(?:cert )?\d/.test(part))
      .flatMap((part) => itemsOfPart(part.replace(/^cert /, ""))),
  mention: / ?\(cert [^()]+\)/g,
  groups: [
    {
      title: "Checks in every test",
      items: EVERYWHERE.flatMap(([section, bullets]) => count(bullets).map((bullet) => `${section}.${bullet}`)),
    },
    { title: "Basic: response type code", items: ofPlan(3, [...SIGN_IN, ...CODE_ALONE, ...WITH_CODE]) },
    {
      title: "Implicit: response types id_token, and id_token token",
      items: ofPlan(4, [...SIGN_IN, "oidcc-ensure-request-without-nonce-fails"]),
    },
    {
      title: "Hybrid: response types code id_token, code token, and code id_token token",
      items: ofPlan(5, [
        ...SIGN_IN,
        "oidcc-ensure-request-without-nonce-succeeds-for-code-flow",
        "oidcc-ensure-request-without-nonce-fails",
        ...WITH_CODE,
      ]),
    },
    {
      title: "Form post: all of these with response_mode form_post",
      items: ofPlan(6, [...SIGN_IN, ...CODE_ALONE, "oidcc-ensure-request-without-nonce-fails", ...WITH_CODE]),
    },
    { title: "Config: the discovery document", items: ofPlan(7, CONFIGURATION) },
    { title: "Dynamic: clients that register themselves", items: ofPlan(8, DYNAMIC) },
    {
      title: "Third-party-initiated login",
      items: ofPlan(9, words("oidcc-3rd_party-init-login oidcc-3rd_party-init-login-nohttps")),
    },
    { title: "Logout: RP-initiated, session management, front-channel, back-channel", items: ofPlan(10, LOGOUT) },
    { title: "FAPI 2 Security Profile, with private_key_jwt, DPoP and OpenID Connect", items: ofPlan(11, FAPI2) },
    { title: "FAPI 2 Message Signing: what it adds", items: ofPlan(12, FAPI2_MESSAGE_SIGNING) },
    { title: "FAPI-CIBA: clients that ask for a person by name", items: ofPlan(13, CIBA) },
    { title: "FAPI 1 Advanced", items: ofPlan(13, FAPI1) },
  ],
  changed: CHANGED,
  nothingToHold: new Set(),
};

/** `3,4 oidcc-server` is an item of both plans, `2.3.1` one of its own. */
function itemsOfPart(part: string): readonly string[] {
  const [sections = "", ...row] = part.split(" ");
  return row.length === 0 ? [sections] : sections.split(",").map((section) => `${section} ${row.join(" ")}`);
}

function ofPlan(plan: number, rows: readonly string[]): readonly string[] {
  return rows.map((row) => `${plan} ${row}`);
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

function count(to: number): readonly number[] {
  return Array.from({ length: to }, (_, index) => index + 1);
}
