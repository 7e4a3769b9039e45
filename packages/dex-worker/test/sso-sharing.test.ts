// One session, several clients: whose sign-in counts for whom (dex v2 ssoSharedWith).
import type { FormBrowser } from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, type TestClient, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker();
});
afterAll(() => worker.close());

const addClient = (sharedWith?: readonly string[], on = worker): Promise<TestClient> =>
  on.addClient({ trusted: true, ...(sharedWith === undefined ? {} : { details: { sso_shared_with: sharedWith } }) });
const signIn = (browser: FormBrowser, { id }: TestClient, on = worker) => on.signIn(browser, { client_id: id });

/** What a client gets without a page: a code, or why not. */
async function silent(browser: FormBrowser, { id }: TestClient, on = worker): Promise<string> {
  const { url } = await browser.open(on.authorizationUrl({ client_id: id, prompt: "none" }));
  return url.searchParams.get("error") ?? (url.searchParams.has("code") ? "code" : url.href);
}

describe("a sign-in to a client", () => {
  test("that says nothing counts for every other, as ever, and asks the database no more than it did", async () => {
    const [a, b] = [await addClient(), await addClient()];
    const browser = worker.browser();
    await signIn(browser, a);
    await silent(browser, a);
    worker.takeStatements();
    expect(await silent(browser, b)).toBe("code");
    expect(worker.takeStatements().filter((name) => name !== "client.find")).toEqual([
      "session.find",
      "signIn.issueCode",
    ]);
    worker.takeStatements();
    expect(await silent(browser, b)).toBe("code");
    expect(worker.takeStatements()).toHaveLength(2);
  });

  test("that keeps it to itself counts for no other: silently login_required, with a page the password", async () => {
    const [a, b] = [await addClient([]), await addClient()];
    const browser = worker.browser();
    await signIn(browser, a);
    expect(await silent(browser, b)).toBe("login_required");
    const page = await browser.open(worker.authorizationUrl({ client_id: b.id }));
    expect(page.text).toContain('id="login-form"');
    expect(await silent(browser, a)).toBe("code");
    // Signed in to both, both go on silently: the one session is the person's.
    await signIn(browser, b);
    expect([await silent(browser, a), await silent(browser, b)]).toEqual(["code", "code"]);
  });

  test("counts one way, and one step", async () => {
    const c = await addClient();
    const b = await addClient([c.id]);
    const a = await addClient([b.id]);
    const browser = worker.browser();
    await signIn(browser, a);
    expect([await silent(browser, b), await silent(browser, c)]).toEqual(["code", "login_required"]);
    const other = worker.browser();
    await signIn(other, b);
    expect([await silent(other, a), await silent(other, c)]).toEqual(["login_required", "code"]);
  });

  test("does not keep the person from their account and from signing out", async () => {
    const a = await addClient([]);
    const browser = worker.browser();
    await signIn(browser, a);
    expect((await browser.open(`${worker.issuer}/account`)).text).not.toContain('id="login-form"');
  });
});

test("where nothing is shared by default, a client shares by saying so (--sso-shared-with-default)", async () => {
  const strict = await openTestWorker(["--sso-shared-with-default=none"]);
  try {
    const [plain, open, other] = [
      await addClient(undefined, strict),
      await addClient(["*"], strict),
      await addClient(undefined, strict),
    ];
    const browser = strict.browser();
    await signIn(browser, plain, strict);
    expect(await silent(browser, other, strict)).toBe("login_required");
    await signIn(browser, open, strict);
    expect(await silent(browser, other, strict)).toBe("code");
  } finally {
    await strict.close();
  }
});
