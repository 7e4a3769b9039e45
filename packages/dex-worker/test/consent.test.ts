// What people agreed to: remembered for each person and client, and taken back by either them or an administrator.
import { afterAll, beforeAll, expect, test } from "vitest";
import { findPerson } from "./person.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker();
});
afterAll(() => worker.close());

/** Signs in, agreeing where that is asked for; tells whether it was. */
async function signIn(client: TestClient, scope: string): Promise<{ readonly asked: boolean; readonly url: URL }> {
  const browser = worker.browser();
  const login = await browser.open(worker.authorizationUrl({ client_id: client.id, scope }));
  const page = await browser.submit(login, { login: PERSON.email, password: PERSON.password });
  const asked = page.text.includes('id="consent-form"');
  return {
    asked,
    url: asked ? (await browser.submit(page, { decision: "approve" }, { formId: "consent-form" })).url : page.url,
  };
}

test("consent is remembered, asked for again when scopes grow, and gone when an administrator takes it back", async () => {
  const client = await worker.addClient({ clientName: "Asks" });
  const scope = "openid email offline_access";
  expect((await signIn(client, "openid email")).asked).toBe(true);
  expect((await signIn(client, "openid email")).asked).toBe(false);
  expect((await signIn(client, scope)).asked).toBe(true);
  const { asked, url } = await signIn(client, scope);
  expect(asked).toBe(false);
  const code = url.searchParams.get("code") ?? "";
  const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI }, client);
  const userId = await findPerson(worker);
  const ended = await worker.storage.userDirectory.revokeRefresh(userId, client.id, ACTOR, new Date());
  expect(ended).toBe(1);
  const refreshed = await worker.token(
    { grant_type: "refresh_token", refresh_token: body.refresh_token ?? "" },
    client,
  );
  expect(refreshed.body.error).toBe("invalid_grant");
  expect((await signIn(client, scope)).asked).toBe(true);
});

test("consent of one client is no other's, and only one that an administrator trusts goes without", async () => {
  const [one, another] = [await worker.addClient({}), await worker.addClient({})];
  expect((await signIn(one, "openid")).asked).toBe(true);
  expect((await signIn(another, "openid")).asked).toBe(true);
  expect((await signIn(await worker.addClient({ trusted: true }), "openid email")).asked).toBe(false);
});
