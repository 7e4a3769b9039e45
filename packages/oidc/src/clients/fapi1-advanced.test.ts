// What FAPI 1.0 Advanced refuses of a client, whoever describes it.
import { describe, expect, test } from "vitest";
import { client as any } from "../../test/fakes.ts";
import {
  type Breach,
  expectHttpsAlone,
  expectNoPublicClientAndNoRs256,
  expectRefused,
  jwks,
  rsa,
  sharedSecrets,
} from "../../test/profile-refusals.ts";
import { decideDetails } from "./change-details.ts";
import { RESPONSE_TYPES } from "./client-details.ts";
import { parseNewClient } from "./client-metadata.ts";
import { decideClientUpdate } from "./client-update.ts";
import { decideRegistration } from "./registration-metadata.ts";
import { SUPPORTED, supportedWith } from "./supported.ts";

const profile = "fapi1-advanced" as const;
const uris = ["https://a.example/cb"];
const code = ["authorization_code", "refresh_token"];
const hybrid = [...code, "implicit"];
const response_types = ["code id_token", "code"];

test("a client with a key can be registered, and has what follows from it", () => {
  const details = { profile, jwks, response_types };
  const expected = {
    idTokenSigningAlgorithm: "ES256",
    details: {
      ...details,
      token_endpoint_auth_method: "private_key_jwt",
      tls_client_certificate_bound_access_tokens: true,
    },
  };
  expect(parseNewClient({ redirectURIs: uris, details })).toMatchObject({ kind: "client", metadata: expected });
  expect(decideRegistration({ redirect_uris: uris, grant_types: hybrid, ...details })).toMatchObject({
    kind: "register",
    metadata: expected,
  });
});

test("its requests may come through the browser, and be fetched, since they are signed", () => {
  const details = { profile, jwks, request_uris: ["https://a.example/request"] };
  const more = { require_pushed_authorization_requests: false };
  expect(parseNewClient({ redirectURIs: uris, details: { ...details, ...more } })).toMatchObject({ kind: "client" });
});

const algorithm = (member: string, value = "RS256") => ({
  when: `${member} is ${value}`,
  details: { jwks: { keys: [...jwks.keys, rsa] }, [member]: value },
  member,
  by: "Part 2 section 8.6",
});
const breaches: readonly Breach[] = [
  ...sharedSecrets("Part 2 section 5.2.2"),
  {
    when: "its only key is for RS256",
    details: { jwks: { keys: [{ ...rsa, alg: "RS256" }] } },
    member: "jwks",
    by: "Part 2 section 8.6",
  },
  {
    when: "it has a certificate to prove itself, and no key to sign requests",
    details: { jwks: undefined, token_endpoint_auth_method: "tls_client_auth", tls_client_auth_san_dns: "a.example" },
    member: "jwks",
    by: "Part 2 section 5.2.2",
  },
  algorithm("token_endpoint_auth_signing_alg"),
  algorithm("request_object_signing_alg"),
  algorithm("request_object_signing_alg", "none"),
  algorithm("userinfo_signed_response_alg"),
  algorithm("authorization_signed_response_alg"),
  ...["id_token", "code token", "code id_token token"].map((type) => ({
    when: `answers to ${type} are not bound`,
    details: { response_types: ["code", type], tls_client_certificate_bound_access_tokens: false },
    grants: hybrid,
    member: "response_types",
    by: "Part 2 section 5.2.2",
  })),
  {
    when: "a device would ask for a person",
    details: {},
    grants: [...code, "urn:ietf:params:oauth:grant-type:device_code"],
    member: "grant_types",
    by: "Part 2 section 5.2.2",
  },
  {
    when: "its tokens are for anybody",
    details: { tls_client_certificate_bound_access_tokens: false },
    member: "tls_client_certificate_bound_access_tokens",
    by: "Part 2 section 5.2.2",
  },
  {
    when: "DPoP alone binds its tokens",
    details: { tls_client_certificate_bound_access_tokens: false, dpop_bound_access_tokens: true },
    member: "tls_client_certificate_bound_access_tokens",
    by: "Part 2 section 5.2.2",
  },
];
test.each(breaches)("$member is refused when $when (FAPI 1.0 $by)", (breach) => {
  expectRefused(breach, { profile, redirectUris: uris, specification: "FAPI 1.0" });
});

test("redirect URIs are https (FAPI 1.0 Part 1 section 5.2.2)", () => {
  expectHttpsAlone(profile, uris, "FAPI 1.0 Part 1 section 5.2.2");
});

test("no client is public, and none has ID tokens under RS256", () => {
  expectNoPublicClientAndNoRs256(profile, uris);
});

test("where no certificates are seen no client registers itself for it", () => {
  const wanted = { redirect_uris: uris, grant_types: code, profile, jwks };
  expect(decideRegistration(wanted, supportedWith(RESPONSE_TYPES, "shown"))).toMatchObject({ kind: "register" });
  expect(decideRegistration(wanted, supportedWith(RESPONSE_TYPES, "none"))).toMatchObject({
    kind: "refused",
    error: { message: expect.stringMatching(/^tls_client_certificate_bound_access_tokens: /) },
  });
});

describe("a client under it", () => {
  const details = {
    ...{ profile, jwks, response_types: ["code id_token" as const], token_endpoint_auth_method: "private_key_jwt" },
    tls_client_certificate_bound_access_tokens: true,
  } as const;
  const parsed = parseNewClient({ redirectURIs: uris, grantTypes: hybrid, details });
  const metadata = parsed.kind === "client" ? parsed.metadata : expect.fail(parsed.reason);
  const client = { ...any, ...metadata, id: "held", secret: undefined, dynamic: true };
  const wanted = { client_id: "held", redirect_uris: uris, grant_types: hybrid, ...details };
  const update = (more: object) => decideClientUpdate(client, { ...wanted, ...more }, SUPPORTED);

  test("neither leaves it nor goes over to FAPI 2 by itself, nor from there to it (DCR-2)", () => {
    expect(update({})).toMatchObject({ kind: "update" });
    const refused = { kind: "refused", error: { code: "invalid_client_metadata" } };
    const plain = { response_types: ["code"], grant_types: code };
    for (const other of [null, undefined, "fapi2", "fapi2-message-signing"]) {
      expect(update({ profile: other, ...plain }), String(other)).toMatchObject(refused);
    }
    const held = { ...client, details: { ...client.details, profile: "fapi2-message-signing" as const } };
    expect(decideClientUpdate(held, wanted, SUPPORTED)).toMatchObject(refused);
  });

  test("is taken to FAPI 2 and back by an administrator, where it fits", () => {
    const to = (other: "fapi2" | typeof profile) => ({ changed: { profile: other }, removed: [] });
    expect(decideDetails(client, to("fapi2"))).toMatchObject({ kind: "refused" });
    const { response_types: _hybrid, ...forBoth } = client.details;
    const fitting = { ...client, grantTypes: ["authorization_code", "refresh_token"] as const, details: forBoth };
    expect(decideDetails(fitting, to("fapi2"))).toMatchObject({ kind: "change", details: { profile: "fapi2" } });
    const there = { ...fitting, details: { ...forBoth, profile: "fapi2" as const } };
    expect(decideDetails(there, to(profile))).toEqual({ kind: "change", details: forBoth });
    const { tls_client_certificate_bound_access_tokens: _bound, ...unbound } = there.details;
    expect(decideDetails({ ...there, details: unbound }, to(profile))).toMatchObject({
      reason: expect.stringMatching(/^tls_client_certificate_bound_access_tokens: must be true/),
    });
  });
});
