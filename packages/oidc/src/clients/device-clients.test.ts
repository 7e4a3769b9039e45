import { expect, test } from "vitest";
import { parseNewClient } from "./client-metadata.ts";
import { decideRegistration } from "./registration-metadata.ts";
import { ADMINISTRATED_GRANTS } from "./supported.ts";

const device = "urn:ietf:params:oauth:grant-type:device_code";

test("a device registers itself with the grant, and without an address to send people to (RFC 8628 §4, RFC 7591 §2)", () => {
  const metadata = { client_name: "TV", token_endpoint_auth_method: "none", grant_types: [device, "refresh_token"] };
  expect(decideRegistration(metadata)).toMatchObject({
    kind: "register",
    metadata: { grantTypes: [device, "refresh_token"], redirectUris: [], public: true },
  });
});

test("an administrator makes one too; a refresh token alone comes from nowhere", () => {
  const tv = { public: true, clientName: "TV" };
  expect(parseNewClient({ ...tv, grantTypes: [device] })).toMatchObject({ kind: "client" });
  expect(parseNewClient({ ...tv, grantTypes: [device, "refresh_token"] })).toMatchObject({ kind: "client" });
  expect(parseNewClient({ ...tv, grantTypes: ["refresh_token"] })).toMatchObject({ kind: "refused" });
  expect(parseNewClient({ ...tv, grantTypes: [device, device] })).toMatchObject({ kind: "refused" });
});

test.each(ADMINISTRATED_GRANTS)("nobody registers themselves for %s (DCR-1)", (grant) => {
  const grants = ["authorization_code", grant];
  const decision = decideRegistration({ redirect_uris: ["https://a.example/cb"], grant_types: grants });
  expect(decision.kind === "register" ? decision.metadata.grantTypes : []).not.toContain(grant);
});
