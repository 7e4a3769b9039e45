// Connecting another way to sign in from "your account", through a real upstream provider, and taking it away again.
import { systemRandom } from "@dex/runtime";
import { type FakeOpenIdProvider, type FormBrowser, type Page, startFakeOpenIdProvider } from "@dex/testing";
import { newUserId } from "@dex/users";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let upstream: FakeOpenIdProvider;
let account: string;
beforeAll(async () => {
  worker = await openTestWorker();
  account = `${worker.issuer}/account`;
  upstream = await startFakeOpenIdProvider({
    clientId: "dex",
    clientSecret: "upstream-secret",
    redirectUris: [`${worker.issuer}/auth/up/callback`],
    users: [{ sub: "u-1", claims: { email: "grace@example.com", email_verified: true, name: "Grace Hopper" } }],
  });
  const config = { clientID: "dex", clientSecret: "upstream-secret", issuerURL: upstream.issuer, name: "Upstream" };
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "up", type: "oidc", config },
  ]);
});
afterAll(async () => {
  await worker.close();
  await upstream.close();
});

/** A browser in which Ada signed in with her password, and its page of the account. */
async function ada(): Promise<{ browser: FormBrowser; page: Page }> {
  const browser = worker.browser();
  const chooser = await browser.open(account);
  const href = /<a [^>]*id="connector-local"[^>]*href="([^"]*)"/.exec(chooser.text)?.[1] ?? "";
  const login = await browser.open(new URL(href.replaceAll("&amp;", "&"), chooser.url));
  const fields = { login: PERSON.email, password: PERSON.password };
  return { browser, page: await browser.submit(login, fields, { formId: "login-form" }) };
}
const subOf = async (browser: FormBrowser) => {
  const end = await browser.open(worker.authorizationUrl());
  const code = end.url.searchParams.get("code") ?? "";
  const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
  return JSON.parse(Buffer.from(body.id_token?.split(".")[1] ?? "", "base64url").toString()).sub as string;
};
const identities = (page: Page) => page.text.match(/id="remove-identity-/g)?.length ?? 0;

test("an identity is connected only by a yes, signs in to the same sub, and is removed again (ACC-12, ACC-13)", async () => {
  const { browser, page } = await ada();
  expect(page.text).toContain('id="connect-up"');
  const sub = await subOf(browser);

  const question = await browser.open(`${account}/link?connector=up`);
  expect(question.text).toContain("Grace Hopper");
  const no = await browser.submit(question, { decision: "skip" }, { formId: "link-form" });
  expect([no.status, no.url.href, identities(no)]).toEqual([200, account, 0]);

  const again = await browser.open(`${account}/link?connector=up`);
  const yes = await browser.submit(again, { decision: "link" }, { formId: "link-form" });
  expect([yes.status, yes.url.href, identities(yes)]).toEqual([200, account, 2]);
  expect(yes.text).not.toContain('id="connect-up"');

  const elsewhere = worker.browser();
  await elsewhere.open(worker.authorizationUrl({ connector_id: "up" }));
  expect(await subOf(elsewhere)).toBe(sub);

  const [, handle] = [...yes.text.matchAll(/id="remove-identity-([^"]*)"/g)].map(([, one]) => one ?? "");
  const unlink = await browser.open(`${account}/unlink?identity=${handle}`);
  const done = await browser.submit(unlink, {}, { formId: "unlink-form" });
  expect(done.url.search).toBe("?notice=unlinked");
  expect((await elsewhere.open(account)).text).toContain("<h1>Sign in</h1>");
  expect(await subOf(browser)).toBe(sub);
});

test("an identity of somebody else's is not connected, and stays theirs (ACC-12)", async () => {
  const id = newUserId(systemRandom);
  const user = { id, email: "grace@example.com", emailVerified: true, admin: false, createdAt: new Date() };
  const identity = { connectorId: "up", remoteId: "u-1", email: user.email, emailVerified: true, amr: [] };
  const unknown = { displayName: undefined, preferredUsername: undefined, groups: undefined, authTime: undefined };
  const actor = { kind: "dexctl", id: undefined, address: undefined } as const;
  await worker.storage.users.register({ ...user, displayName: undefined }, { ...identity, ...unknown }, actor);
  const grace = worker.browser();
  await grace.open(worker.authorizationUrl({ connector_id: "up" }));
  const sub = await subOf(grace);
  const { browser } = await ada();
  const answer = await browser.open(`${account}/link?connector=up`);
  expect(answer.text).not.toContain('id="link-form"');
  expect(identities(await browser.open(account))).toBe(0);
  expect([sub, await subOf(grace)]).toEqual([id, id]);
});
