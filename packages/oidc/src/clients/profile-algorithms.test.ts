// What we sign and encrypt with for a client under a profile, where somebody else than the profile says how.
import { expect, test } from "vitest";
import { makeClientKey } from "../../test/client-jwts.ts";
import { PROFILES } from "./client-details.ts";
import { parseNewClient } from "./client-metadata.ts";
import { algorithmWithin } from "./profile.ts";

test.each(PROFILES)("what a resource wants signed by RS256 is signed by ES256 for a client under %s", (profile) => {
  expect(algorithmWithin({ profile }, "RS256")).toBe("ES256");
  expect(algorithmWithin({ profile }, "EdDSA")).toBe("EdDSA");
  expect(algorithmWithin({}, "RS256")).toBe("RS256");
});

test.each(["id_token", "userinfo", "authorization", "introspection"])(
  "nothing is encrypted by RSA1_5: not for %s, with a profile or without (FAPI 1.0 Part 2 section 8.6.1)",
  (kind) => {
    const jwks = { keys: [makeClientKey("ES256", "one").jwk, makeClientKey("RS256", "two").jwk] };
    const describeWith = (alg: string, profile?: string) =>
      parseNewClient({
        redirectURIs: ["https://a.example/cb"],
        details: { profile, jwks, [`${kind}_encrypted_response_alg`]: alg },
      });
    for (const profile of [undefined, "fapi1-advanced", "fapi2"]) {
      expect(describeWith("RSA1_5", profile)).toMatchObject({ kind: "refused" });
      expect(describeWith("RSA-OAEP-256", profile)).toMatchObject({ kind: "client" });
    }
  },
);
