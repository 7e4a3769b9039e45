// What the Config and Dynamic profiles of OpenID Connect's certification ask of the discovery document, at an https issuer.
import { randomBytes } from "node:crypto";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { makePrivateAuthority } from "@dex/testing";
import { importJWK, type JWK } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

type Document = Readonly<Record<string, unknown>>;

const SUFFIX = "/.well-known/openid-configuration";
const everything = [
  "--enable-front-channel-tokens",
  "--enable-client-registration",
  "--enable-registration",
  `--client-registration-tokens=${randomBytes(32).toString("base64")}`,
];
const deployments: readonly { readonly deployment: string; readonly flags: readonly string[] }[] = [
  { deployment: "an issuer with everything on", flags: everything },
  { deployment: "an issuer without settings", flags: [] },
];

const trusted = getCACertificates("default");
const workers = new Map<string, { worker: TestWorker; document: Document }>();
beforeAll(async () => {
  const authority = makePrivateAuthority();
  setDefaultCACertificates([...trusted, authority.ca]);
  for (const { deployment, flags } of deployments) {
    const worker = await openTestWorker(flags, "/dex", authority.server);
    const response = await fetch(worker.issuer + SUFFIX);
    workers.set(deployment, { worker, document: (await response.json()) as Document });
  }
});
afterAll(async () => {
  for (const { worker } of workers.values()) await worker.close();
  setDefaultCACertificates(trusted);
});

const of = (deployment: string) => workers.get(deployment) ?? expect.fail(`no ${deployment}`);

function isHttpsUrl(value: unknown): boolean {
  const url = typeof value === "string" ? URL.parse(value) : null;
  return url !== null && url.protocol === "https:" && url.host !== "" && url.hash === "";
}
const isFlag = (value: unknown) => typeof value === "boolean";
const isText = (value: unknown) => typeof value === "string" && value.trim() !== "";
const isList = (value: unknown) =>
  Array.isArray(value) && value.length > 0 && value.every(isText) && new Set(value).size === value.length;
const isListOfLocales = (value: unknown) =>
  isList(value) && (value as string[]).every((tag) => Intl.getCanonicalLocales(tag)[0] === tag);
const isMapOfHttpsUrls = (value: unknown) =>
  typeof value === "object" && value !== null && Object.values(value).every(isHttpsUrl);

/** The registered members and what each holds: RFC 8414 §2, OIDC Discovery §3 and the registry of RFC 8414 §7.1. */
const SCHEMA: Readonly<Record<string, (value: unknown) => boolean>> = {
  ...all(isHttpsUrl, [
    ...["issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "registration_endpoint"],
    ...["end_session_endpoint", "check_session_iframe", "revocation_endpoint", "introspection_endpoint"],
    ...["device_authorization_endpoint", "pushed_authorization_request_endpoint"],
    ...["backchannel_authentication_endpoint", "service_documentation", "op_policy_uri", "op_tos_uri"],
  ]),
  ...all(isList, [
    ...["scopes_supported", "response_types_supported", "response_modes_supported", "grant_types_supported"],
    ...["acr_values_supported", "subject_types_supported", "display_values_supported", "claim_types_supported"],
    ...["claims_supported", "code_challenge_methods_supported", "prompt_values_supported"],
    ...["authorization_details_types_supported", "protected_resources", "backchannel_token_delivery_modes_supported"],
    ...["id_token", "userinfo", "request_object", "authorization", "introspection"].flatMap(signedOrEncrypted),
    ...["token_endpoint", "revocation_endpoint", "introspection_endpoint"].flatMap(authenticated),
    ...["dpop_signing_alg_values_supported", "backchannel_authentication_request_signing_alg_values_supported"],
  ]),
  ...all(isListOfLocales, ["ui_locales_supported", "claims_locales_supported"]),
  ...all(isFlag, [
    ...["claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported"],
    ...["require_request_uri_registration", "require_signed_request_object", "require_pushed_authorization_requests"],
    ...["authorization_response_iss_parameter_supported", "tls_client_certificate_bound_access_tokens"],
    ...["frontchannel_logout_supported", "frontchannel_logout_session_supported", "backchannel_logout_supported"],
    ...["backchannel_logout_session_supported", "backchannel_user_code_parameter_supported"],
    ...["client_id_metadata_document_supported"],
  ]),
  mtls_endpoint_aliases: isMapOfHttpsUrls,
  signed_metadata: isText,
};

function all(check: (value: unknown) => boolean, names: readonly string[]) {
  return Object.fromEntries(names.map((name) => [name, check]));
}
function signedOrEncrypted(what: string): readonly string[] {
  return ["signing_alg", "encryption_alg", "encryption_enc"].map((kind) => `${what}_${kind}_values_supported`);
}
function authenticated(endpoint: string): readonly string[] {
  return [`${endpoint}_auth_methods_supported`, `${endpoint}_auth_signing_alg_values_supported`];
}

const listOf = (document: Document, member: string): readonly string[] => {
  const value = document[member];
  return Array.isArray(value) ? value : expect.fail(`${member} is no list: ${JSON.stringify(value)}`);
};
const sorted = (words: string) => words.split(" ").toSorted().join(" ");

describe.each(deployments)("discovery of $deployment", ({ deployment }) => {
  test("is 200 and JSON at the issuer's address (cert 7 the answer)", async () => {
    const { worker } = of(deployment);
    for (const accept of ["*/*", "application/json", "text/html"]) {
      const response = await fetch(worker.issuer + SUFFIX, { headers: { Accept: accept } });
      expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
      const body: unknown = await response.json();
      expect(typeof body === "object" && body !== null && !Array.isArray(body)).toBe(true);
    }
  });

  test("names the issuer whose address it is at (cert 7 issuer)", () => {
    const { worker, document } = of(deployment);
    expect(document.issuer).toBe(worker.issuer);
    const { protocol, host, search, hash, username, password } = new URL(String(document.issuer));
    expect({ protocol, search, hash, username, password }).toEqual({
      ...{ protocol: "https:", search: "", hash: "", username: "", password: "" },
    });
    expect(host).not.toBe("");
    expect(String(document.issuer)).not.toMatch(/[?#]/);
  });

  test("holds registered members alone, each of its type (cert 7 the whole document)", () => {
    const { document } = of(deployment);
    const wrong = Object.entries(document).filter(([name, value]) => SCHEMA[name]?.(value) !== true);
    expect(wrong).toEqual([]);
  });

  test("names https addresses (cert 7 authorization_endpoint, token_endpoint, jwks_uri; cert 7 userinfo_endpoint)", () => {
    const { document } = of(deployment);
    const needed = [
      "authorization_endpoint",
      "token_endpoint",
      "jwks_uri",
      "userinfo_endpoint",
      "end_session_endpoint",
    ];
    expect(Object.keys(document)).toEqual(expect.arrayContaining(needed));
    const addresses = Object.entries(document).filter(([name]) => name.endsWith("_endpoint") || needed.includes(name));
    expect(addresses.filter(([, value]) => !isHttpsUrl(value))).toEqual([]);
  });

  test("names a registration endpoint where there is one (cert 7 registration_endpoint)", async () => {
    const { worker, document } = of(deployment);
    const there = await fetch(`${worker.issuer}/registration`, { method: "POST" });
    expect([there.status, document.registration_endpoint]).toEqual(
      deployment === deployments[0]?.deployment ? [401, `${worker.issuer}/registration`] : [404, undefined],
    );
  });

  test("names OpenID Connect's response types, and all of the Dynamic profile where they are on (cert 7 response_types_supported)", () => {
    const { document } = of(deployment);
    const types = listOf(document, "response_types_supported").map(sorted);
    expect(types).toContain("code");
    if (deployment === deployments[0]?.deployment) {
      expect(types).toEqual(expect.arrayContaining(["code", "id_token", "id_token token"]));
    }
  });

  test("names the grants of those response types (cert 7 grant_types_supported)", () => {
    const { document } = of(deployment);
    const grants = listOf(document, "grant_types_supported");
    expect(grants).toContain("authorization_code");
    expect(grants.includes("implicit")).toBe(deployment === deployments[0]?.deployment);
  });

  test("names both kinds of subjects (cert 7 subject_types_supported)", () => {
    expect(listOf(of(deployment).document, "subject_types_supported")).toEqual(["public", "pairwise"]);
  });

  test("signs ID tokens with RS256 among others (cert 7 id_token_signing_alg_values_supported)", () => {
    expect(listOf(of(deployment).document, "id_token_signing_alg_values_supported")).toContain("RS256");
  });

  test("lists what userinfo is signed with and S256 (cert 7 userinfo_signing_alg_values_supported, code_challenge_methods_supported)", () => {
    const { document } = of(deployment);
    expect(listOf(document, "userinfo_signing_alg_values_supported")).toContain("RS256");
    expect(listOf(document, "code_challenge_methods_supported")).toEqual(["S256"]);
  });

  test("takes request objects signed with RS256 (cert 7 request_object_signing_alg_values_supported)", () => {
    expect(listOf(of(deployment).document, "request_object_signing_alg_values_supported")).toContain("RS256");
  });

  test("lists scopes that are scope tokens, openid among them (cert 7 scopes_supported)", () => {
    const scopes = listOf(of(deployment).document, "scopes_supported");
    expect(scopes).toContain("openid");
    // RFC 6749 §3.3
    expect(scopes.filter((scope) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))).toEqual([]);
  });

  test("lists claims (cert 7 claims_supported)", () => {
    expect(listOf(of(deployment).document, "claims_supported")).toEqual(
      expect.arrayContaining(["sub", "iss", "email"]),
    );
  });

  test("lists well-formed locales in canonical case, or none (cert 7 ui_locales_supported, claims_locales_supported)", () => {
    const { document } = of(deployment);
    for (const member of ["ui_locales_supported", "claims_locales_supported"]) {
      if (member in document) expect(isListOfLocales(document[member]), member).toBe(true);
    }
  });

  test("says of each parameter whether it is taken, so that no default lies (cert 7 claims_parameter_supported, request_parameter_supported, request_uri_parameter_supported)", () => {
    expect(of(deployment).document).toMatchObject({
      claims_parameter_supported: true,
      request_parameter_supported: true,
      request_uri_parameter_supported: true,
    });
  });

  test("leads to public keys that all parse, each with a kid of its own (cert 7 the JWK set; cert 2.1.2)", async () => {
    const response = await fetch(String(of(deployment).document.jwks_uri));
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
    const { keys } = (await response.json()) as { keys: readonly JWK[] };
    expect(keys.map(({ kid }) => kid?.trim() ?? "")).not.toContain("");
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
    for (const key of keys) {
      expect(await importJWK(key)).toMatchObject({ type: "public" });
      for (const secret of ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]) expect(key).not.toHaveProperty(secret);
    }
    const algorithms = keys.map(({ alg }) => alg);
    const advertised = listOf(of(deployment).document, "id_token_signing_alg_values_supported");
    expect(advertised.filter((algorithm) => !algorithms.includes(algorithm))).toEqual([]);
  });

  test("is taken by openid-client, which insists on https", async () => {
    const { worker } = of(deployment);
    const found = await openid.discovery(new URL(worker.issuer), worker.client.id);
    expect(found.serverMetadata().issuer).toBe(worker.issuer);
  });
});

test("the whole document holds what a tester of all profiles looks for (cert 8 oidcc-discovery-endpoint-verification)", () => {
  const { document } = of(deployments[0]?.deployment ?? "");
  for (const type of ["code", "id_token", "id_token token"]) {
    expect(listOf(document, "response_types_supported").map(sorted)).toContain(sorted(type));
  }
  expect(listOf(document, "grant_types_supported")).toEqual(expect.arrayContaining(["authorization_code", "implicit"]));
  expect(isHttpsUrl(document.registration_endpoint)).toBe(true);
  expect(document).toMatchObject({ issuer: expect.stringMatching(/^https:/), userinfo_endpoint: expect.any(String) });
});

// RFC 8414 §7.1: what is in no registry is nothing that a client could know.
test("a member that is not registered would be found", () => {
  expect(SCHEMA.token_endpoint_auth_method_supported).toBeUndefined();
  expect(SCHEMA.jwks_uri?.("http://id.example/keys")).toBe(false);
  expect(SCHEMA.scopes_supported?.("openid")).toBe(false);
});
