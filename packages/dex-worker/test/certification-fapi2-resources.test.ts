// Access tokens of clients under FAPI 2.0 for registered resources, which say themselves how they want theirs signed.
import { parseResource } from "@dex/oidc";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FapiWorld, openFapiWorld } from "./fapi2-world.ts";
import type { TestClient } from "./worker-server.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const AS_USUAL = "https://usual.example/";
const BY_EDDSA = "https://eddsa.example/";

let world: FapiWorld;
let plain: TestClient;
beforeAll(async () => {
  world = await openFapiWorld("fapi2");
  const { worker, first } = world;
  plain = await worker.addClient({ clientName: "Plain" });
  const allowedClients = [first.id, plain.id];
  for (const more of [{ identifier: AS_USUAL }, { identifier: BY_EDDSA, signingAlg: "EdDSA" }]) {
    const parsed = parseResource({ name: "Accounts", scopes: ["read"], allowedClients, ...more });
    if (parsed.kind === "refused") throw new Error(parsed.reason);
    await worker.storage.resources.add(parsed.resource, ACTOR);
  }
  await worker.refresh();
});
afterAll(() => world?.close());

async function algorithmOf(token: string, audience: string): Promise<string | undefined> {
  const keys = createRemoteJWKSet(new URL(String(world.metadata.jwks_uri)));
  await jwtVerify(token, keys, { issuer: world.worker.issuer, audience, typ: "at+jwt" });
  return decodeProtectedHeader(token).alg;
}

test.each([
  [AS_USUAL, "ES256"],
  [BY_EDDSA, "EdDSA"],
])(
  "an access token for %s is never signed by RS256, and else as the resource says: %s (FAPI 2.0 Security Profile §5.4.1)",
  async (resource, alg) => {
    const { first } = world;
    const { access_token: ofPerson = "" } = await world.tokensFor(first, { resource, scope: "openid read" });
    expect(await algorithmOf(ofPerson, resource)).toBe(alg);
    const { body } = await world.post("/token", first, { grant_type: "client_credentials", resource, scope: "read" });
    expect(await algorithmOf(String(body.access_token), resource)).toBe(alg);
  },
);

test("a client without a profile has them as the resource says", async () => {
  const { body } = await world.worker.token({ grant_type: "client_credentials", resource: AS_USUAL }, plain);
  expect(await algorithmOf(body.access_token ?? "", AS_USUAL)).toBe("RS256");
});
