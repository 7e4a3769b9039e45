import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker();
});
afterAll(() => worker.close());

test("an error is taken to a redirect_uri that has a query by 303, and the query stays (v1 N05)", async () => {
  const redirectUri = "http://127.0.0.1:1/callback?tenant=a%20b";
  const client = await worker.addClient({ clientName: "With a query", redirectURIs: [redirectUri] });
  const address = worker.authorizationUrl({
    client_id: client.id,
    redirect_uri: redirectUri,
    scope: "profile",
    state: "mine",
  });
  const answer = await worker.browser().request(address);
  expect(answer.status).toBe(303);
  const to = new URL(answer.headers.get("location") ?? "");
  expect(to.href.startsWith("http://127.0.0.1:1/callback?tenant=a")).toBe(true);
  const members = Object.fromEntries(to.searchParams);
  expect(members).toMatchObject({ tenant: "a b", error: "invalid_scope", state: "mine", iss: worker.issuer });
});
