// The address of a user who exists already: made at the first sign-in, by a connector that vouches for no address.
import { type FakeOpenIdProvider, queryDatabase, readForm, startFakeOpenIdProvider } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rowsOf } from "./registering.ts";
import { openTestWorker, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let upstream: FakeOpenIdProvider;
const CLIENT = { clientID: "dex", clientSecret: "upstream-secret-canary" };

beforeAll(async () => {
  worker = await openTestWorker(["--enable-automatic-registration"]);
  upstream = await startFakeOpenIdProvider({
    clientId: CLIENT.clientID,
    clientSecret: CLIENT.clientSecret,
    redirectUris: ["plain", "trusted"].map((id) => `${worker.issuer}/auth/${id}/callback`),
    users: [{ sub: "nobody", claims: {} }],
  });
  const config = { ...CLIENT, issuerURL: upstream.issuer };
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "plain", type: "oidc", config },
    { id: "trusted", type: "oidc", config: { ...config, trustedEmailProvider: true } },
  ]);
});
afterAll(async () => {
  await worker.close();
  await upstream.close();
});

let people = 0;
async function firstSignIn(connectorId: string) {
  const sub = `auto-${++people}`;
  const email = `${sub}@example.com`;
  upstream.users.unshift({ sub, claims: { email, email_verified: true } });
  const browser = worker.browser();
  const end = await browser.open(worker.authorizationUrl({ connector_id: connectorId }));
  expect(end.url.href).toContain(REDIRECT_URI);
  return { browser, email };
}
const mailsOf = (email: string) =>
  queryDatabase<{ kind: string; link_id: string }>(
    worker.databaseUrl,
    "SELECT o.kind, o.link_id FROM outbox o JOIN app_user u ON u.id = o.user_id WHERE u.email = $1",
    [email],
  );
async function linkOf(email: string): Promise<string> {
  const [mail] = await mailsOf(email);
  if (mail === undefined) throw new Error("no mail was promised");
  return `${worker.issuer}/verify-email?token=${worker.linkTokens.issue("verify email", mail.link_id)}`;
}
const isVerified = async (email: string) => (await rowsOf(worker, email)).users[0]?.email_verified;

test("a user made at the first sign-in is asked to confirm the address, unless it is vouched for (v1 L04)", async () => {
  const plain = await firstSignIn("plain");
  expect((await mailsOf(plain.email)).map(({ kind }) => kind)).toEqual(["verify-email"]);
  expect(await isVerified(plain.email)).toBe(false);
  const trusted = await firstSignIn("trusted");
  expect(await mailsOf(trusted.email)).toEqual([]);
  expect(await isVerified(trusted.email)).toBe(true);
});

test("the link confirms in a browser that is signed in to the account, once (ACC-8, ACC-11, v1 V03, v1 V04)", async () => {
  const { browser, email } = await firstSignIn("plain");
  const link = await linkOf(email);
  const page = await browser.open(link);
  expect(page.url.href).toBe(`${worker.issuer}/verify-email`);
  expect(page.text).toContain(email);
  expect(await isVerified(email)).toBe(false);
  const done = await browser.submit(page);
  expect(done.text).toContain("Address confirmed");
  expect(await isVerified(email)).toBe(true);
  const again = await browser.open(link);
  expect([again.status, again.text.includes("This link cannot be used")]).toEqual([400, true]);
});

test("a stranger who reads the mail signs nobody in and confirms nothing (ACC-13)", async () => {
  const { email } = await firstSignIn("plain");
  const link = await linkOf(email);
  const stranger = worker.browser();
  expect((await stranger.open(link)).url.pathname).toBe("/dex/login");
  await worker.signIn(stranger, { connector_id: "local" }); // as somebody else
  const page = await stranger.open(link);
  expect([page.status, page.text.includes("<form")]).toEqual([403, false]);
  const owner = await worker.browser().open(`${worker.issuer}/verify-email`);
  expect(owner.status).toBe(400);
  expect(await isVerified(email)).toBe(false);
});

test("a changed address makes the link useless (ACC-11)", async () => {
  const { browser, email } = await firstSignIn("plain");
  const link = await linkOf(email);
  const page = await browser.open(link);
  const { action, fields } = readForm(page);
  await queryDatabase(worker.databaseUrl, "UPDATE app_user SET email = $1 WHERE email = $2", [`new-${email}`, email]);
  const headers = { Origin: new URL(worker.issuer).origin };
  const answer = await browser.request(action, { method: "POST", body: new URLSearchParams([...fields]), headers });
  expect(answer.status).toBe(400);
  expect(await isVerified(`new-${email}`)).toBe(false);
});
