// A dry run of stored connectors through the API of a worker, where they are used: what dexctl connectors test asks for.
import { type FakeGithubPerson, type FakeOAuth2Server, startFakeGithub } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

const SECRET = "upstream-secret-canary";
let worker: TestWorker;
let github: FakeOAuth2Server<FakeGithubPerson>;
let token: string;
beforeAll(async () => {
  worker = await openTestWorker(["--api-use-client-credentials"]);
  const redirectUris = [`${worker.issuer}/auth/good/callback`];
  github = await startFakeGithub({ clientId: "dex", clientSecret: SECRET, redirectUris, people: [] });
  const config = { clientID: "dex", clientSecret: SECRET, baseURL: github.url, apiURL: `${github.url}/api` };
  const nowhere = "http://127.0.0.1:1";
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "good", type: "github", config },
    { id: "forged", type: "github", config: { ...config, clientSecret: "another-canary" } },
    { id: "down", type: "oidc", config: { issuer: nowhere, clientID: "dex", clientSecret: SECRET } },
    { id: "broken", type: "oidc", config: {} },
  ]);
  const admin = await worker.addClient({ isAdmin: true });
  token = (await worker.token({ grant_type: "client_credentials" }, admin)).body.access_token ?? "";
});
afterAll(async () => {
  await github.close();
  await worker.close();
});

async function check(id: string, bearer = token) {
  const headers = { Authorization: `Bearer ${bearer}` };
  const response = await fetch(`${worker.issuer}/api/v1/connectors/${id}/check`, { method: "POST", headers });
  const text = await response.text();
  expect(text).not.toContain("canary");
  return { status: response.status, body: JSON.parse(text) };
}

test.each([
  { id: "good", ok: true },
  { id: "local", ok: true },
  { id: "forged", ok: false },
  { id: "down", ok: false },
  { id: "broken", ok: false },
])("$id: every step went well: $ok, and no secret is told", async ({ id, ok }) => {
  const { status, body } = await check(id);
  expect(status).toBe(200);
  expect(body.steps.length).toBeGreaterThan(0);
  expect(body.steps.every((step: { ok: boolean }) => step.ok)).toBe(ok);
});

test("only administrators may have one tried, and only one that there is", async () => {
  expect((await check("good", "nobody's")).status).toBe(401);
  expect((await check("missing")).status).toBe(404);
});
