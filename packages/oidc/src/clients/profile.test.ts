// What a profile refuses of a client, whoever describes it: FAPI 2.0 Security Profile and Message Signing.
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
import { parseNewClient } from "./client-metadata.ts";
import { decideClientUpdate } from "./client-update.ts";
import { decideRegistration } from "./registration-metadata.ts";
import { SUPPORTED } from "./supported.ts";

const FAPI2 = ["fapi2", "fapi2-message-signing"] as const;
const uris = ["https://a.example/cb", "https://a.example/cb?dummy1=lorem&dummy2=ipsum"];
const code = ["authorization_code", "refresh_token"];

test.each(FAPI2)("with %s and a key a client can be registered, and has what follows from it", (profile) => {
  const details = { profile, jwks };
  const expected = {
    idTokenSigningAlgorithm: "ES256",
    details: { ...details, token_endpoint_auth_method: "private_key_jwt" },
  };
  expect(parseNewClient({ redirectURIs: uris, details })).toMatchObject({ kind: "client", metadata: expected });
  expect(decideRegistration({ redirect_uris: uris, grant_types: code, ...details })).toMatchObject({
    kind: "register",
    metadata: expected,
  });
});

const breaches: readonly Breach[] = [
  ...sharedSecrets("5.3.2.1"),
  {
    when: "its only key is for RS256",
    details: { jwks: { keys: [{ ...rsa, alg: "RS256" }] } },
    member: "jwks",
    by: "5.4.1",
  },
  ...["token_endpoint_auth_signing_alg", "request_object_signing_alg"].map((member) => ({
    when: `${member} is RS256`,
    details: { jwks: { keys: [...jwks.keys, rsa] }, [member]: "RS256" },
    member,
    by: "5.4.1",
  })),
  {
    when: "its request objects are unsigned",
    details: { request_object_signing_alg: "none" },
    member: "request_object_signing_alg",
    by: "5.4.1",
  },
  ...["userinfo", "authorization", "introspection"].map((kind) => ({
    when: `what we sign is to be by RS256`,
    details: { [`${kind}_signed_response_alg`]: "RS256" },
    member: `${kind}_signed_response_alg`,
    by: "5.4.1",
  })),
  {
    when: "tokens would travel with the browser",
    details: { response_types: ["code", "code id_token"] },
    grants: [...code, "implicit"],
    member: "response_types",
    by: "5.3.2.2",
  },
  {
    when: "a device would ask for a person",
    details: {},
    grants: [...code, "urn:ietf:params:oauth:grant-type:device_code"],
    member: "grant_types",
    by: "5.3.2",
  },
  {
    when: "it takes requests that were not pushed",
    details: { require_pushed_authorization_requests: false },
    member: "require_pushed_authorization_requests",
    by: "5.3.2.2",
  },
  {
    when: "its requests are to be fetched",
    details: { request_uris: ["https://a.example/request"] },
    member: "request_uris",
    by: "5.3.2.2",
  },
];
describe.each(FAPI2)("with %s", (profile) => {
  test.each(breaches)("$member is refused when $when (FAPI 2.0 section $by)", (breach) => {
    expectRefused(breach, { profile, redirectUris: uris, specification: "FAPI 2.0 Security Profile section" });
  });

  test("redirect URIs are https (FAPI 2.0 section 5.3.2.2)", () => {
    expectHttpsAlone(profile, uris, "FAPI 2.0 Security Profile section 5.3.2.2");
  });

  test("no client is public, and none has ID tokens under RS256", () => {
    expectNoPublicClientAndNoRs256(profile, uris);
  });
});

test("a profile that is not known is refused", () => {
  const unknown = { redirect_uris: uris, profile: "fapi3" };
  expect(decideRegistration(unknown)).toMatchObject({ error: { code: "invalid_client_metadata" } });
});

describe("a profile", () => {
  const details = { profile: "fapi2", jwks, token_endpoint_auth_method: "private_key_jwt" } as const;
  const parsed = parseNewClient({ redirectURIs: uris, grantTypes: code, details });
  const metadata = parsed.kind === "client" ? parsed.metadata : expect.fail(parsed.reason);
  const client = { ...any, ...metadata, id: "held", secret: undefined, dynamic: true };
  const wanted = { client_id: "held", redirect_uris: uris, grant_types: code, ...details };
  const update = (more: object) => decideClientUpdate(client, { ...wanted, ...more }, SUPPORTED);

  test("is not taken back by the client itself, which may take on the stricter one (DCR-2)", () => {
    expect(update({})).toMatchObject({ kind: "update" });
    expect(update({ profile: "fapi2-message-signing" })).toMatchObject({ kind: "update" });
    for (const profile of [null, undefined]) {
      const error = { code: "invalid_client_metadata", message: expect.stringMatching(/^profile: /) };
      expect(update({ profile })).toMatchObject({ kind: "refused", error });
    }
    const signing = { ...client, details: { ...client.details, profile: "fapi2-message-signing" } as const };
    expect(decideClientUpdate(signing, wanted, SUPPORTED)).toMatchObject({ kind: "refused" });
  });

  test("is given to a client that fits it, and taken away, by an administrator", () => {
    const { profile: _none, ...plain } = client.details;
    const change = { changed: { profile: "fapi2" }, removed: [] } as const;
    expect(decideDetails({ ...client, details: plain }, change)).toEqual({ kind: "change", details });
    expect(decideDetails({ ...client, details: {} }, change)).toMatchObject({ kind: "refused" });
    const rs256 = { ...client, details: plain, idTokenSigningAlgorithm: "RS256" } as const;
    expect(decideDetails(rs256, change)).toMatchObject({
      reason: expect.stringMatching(/^id_token_signed_response_alg: /),
    });
    expect(decideDetails(client, { changed: {}, removed: ["profile"] })).toMatchObject({ kind: "change" });
  });
});
