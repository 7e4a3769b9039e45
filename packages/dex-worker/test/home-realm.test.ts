import { type FakeGithubPerson, type FakeOAuth2Server, openBrowser, readForm, startFakeGithub } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let github: FakeOAuth2Server<FakeGithubPerson>;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-automatic-registration"]);
  const ids = ["corp", "navy", "uni"];
  github = await startFakeGithub({
    clientId: "dex",
    clientSecret: "a secret",
    redirectUris: ids.map((id) => `${worker.issuer}/auth/${id}/callback`),
    people: [{ id: 1, login: "grace", emails: [{ email: "g@corp.example", verified: true, primary: true }] }],
  });
  const config = { clientID: "dex", clientSecret: "a secret", baseURL: github.url, apiURL: `${github.url}/api` };
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    {
      id: "corp",
      type: "github",
      config: { ...config, name: "Corp", emailDomains: ["Corp.example", "xn--bcher-kva.example"] },
    },
    {
      id: "navy",
      type: "github",
      config: { ...config, name: "Navy", emailDomains: ["shared.example", "navy.example"] },
    },
    { id: "uni", type: "github", config: { ...config, name: "Uni", emailDomains: ["shared.example"] } },
  ]);
});
afterAll(async () => {
  await github?.close();
  await worker?.close();
});
beforeEach(() => github.reset());

/** The connector whose upstream the browser was sent to. */
const departedTo = () => {
  const departure = github.requests.find(({ path }) => path === "/login/oauth/authorize");
  return /\/auth\/([a-z]+)\/callback$/.exec(departure?.parameters.redirect_uri ?? "")?.[1];
};
const FORM = { formId: "home-realm-form" };

test("an address leads to the connector that is for its domain, and is a hint to it", async () => {
  const browser = worker.browser();
  const page = await browser.open(worker.authorizationUrl());
  expect(page.url.pathname).toBe("/dex/login");
  expect(page.text).toContain('id="connector-corp"'); // beside the list
  const end = await browser.submit(page, { email: "grace@CORP.example" }, FORM);
  expect(end.url.href).toMatch(new RegExp(`^${REDIRECT_URI}\\?code=`));
  expect(departedTo()).toBe("corp");
  const departure = github.requests.find(({ path }) => path === "/login/oauth/authorize");
  expect(departure?.parameters.login).toBe("grace@CORP.example");
  expect(worker.log.join("\n")).not.toContain("CORP.example"); // LOG-2
});

const nowhere = [
  ...["x@other.example", "x@sub.corp.example", "x@corp.example.evil", "x@shared.example"],
  ...[
    "corp.example",
    "@corp.example",
    "x@",
    "x@corp.example/..",
    "x@[corp.example]",
    "x@corp.example:443",
    "\0@\0",
    "",
  ],
  `${"x".repeat(400)}@corp.example`,
];
test.each([...nowhere, PERSON.email])(
  "%j leads back with the same words, whether or not there is an account (ACC-1)",
  async (email) => {
    const browser = worker.browser();
    const page = await browser.open(worker.authorizationUrl());
    const answer = await browser.submit(page, { email }, FORM);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("No single way to sign in is for addresses like this one");
    expect(answer.text).toContain('id="connector-local"');
    expect(readForm(answer, "home-realm-form").fields.get("email")).toBe(
      email.slice(0, 320).replaceAll("\0", "\uFFFD"),
    );
    expect(github.requests).toEqual([]);
  },
);

test("a name in letters beyond ASCII is the one that the operator wrote", async () => {
  const browser = worker.browser();
  const page = await browser.open(worker.authorizationUrl());
  await browser.submit(page, { email: "x@bücher.example." }, FORM);
  expect(departedTo()).toBe("corp");
});

test("a login_hint whose domain exactly one connector is for goes straight there; another is put into the form", async () => {
  await worker.browser().open(worker.authorizationUrl({ login_hint: "someone@navy.example" }));
  expect(departedTo()).toBe("navy");
  for (const hint of ["x@shared.example", "x@other.example", "nobody"]) {
    const page = await worker.browser().open(worker.authorizationUrl({ login_hint: hint }));
    expect(page.url.pathname).toBe("/dex/login");
    expect(readForm(page, "home-realm-form").fields.get("email")).toBe(hint);
  }
});

test("a real browser follows the form to the upstream, whatever the client's own address is (BRO-10)", async () => {
  const chromium = await openBrowser();
  try {
    const tab = await chromium.newVisitor();
    await tab.goto(worker.authorizationUrl());
    await tab.fill("#email", "grace@navy.example");
    const back = tab.waitForRequest(`${worker.issuer}/auth/navy/callback?**`);
    await tab.click("#find-connector", { noWaitAfter: true });
    await back;
    const client = await worker.addClient({ clientName: "CLI", public: true, redirectURIs: [] });
    const challenge = { code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256" };
    const byHand = { client_id: client.id, redirect_uri: "urn:ietf:wg:oauth:2.0:oob", ...challenge };
    await tab.goto(worker.authorizationUrl({ ...byHand, prompt: "login" }));
    await tab.fill("#email", "grace@corp.example");
    const backAgain = tab.waitForRequest(`${worker.issuer}/auth/corp/callback?**`);
    await tab.click("#find-connector", { noWaitAfter: true });
    await backAgain;
  } finally {
    await chromium.close();
  }
});

test("of two connectors for one domain the one that the client allows is meant (SAM-8)", async () => {
  const client = await worker.addClient({ trusted: true, allowedConnectors: ["local", "uni"] });
  const url = worker.authorizationUrl({ client_id: client.id, login_hint: "x@shared.example" });
  await worker.browser().open(url);
  expect(departedTo()).toBe("uni");
});

test("the form is refused from elsewhere, without its token, and where nothing is asked (BRO-2)", async () => {
  const browser = worker.browser();
  const page = await browser.open(worker.authorizationUrl());
  const forged = await browser.submit(page, { email: "x@corp.example", form_token: "x" }, FORM);
  expect(forged.status).toBe(403);
  const none = await fetch(`${worker.issuer}/login?flow=x`, {
    method: "POST",
    body: new URLSearchParams({ email: "x" }),
  });
  expect(none.status).toBe(403);
  expect(github.requests).toEqual([]);
});

test("without any domain there is no form, nor where an account is to be made or linked", async () => {
  const all = await worker.storage.connectors.list();
  const without = all.map(({ config: { emailDomains, ...config }, ...one }) => ({ ...one, config }));
  await worker.setConnectors(without);
  expect((await worker.browser().open(worker.authorizationUrl())).text).not.toContain("home-realm-form");
  await worker.setConnectors(all);
});
