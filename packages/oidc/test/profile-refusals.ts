// What the tests of every profile share: who breaks it is refused, whoever describes the client.
import { expect } from "vitest";
import { parseNewClient } from "../src/clients/client-metadata.ts";
import { decideRegistration } from "../src/clients/registration-metadata.ts";
import { makeClientKey } from "./client-jwts.ts";

/** The keys of clients that fit their profile, and one that is none of theirs. */
export const jwks = { keys: [makeClientKey("ES256", "one").jwk] };
export const rsa = makeClientKey("RS256", "rsa").jwk;

/** A client that breaks a profile, by its own account. */
export interface Breach {
  readonly when: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly grants?: readonly string[];
  /** What the refusal names. */
  readonly member: string;
  /** The section that says so. */
  readonly by: string;
}

/** Secrets that both sides know, which no profile takes. */
export const sharedSecrets = (by: string): readonly Breach[] =>
  ["client_secret_basic", "client_secret_post", "client_secret_jwt"].map((method) => ({
    when: `it proves itself by ${method}`,
    details: { token_endpoint_auth_method: method },
    member: "token_endpoint_auth_method",
    by,
  }));

/** Refused to a client that registers itself and to an administrator, for the same reason. `specification`: that of `by`. */
export function expectRefused(
  breach: Breach,
  held: { readonly profile: string; readonly redirectUris: readonly string[]; readonly specification: string },
): void {
  const { grants = ["authorization_code", "refresh_token"], member, by } = breach;
  const { profile, redirectUris, specification } = held;
  const details = { profile, jwks, ...breach.details };
  const registered = decideRegistration({ redirect_uris: redirectUris, grant_types: grants, ...details });
  const described = parseNewClient({ redirectURIs: redirectUris, grantTypes: grants, details });
  if (registered.kind !== "refused" || described.kind !== "refused") throw new Error("one was accepted");
  expect(registered.error.code).toBe("invalid_client_metadata");
  for (const reason of [registered.error.message, described.reason]) {
    expect(reason).toMatch(/^\w+: /);
    expect(reason.endsWith(` under the profile ${profile} (${specification} ${by})`), reason).toBe(true);
  }
  expect(registered.error.message.startsWith(`${member}: `)).toBe(true);
}

export function expectNoPublicClientAndNoRs256(profile: string, redirectURIs: readonly string[]): void {
  const details = { profile, jwks };
  const native = { clientName: "App", public: true, grantTypes: ["authorization_code"] };
  expect(parseNewClient({ ...native, redirectURIs, details })).toMatchObject({ kind: "refused" });
  expect(parseNewClient({ redirectURIs, details, idTokenSignedResponseAlg: "RS256" })).toMatchObject({
    reason: expect.stringMatching(/^idTokenSignedResponseAlg: must be one of PS256, ES256, EdDSA/),
  });
}

/** Not even for a program on the person's own device. */
export function expectHttpsAlone(profile: string, redirectUris: readonly string[], by: string): void {
  const details = { profile, jwks };
  const uris = [...redirectUris, "http://127.0.0.1/cb"];
  expect(
    decideRegistration({ redirect_uris: uris, grant_types: ["authorization_code", "refresh_token"], ...details }),
  ).toMatchObject({ kind: "refused", error: { code: "invalid_redirect_uri" } });
  const described = parseNewClient({ redirectURIs: uris, details });
  if (described.kind !== "refused") throw new Error("it was accepted");
  expect(described.reason).toMatch(/^redirectURIs: must be https /);
  expect(described.reason.endsWith(` (${by})`), described.reason).toBe(true);
}
