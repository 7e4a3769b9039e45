// Deployments in which whoever registers or describes itself has a profile.
import { expect, test } from "vitest";
import { makeClientKey } from "../../test/client-jwts.ts";
import { PROFILES, REGISTRATION_PROFILES } from "./client-details.ts";
import { type ClientIdPolicy, decideClientIdDocument } from "./client-id-document.ts";
import { mayChangeProfile } from "./profile.ts";
import { decideRegistration } from "./registration-metadata.ts";
import { SUPPORTED } from "./supported.ts";

const jwks = { keys: [makeClientKey("ES256", "one").jwk] };
const wanted = { redirect_uris: ["https://agent.example/cb"], jwks };

test.each(REGISTRATION_PROFILES)(
  "with %s every client has it, one that demands more, or is refused (DCR-2)",
  (required) => {
    expect(decideRegistration(wanted, SUPPORTED, required)).toMatchObject({
      kind: "register",
      metadata: { details: { profile: required, token_endpoint_auth_method: "private_key_jwt" } },
    });
    for (const profile of PROFILES) {
      const decision = decideRegistration({ ...wanted, profile }, SUPPORTED, required);
      if (mayChangeProfile(required, profile)) {
        expect(decision).toMatchObject({ kind: "register", metadata: { details: { profile } } });
        continue;
      }
      const error = { code: "invalid_client_metadata", message: `profile: must be ${required}` };
      expect(decision).toMatchObject({ kind: "refused", error });
    }
  },
);

test("what describes itself in a document has it too, and is not public (DCR-2)", () => {
  const policy: ClientIdPolicy = { documents: "any", hosts: [], blockedHosts: [], schemes: "https", profile: "fapi2" };
  const url = new URL("https://agent.example/client.json");
  const decide = (more: object) =>
    decideClientIdDocument({ client_id: url.href, ...wanted, ...more }, { url, policy, supported: SUPPORTED, now });
  const now = new Date("2026-11-21T12:00:00Z");
  expect(decide({})).toMatchObject({
    kind: "client",
    client: { public: false, details: { profile: "fapi2", token_endpoint_auth_method: "private_key_jwt" } },
  });
  for (const more of [
    { token_endpoint_auth_method: "none" },
    { redirect_uris: ["http://127.0.0.1/cb"] },
    { jwks: undefined },
  ]) {
    expect(decide(more)).toMatchObject({ kind: "refused" });
  }
});
