import { openBrowser, type RealBrowser, submitPassword } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openAnswerReceiver } from "./answer-receiver.ts";
import { openTestWorker, PERSON, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let receiver: Awaited<ReturnType<typeof openAnswerReceiver>>;
let chromium: RealBrowser;
beforeAll(async () => {
  [worker, chromium] = await Promise.all([openTestWorker(["--enable-front-channel-tokens"]), openBrowser()]);
  receiver = await openAnswerReceiver(worker);
});
afterAll(async () => {
  await receiver.close();
  await Promise.all([worker.close(), chromium.close()]);
});

const STATE = `"'><script>document.title='pwned'</script><img src=x onerror=alert(1)>&amp;`;
const address = (more: Readonly<Record<string, string>> = {}) =>
  worker.authorizationUrl({
    client_id: receiver.client.id,
    redirect_uri: receiver.redirectUri,
    ...{ response_type: "code id_token", response_mode: "form_post", nonce: "n", state: STATE, ...more },
  });

async function withoutScripts() {
  const context = await (await chromium.newVisitor()).context().browser()?.newContext({ javaScriptEnabled: false });
  if (context === undefined) throw new Error("expected a browser");
  return context.newPage();
}

test("the form posts itself after a sign-in, and its policy lets script and target through (oidcc-server, BRO-10)", async () => {
  receiver.posted.length = 0;
  const tab = await chromium.newVisitor();
  await tab.goto(address());
  await submitPassword(tab, PERSON);
  await tab.waitForSelector("#received");
  expect(tab.url()).toBe(receiver.redirectUri); // nothing in query or fragment
  expect(receiver.posted).toHaveLength(1);
  const [{ type, body } = { type: "", body: "" }] = receiver.posted;
  expect(type).toBe("application/x-www-form-urlencoded");
  expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
    code: expect.stringMatching(/^dxc_/),
    id_token: expect.stringMatching(/^eyJ/),
    session_state: expect.any(String),
    state: STATE,
    iss: worker.issuer,
  });
});

test("without scripts a button posts it, an error as well (oidcc-prompt-none-not-logged-in)", async () => {
  receiver.posted.length = 0;
  const tab = await withoutScripts();
  await tab.goto(address({ prompt: "none" }));
  expect(await tab.title()).not.toBe("pwned");
  expect(await tab.locator("img[src=x]").count()).toBe(0);
  expect(await tab.getByRole("button").count()).toBe(1);
  await tab.click("#continue");
  await tab.waitForSelector("#received");
  const [{ body } = { body: "" }] = receiver.posted;
  expect(Object.fromEntries(new URLSearchParams(body))).toMatchObject({ error: "login_required", state: STATE });
});

test.each(["query", "fragment", "form_post"])(
  "an answer by %s reaches a program at [::1], which no policy can name (RFC 8252 §7.3)",
  async (response_mode) => {
    const program = await openAnswerReceiver(worker, "http://[::1]:0");
    const tab = await chromium.newVisitor();
    const asked = { client_id: program.client.id, redirect_uri: program.redirectUri, response_mode };
    await tab.goto(worker.authorizationUrl(asked));
    await submitPassword(tab, PERSON);
    await tab.waitForSelector("#received");
    expect(tab.url().startsWith(program.redirectUri)).toBe(true);
    await program.close();
  },
);

test("the page is not kept, and says where it leads (NET-9)", async () => {
  const answer = await worker.browser().request(address({ prompt: "none" }));
  expect(answer.status).toBe(200);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.headers.get("content-security-policy")).toMatch(
    new RegExp(`script-src 'sha256-[^']+'; .*form-action 'self' ${new URL(receiver.redirectUri).origin} `),
  );
  expect(await answer.text()).toContain(new URL(receiver.redirectUri).host);
});
