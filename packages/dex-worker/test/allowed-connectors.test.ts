import { type FakeGithubPerson, type FakeOAuth2Server, startFakeGithub } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openTestWorker, PERSON, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
let worker: TestWorker;
let github: FakeOAuth2Server<FakeGithubPerson>;
let picky: TestClient;

beforeAll(async () => {
  worker = await openTestWorker(["--enable-automatic-registration", "--enable-front-channel-tokens"]);
  github = await startFakeGithub({
    clientId: "dex",
    clientSecret: "a secret",
    redirectUris: ["corp", "other"].map((id) => `${worker.issuer}/auth/${id}/callback`),
    people: [{ id: 1, login: "grace", emails: [{ email: "g@corp.example", verified: true, primary: true }] }],
  });
  await useConnectors();
});
afterAll(async () => {
  await github?.close();
  await worker?.close();
});
beforeEach(async () => {
  github.reset();
  picky = await worker.addClient({ trusted: true, allowedConnectors: ["corp"] });
});

async function useConnectors(ofCorp = {}): Promise<void> {
  const config = { clientID: "dex", clientSecret: "a secret", baseURL: github.url, apiURL: `${github.url}/api` };
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "corp", type: "github", config: { ...config, ...ofCorp } },
    { id: "other", type: "github", config },
  ]);
}

const ENDED = new RegExp(`^${REDIRECT_URI}\\?code=`);
const request = (more: Record<string, string> = {}) => worker.authorizationUrl({ client_id: picky.id, ...more });
const allow = (connectors: readonly string[] | undefined) =>
  worker.storage.clients.setAllowedConnectors(picky.id, connectors, ACTOR);
/** The change reaches the worker by its poll. */
const takeNotice = () => useConnectors();
const exchange = (end: URL, client = picky) =>
  worker.token(
    { grant_type: "authorization_code", code: end.searchParams.get("code") ?? "", redirect_uri: REDIRECT_URI },
    client,
  );

describe("a connector that the client does not allow", () => {
  test("is not offered, and with one left the person goes straight there (SAM-8)", async () => {
    await allow(["corp", "local"]);
    await takeNotice();
    const page = await worker.browser().open(request());
    expect(page.text).toContain('id="connector-corp"');
    expect(page.text).not.toContain('id="connector-other"');
    await allow(["corp"]);
    await takeNotice();
    expect((await worker.browser().open(request())).url.href).toMatch(ENDED);
  });

  test("is not begun, whoever asks for it by name or address (SAM-8)", async () => {
    await allow(["corp", "other"]);
    await takeNotice();
    const browser = worker.browser();
    const flow = (await browser.open(request({ connector_id: "local" }))).url.searchParams.get("flow") ?? "";
    expect(flow).not.toBe("");
    const page = await browser.open(`${worker.issuer}/auth/local/login?flow=${flow}`);
    expect(page.status).toBe(403);
    expect(page.text).toContain("does not allow this way to sign in");
  });

  test("does not take the password of a form that was shown before (SAM-8)", async () => {
    await allow(undefined);
    await takeNotice();
    const browser = worker.browser();
    const page = await browser.open(request({ connector_id: "local" }));
    await allow(["corp"]);
    await takeNotice();
    const refused = await browser.submit(page, { login: PERSON.email, password: PERSON.password });
    expect(refused.status).toBe(403);
    expect(worker.log.filter((line) => line.includes("signed in") && line.includes(picky.id))).toEqual([]);
  });

  test("signs nobody in whose answer comes after the change (SAM-8)", async () => {
    await allow(undefined);
    await takeNotice();
    const browser = worker.browser();
    const form = await browser.open(request({ connector_id: "local" }));
    const flow = form.url.searchParams.get("flow") ?? "";
    // As far as the upstream, and no further.
    const departed = await browser.request(`${worker.issuer}/auth/other/login?flow=${flow}`);
    const back = await browser.request(departed.headers.get("location") ?? "");
    await allow(["corp"]);
    await takeNotice();
    const answer = await browser.request(back.headers.get("location") ?? "");
    expect(answer.status).toBe(403);
    expect(github.requests.map(({ path }) => path)).toEqual(["/login/oauth/authorize"]);
  });

  test("has no session that counts: the person signs in again (SAM-8)", async () => {
    const browser = worker.browser();
    await worker.signIn(browser, { connector_id: "local" });
    const silent = await browser.open(request({ prompt: "none" }));
    expect(silent.url.searchParams.get("error")).toBe("login_required");
    const end = await browser.open(request());
    expect(end.url.href).toMatch(ENDED);
    expect(github.requests.length).toBeGreaterThan(0);
  });

  test("redeems no code and refreshes nothing any more (TOK-16)", async () => {
    const scope = "openid offline_access";
    const signIn = async () => (await worker.browser().open(request({ scope }))).url;
    const first = (await exchange(await signIn())).body;
    const unredeemed = await signIn();
    await allow(["other"]);
    await takeNotice();
    expect((await exchange(unredeemed)).body.error).toBe("invalid_grant");
    const refresh = { grant_type: "refresh_token", refresh_token: first.refresh_token ?? "" };
    expect((await worker.token(refresh, picky)).body.error).toBe("invalid_grant");
    await allow(["corp"]);
    await takeNotice();
    expect((await worker.token(refresh, picky)).status).toBe(200); // nothing was spent
  });
});

describe("a connector's grantTypes", () => {
  const scope = "openid offline_access";
  const signIn = async () => (await worker.browser().open(request({ scope }))).url;

  test("without refresh_token end in tokens without a refresh token (C 18)", async () => {
    await useConnectors({ grantTypes: ["authorization_code"] });
    const { body } = await exchange(await signIn());
    expect(body).not.toHaveProperty("refresh_token");
    expect(body).toMatchObject({ scope: "openid" });
    await useConnectors({ grantTypes: ["authorization_code", "refresh_token"] });
    expect((await exchange(await signIn())).body).toHaveProperty("refresh_token");
  });

  test("that lose refresh_token end the refreshes of before, for as long (C 18, TOK-16)", async () => {
    await useConnectors();
    const { refresh_token = "" } = (await exchange(await signIn())).body;
    await useConnectors({ grantTypes: ["authorization_code"] });
    expect((await worker.token({ grant_type: "refresh_token", refresh_token }, picky)).body.error).toBe(
      "invalid_grant",
    );
    await useConnectors({ grantTypes: [] });
    expect((await worker.token({ grant_type: "refresh_token", refresh_token }, picky)).status).toBe(200);
  });

  test("do not matter for our own users, whose row is read at each refresh", async () => {
    await useConnectors();
    const end = await worker.signIn(worker.browser(), { scope, connector_id: "local" });
    const { body } = await exchange(end, worker.client);
    worker.takeStatements();
    const { status } = await worker.token({ grant_type: "refresh_token", refresh_token: body.refresh_token ?? "" });
    expect(status).toBe(200);
    expect(worker.takeStatements().filter((name) => name !== "client.find")).toEqual(["family.rotate"]);
  });

  const kinds = [
    { grantTypes: ["implicit"], serves: ["id_token", "id_token token"] },
    { grantTypes: ["authorization_code"], serves: ["code"] },
    { grantTypes: ["authorization_code", "implicit"], serves: ["code", "id_token", "id_token token", "code id_token"] },
  ];
  test.each(kinds)(
    "$grantTypes serve the response types $serves and no others (v2 55)",
    async ({ grantTypes, serves }) => {
      const types = ["code", "id_token", "id_token token", "code id_token"] as const;
      const client = await worker.addClient({ trusted: true, details: { response_types: [...types] } });
      await useConnectors({ grantTypes });
      for (const response_type of types) {
        const browser = worker.browser();
        const asked = { client_id: client.id, response_type, nonce: "n" };
        const page = await browser.open(worker.authorizationUrl(asked));
        expect(page.text.includes('id="connector-corp"'), response_type).toBe(serves.includes(response_type));
        const flow = page.url.searchParams.get("flow") ?? "";
        const begun = await browser.request(`${worker.issuer}/auth/corp/login?flow=${flow}`);
        expect(begun.status, response_type).toBe(serves.includes(response_type) ? 303 : 403);
      }
      await useConnectors();
    },
  );

  test("hold for the session that a connector has opened too", async () => {
    const client = await worker.addClient({ trusted: true, details: { response_types: ["code", "id_token"] } });
    await useConnectors({ grantTypes: ["authorization_code"] });
    const browser = worker.browser();
    const ask = async (more: Readonly<Record<string, string>>) => {
      const asked = { client_id: client.id, connector_id: "corp", nonce: "n", ...more };
      return (await browser.open(worker.authorizationUrl(asked))).url;
    };
    expect((await ask({})).searchParams.has("code")).toBe(true);
    const silent = { prompt: "none", response_type: "id_token" };
    expect((await ask(silent)).hash).toContain("error=login_required");
    await useConnectors();
    expect((await ask(silent)).hash).toContain("id_token=");
  });

  test("without authorization_code are for nobody in a browser", async () => {
    await useConnectors({ grantTypes: ["urn:ietf:params:oauth:grant-type:token-exchange"] });
    const browser = worker.browser();
    const page = await browser.open(worker.authorizationUrl());
    expect(page.text).not.toContain('id="connector-corp"');
    const flow = page.url.searchParams.get("flow") ?? "";
    expect((await browser.open(`${worker.issuer}/auth/corp/login?flow=${flow}`)).status).toBe(403);
    await useConnectors();
  });
});
