import { type FakeBehaviours, type FakeOpenIdProvider, startFakeOpenIdProvider } from "@dex/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let upstream: FakeOpenIdProvider;
const CLIENT = { clientID: "dex", clientSecret: "upstream-secret-canary" };

beforeAll(async () => {
  worker = await openTestWorker(["--enable-automatic-registration"]);
  upstream = await startFakeOpenIdProvider({
    clientId: CLIENT.clientID,
    clientSecret: CLIENT.clientSecret,
    redirectUris: ["up", "twin"].map((id) => `${worker.issuer}/auth/${id}/callback`),
    users: [
      { sub: "u-1", claims: { email: "grace@example.com", email_verified: true, name: "Grace Hopper" } },
      { sub: "u-2", claims: { email: PERSON.email, email_verified: true, name: "Not Ada" } },
    ],
  });
  const config = { ...CLIENT, issuerURL: upstream.issuer };
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "twin", type: "oidc", config },
    { id: "up", type: "oidc", config: { ...config, name: "Upstream" } },
  ]);
});
afterEach(() => upstream.reset());
afterAll(async () => {
  await worker.close();
  await upstream.close();
});

const via = (connectorId: string, more: Record<string, string> = {}) =>
  worker.authorizationUrl({ connector_id: connectorId, scope: "openid email profile", ...more });

/** Follows a sign-in by hand until the browser stands before our callback, and returns its address. */
async function untilCallback(
  browser: ReturnType<TestWorker["browser"]>,
  connectorId: string,
  more: Record<string, string> = {},
): Promise<URL> {
  let url = new URL(via(connectorId, more));
  for (let hop = 0; hop < 10; hop++) {
    const response = await browser.request(url);
    url = new URL(response.headers.get("location") ?? "", url);
    if (url.pathname.endsWith("/callback") && url.origin === new URL(worker.issuer).origin) return url;
  }
  throw new Error(`no callback, ended at ${url.href}`);
}

describe("signing in through an upstream provider", () => {
  test("the chooser lists every way, and one of them leads to a code and a user of our own", async () => {
    const browser = worker.browser();
    const chooser = await browser.open(worker.authorizationUrl());
    expect(chooser.text).toContain('id="connector-local"');
    expect(chooser.text).toContain('id="connector-up"');
    const end = await browser.open(via("up"));
    const code = end.url.searchParams.get("code") ?? "";
    const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
    const claims = JSON.parse(Buffer.from(body.id_token?.split(".")[1] ?? "", "base64url").toString());
    expect(claims).toMatchObject({ email: "grace@example.com", name: "Grace Hopper" });
    expect(claims.sub).not.toBe("u-1");
    expect(upstream.violations).toEqual([]);
  });

  test("the same person keeps the same sub, another connector of the same upstream is another person (ACC-14, JWT-8)", async () => {
    const subOf = async (connectorId: string) => {
      const end = await worker.browser().open(via(connectorId));
      if (!end.url.href.startsWith(REDIRECT_URI)) return `page ${end.status}`;
      const code = end.url.searchParams.get("code") ?? "";
      const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
      return JSON.parse(Buffer.from(body.id_token?.split(".")[1] ?? "", "base64url").toString()).sub;
    };
    expect(await subOf("up")).toBe(await subOf("up"));
    expect(await subOf("twin")).toBe("page 403"); // the address belongs to the first; no silent link
  });

  test("the answer for somebody who may not sign in is not looked at a second time (MIX-2)", async () => {
    const browser = worker.browser();
    const callback = await untilCallback(browser, "up", { login_hint: "u-2" });
    expect((await browser.open(callback)).status).toBe(403);
    expect((await browser.open(callback)).status).toBe(400);
    expect(upstream.requests.filter(({ endpoint }) => endpoint === "token")).toHaveLength(1);
  });

  test("an equal email address opens nobody's account (ACC-12)", async () => {
    const browser = worker.browser();
    const page = await browser.open(via("up", { login_hint: "u-2" }));
    expect(page.status).toBe(403);
    // Nobody vouches for the address, so it is not said whether there is an account with it (ACC-2).
    expect(page.text).not.toContain("exists");
  });

  test("two first sign-ins of one person at once make one user and two codes", async () => {
    upstream.users.unshift({ sub: "u-3", claims: { email: "joan@example.com", email_verified: true } });
    const ends = await Promise.all([worker.browser().open(via("up")), worker.browser().open(via("up"))]);
    upstream.users.shift();
    expect(ends.map((end) => end.url.searchParams.has("code"))).toEqual([true, true]);
  });

  test("prompt=login and max_age are handed upstream (AUT-5)", async () => {
    await worker.browser().open(via("up", { prompt: "login", max_age: "10" }));
    const asked = upstream.requests.find((one) => one.endpoint === "authorization")?.parameters;
    expect(asked).toMatchObject({ prompt: "login", code_challenge_method: "S256" });
    expect(asked?.nonce).toBeTruthy();
  });
});

describe("callbacks that do not belong to a trip of this browser", () => {
  test.each([
    { what: "without a state", change: (url: URL) => url.searchParams.delete("state") },
    { what: "with another state", change: (url: URL) => url.searchParams.set("state", "AAAAAAAAAAAAAAAAAAAAAA.x") },
    {
      what: "with the state of another trip of this very flow",
      change: (url: URL) => url.searchParams.set("state", `${url.searchParams.get("state")?.split(".")[0]}.x`),
    },
    { what: "with the state twice", change: (url: URL) => url.searchParams.append("state", "x") },
    { what: "with the code twice", change: (url: URL) => url.searchParams.append("code", "x") },
    {
      what: "at another connector's address",
      change: (url: URL) => {
        url.pathname = url.pathname.replace("/up/", "/twin/");
      },
    },
    {
      what: "at an unknown connector's address",
      change: (url: URL) => {
        url.pathname = url.pathname.replace("/up/", "/none/");
      },
    },
  ])("$what is refused with a page (MIX-1, MIX-2, v1 L03, v1 L06)", async ({ change }) => {
    const browser = worker.browser();
    const callback = await untilCallback(browser, "up");
    change(callback);
    const page = await browser.open(callback);
    expect(page.status).toBeGreaterThanOrEqual(400);
    expect(page.status).toBeLessThan(500);
    expect(page.headers.get("content-type")).toContain("text/html");
  });

  test("in another browser it is refused, and the first can still finish (MIX-2, BRO-4)", async () => {
    const browser = worker.browser();
    const callback = await untilCallback(browser, "up");
    expect((await worker.browser().open(callback)).status).toBe(400);
    expect((await browser.open(callback)).url.searchParams.has("code")).toBe(true);
  });

  test("twice is refused the second time (MIX-2)", async () => {
    const browser = worker.browser();
    const callback = await untilCallback(browser, "up");
    await browser.open(callback);
    expect((await browser.open(callback)).status).toBe(400);
  });
});

describe("an upstream that fails or lies gives a page with a way back, never a 5xx of ours but 503", () => {
  const lies: readonly { what: string; behaviour: Partial<FakeBehaviours>; status: number }[] = [
    { what: "signs with a foreign key", behaviour: { idTokenSignature: "foreign key" }, status: 403 },
    { what: "sends another nonce", behaviour: { idTokenClaims: { nonce: "x" } }, status: 403 },
    { what: "names another audience", behaviour: { idTokenClaims: { aud: "other" } }, status: 403 },
    {
      what: "answers as another issuer",
      behaviour: { authorizationResponse: { iss: "https://evil.example" } },
      status: 403,
    },
    {
      what: "says no",
      behaviour: {
        authorizationResponse: {
          code: undefined,
          error: "access_denied",
          error_description: "<script>canary</script>",
        },
      },
      status: 403,
    },
    { what: "fails at its token endpoint", behaviour: { endpoints: { token: "status 500" } }, status: 503 },
  ];
  test.each(lies)("$what (MIX-1, MIX-3, v1 A15)", async ({ behaviour, status }) => {
    Object.assign(upstream.behaviours, behaviour);
    const page = await worker.browser().open(via("up"));
    expect(page.status).toBe(status);
    expect(page.text).toContain("/dex/login?flow=");
    expect(page.text).not.toContain("canary"); // BRO-11: nothing of the upstream's words
  });

  test("a denial is told in our words, and no token is asked for (C 11, BRO-11)", async () => {
    upstream.behaviours.authorizationResponse = {
      code: undefined,
      error: "access_denied",
      error_description: "canary of the upstream",
    };
    const page = await worker.browser().open(via("up"));
    expect(page.status).toBe(403);
    expect(page.text).not.toContain("canary");
    expect(upstream.requests.filter(({ endpoint }) => endpoint === "token")).toEqual([]);
  });

  test("the other ways still work while it is broken", async () => {
    upstream.behaviours.endpoints = { token: "close", authorization: "status 500" };
    const end = await worker.signIn(worker.browser(), { connector_id: "local" });
    expect(end.searchParams.has("code")).toBe(true);
  });
});
