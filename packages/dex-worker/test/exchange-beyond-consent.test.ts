// What an exchange must not make of a token of somebody who never said who they are.
import { parseResource } from "@dex/oidc";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ACTOR, type ExchangeWorld, openExchangeWorld, TOKEN_EXCHANGE_GRANT, TYPES } from "./exchange-world.ts";
import { REDIRECT_URI, type TestClient } from "./worker-server.ts";

const API = "https://api.example/";

let world: ExchangeWorld;
let client: TestClient;
beforeAll(async () => {
  world = await openExchangeWorld();
  const grantTypes = ["authorization_code", TOKEN_EXCHANGE_GRANT];
  client = await world.worker.addClient({ clientName: "Front", trusted: true, grantTypes });
  const parsed = parseResource({ identifier: API, name: "The API", scopes: ["read"] });
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  await world.worker.storage.resources.add(parsed.resource, ACTOR);
  await world.worker.refresh();
});
afterAll(() => world.close());

/** An access token for ourselves, of a person who was sent here for what the scope says. */
async function tokenWith(scope: string): Promise<string> {
  const asked = { client_id: client.id, scope, resource: API, connector_id: "local" };
  const end = await world.worker.signIn(world.worker.browser(), asked);
  const code = end.searchParams.get("code") ?? "";
  const form = { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
  const answer = await world.worker.token({ ...form, resource: `${world.worker.issuer}/userinfo` }, client);
  expect(answer.status).toBe(200);
  return answer.body.access_token ?? "";
}

test.each([
  ["read", 400],
  ["openid read", 200],
])(
  "a token of the scope %s, for ourselves, is exchanged for an ID token: %d (TX-1, OIDC Core §3.1.2.1)",
  async (scope, status) => {
    const subject = { subject_token: await tokenWith(scope), subject_token_type: TYPES.access };
    const answer = await world.exchange({ ...subject, requested_token_type: TYPES.id }, client);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toBe(status === 200 ? undefined : "invalid_scope");
  },
);
