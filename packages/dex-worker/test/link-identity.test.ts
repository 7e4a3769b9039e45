// Linking an identity from "your account": the flow of our own pages with the intent to link.
import { type FakeOpenIdProvider, type FormBrowser, queryDatabase, startFakeOpenIdProvider } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let upstream: FakeOpenIdProvider;
const CLIENT = { clientID: "dex", clientSecret: "upstream-secret-canary" };

beforeAll(async () => {
  worker = await openTestWorker(["--enable-registration"]);
  upstream = await startFakeOpenIdProvider({
    clientId: CLIENT.clientID,
    clientSecret: CLIENT.clientSecret,
    redirectUris: [`${worker.issuer}/auth/work/callback`],
    users: [{ sub: "first", claims: { email: "first@example.com", email_verified: true, name: "First" } }],
  });
  const config = { ...CLIENT, issuerURL: upstream.issuer, name: "Work", trustedEmailProvider: true };
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "work", type: "oidc", config },
  ]);
});
afterAll(async () => {
  await worker.close();
  await upstream.close();
});

/** Who signs in upstream from now on. */
const becomeUpstream = (sub: string, email: string) =>
  void upstream.users.unshift({ sub, claims: { email, email_verified: true, name: sub } });
async function signedIn(): Promise<FormBrowser> {
  const browser = worker.browser();
  await worker.signIn(browser, { connector_id: "local" });
  return browser;
}
const beginLink = (browser: FormBrowser) => browser.open(`${worker.issuer}/account/link?connector=work`);
const ownersOf = (sub: string) =>
  queryDatabase<{ email: string }>(
    worker.databaseUrl,
    "SELECT u.email FROM remote_identity i JOIN app_user u ON u.id = i.user_id WHERE i.remote_id = $1",
    [sub],
  );

test("an identity that is proved is the person's after they say yes, and the browser is back at the account (ACC-12)", async () => {
  becomeUpstream("new-way", "elsewhere@example.com");
  const browser = await signedIn();
  const page = await beginLink(browser);
  expect(page.url.pathname).toBe("/dex/link");
  expect(page.text).toContain("Connect <bdi>Work</bdi> to your account?");
  expect(page.text).toContain(PERSON.email);
  expect(await ownersOf("new-way")).toEqual([]);
  const account = await browser.submit(page, { decision: "link" });
  expect(account.url.pathname).toBe("/dex/account");
  expect(await ownersOf("new-way")).toEqual([{ email: PERSON.email }]);
  const end = await worker.browser().open(worker.authorizationUrl({ connector_id: "work" }));
  expect(end.url.href).toContain(REDIRECT_URI);
});

test("no leaves everything as it was", async () => {
  becomeUpstream("unwanted", "unwanted@example.com");
  const browser = await signedIn();
  const account = await browser.submit(await beginLink(browser), { decision: "skip" });
  expect(account.url.pathname).toBe("/dex/account");
  expect(await ownersOf("unwanted")).toEqual([]);
});

test("an identity that is the person's already leads straight back", async () => {
  becomeUpstream("mine", "mine@example.com");
  const browser = await signedIn();
  await browser.submit(await beginLink(browser), { decision: "link" });
  expect((await beginLink(browser)).url.pathname).toBe("/dex/account");
});

test("an identity of somebody else is refused plainly and stays theirs (ACC-12)", async () => {
  becomeUpstream("theirs", "theirs@example.com");
  await worker.browser().open(worker.authorizationUrl({ connector_id: "work", register: "1" }));
  const browser = await signedIn();
  const page = await beginLink(browser);
  expect([page.status, page.text.includes("belongs to another account")]).toEqual([403, true]);
  expect(await ownersOf("theirs")).toEqual([{ email: "theirs@example.com" }]);
});

test("signed out, the person signs in first, and with something else than what is to be linked", async () => {
  becomeUpstream("later", "later@example.com");
  const page = await beginLink(worker.browser());
  expect(page.url.pathname).toBe("/dex/login");
  expect(await ownersOf("later")).toEqual([]);
});

test("a page of the link shown to one person is dead for the next in the same browser (ACC-12, BRO-2)", async () => {
  becomeUpstream("shared", "shared@example.com");
  const browser = await signedIn();
  const page = await beginLink(browser);
  await worker.signIn(browser, { connector_id: "local", prompt: "login" });
  expect((await browser.submit(page, { decision: "link" })).status).toBe(403);
  expect(await ownersOf("shared")).toEqual([]);
});
