// Every kind of connector that has an upstream of its own, from the browser to a verified ID token, through a refresh, and
// to each way in which it says no. What is particular to a kind is tested beside it, in packages/connectors/test.
import { openFormBrowser, type Page } from "@dex/testing";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UPSTREAMS, type Upstream } from "./connector-upstreams.ts";
import { openTestWorker, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

const SCOPE = "openid email profile groups offline_access";
const CLIENT_SECRET = "secret-of-dex-at-the-upstream-canary";

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-automatic-registration"]);
});
afterAll(() => worker.close());

/** Goes through the upstream, and through pages that post on what it said, until our client or a page of refusal. */
async function goThrough(connectorId: string, typed: Upstream["typed"]): Promise<Page> {
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI] });
  let page = await browser.open(worker.authorizationUrl({ scope: SCOPE, connector_id: connectorId }));
  if (typed !== undefined) page = await browser.submit(page, typed, { formId: "login-form" });
  for (let posts = 0; posts < 3 && page.status === 200 && page.text.includes("<form"); posts += 1) {
    page = await browser.submit(page);
  }
  return page;
}

async function exchange(parameters: Record<string, string>) {
  const { status, body, headers } = await worker.token(parameters);
  if (status !== 200) return { status, body, headers, claims: {} };
  const published = (await (await fetch(`${worker.issuer}/keys`)).json()) as JSONWebKeySet;
  const checks = { issuer: worker.issuer, audience: worker.client.id };
  const { payload } = await jwtVerify(body.id_token ?? "", createLocalJWKSet(published), checks);
  return { status, body, headers, claims: payload };
}

const redeem = (page: Page) =>
  exchange({
    grant_type: "authorization_code",
    code: page.url.searchParams.get("code") ?? expect.fail(`no code: ${page.status} ${page.text}`),
    redirect_uri: REDIRECT_URI,
  });
const refresh = (token: string | undefined) => exchange({ grant_type: "refresh_token", refresh_token: token ?? "" });

/** Nothing in their configuration keeps anybody out: who may sign in is up to the upstream. */
const OPEN_TO_ALL: readonly string[] = ["oauth", "facebook", "linkedin", "apple", "keystone"];
const ASKING_FOR_PASSWORDS: readonly string[] = ["atlassian-crowd", "keystone"];

describe.each(Object.entries(UPSTREAMS))("%s", (type, start) => {
  let upstream: Upstream;
  let closed = false;
  let refreshToken: string | undefined;
  const set = (config: Upstream["config"]) =>
    worker.setConnectors([
      { id: "local", type: "local", config: {} },
      { id: type, type, config },
    ]);
  beforeAll(async () => {
    const redirectUris = [`${worker.issuer}/auth/${type}/callback`];
    upstream = await start({ clientId: "dex", clientSecret: CLIENT_SECRET, redirectUris });
    await set(upstream.config);
  }, 120_000);
  const close = async () => {
    if (!closed) await upstream.close();
    closed = true;
  };
  afterAll(close);

  test("signs a person in to a verified ID token that says what it knows", async () => {
    const { claims, body } = await redeem(await goThrough(type, upstream.typed));
    expect(claims).toMatchObject(upstream.claims);
    expect(body.refresh_token).toMatch(/\S/);
    refreshToken = body.refresh_token;
    expect(upstream.violations()).toEqual([]);
  });

  test("is asked again when the client refreshes, and says the same of the same person", async () => {
    const { claims, body } = await refresh(refreshToken);
    const { name: _nameIsToldOnce, ...told } = upstream.claims;
    expect(claims).toMatchObject(told);
    refreshToken = body.refresh_token;
    expect(upstream.violations()).toEqual([]);
  });

  const keepsOut = async () => {
    await set({ ...upstream.config, ...upstream.closed });
    const page = await goThrough(type, upstream.typed);
    expect(page.status).toBe(403);
    expect(page.text).toContain("none of the groups");
    expect(await refresh(refreshToken)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    await set(upstream.config);
    const { status, body } = await refresh(refreshToken); // REF-13: it was not spent
    expect(status).toBe(200);
    refreshToken = body.refresh_token;
  };
  if (!OPEN_TO_ALL.includes(type)) test("keeps out whom its configuration keeps out, and at a refresh too", keepsOut);

  const refusesWrongPassword = async () => {
    const typed = upstream.typed ?? expect.fail("nothing to type");
    const page = await goThrough(type, { ...typed, password: "not it" });
    expect(page.status).toBe(403);
    expect(page.text).toContain("The name or the password is not right");
  };
  if (ASKING_FOR_PASSWORDS.includes(type)) test("refuses a wrong password like any form of ours", refusesWrongPassword);

  test("ends the refreshes of somebody who is gone upstream, and of nobody while it cannot be reached", async () => {
    if (upstream.dismiss !== undefined) {
      await upstream.dismiss();
      expect(await refresh(refreshToken)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    }
    await close();
    const { status, body, headers } = await refresh(refreshToken);
    if (upstream.dismiss === undefined) {
      expect({ status, error: body.error }).toEqual({ status: 503, error: "temporarily_unavailable" });
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    } else expect(body.error).toBe("invalid_grant"); // REF-13: it ended for good
    if (upstream.typed === undefined) return;
    const page = await goThrough(type, upstream.typed);
    expect(page.status).toBe(503);
    expect(page.text).toContain("cannot be reached");
  });

  test("and none of its secrets stands in the log (LOG-1)", () => {
    expect(worker.log.join("\n")).not.toContain(CLIENT_SECRET);
  });
});
