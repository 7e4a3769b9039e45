import { finishSignIn, openFormBrowser } from "@dex/testing";
import * as openid from "openid-client";
import { beforeAll, expect, inject, test } from "vitest";
import { makeRelyingParty, obtainTokens, type RelyingParty } from "./relying-party.ts";

const { facts, workerOrigins } = inject("sharedFleet");
let party: RelyingParty;
beforeAll(async () => {
  party = await makeRelyingParty(facts);
});

test("openid-client signs in with code and PKCE, verifies the ID token, reads userinfo and refreshes (REF-1, JWT-7)", async () => {
  const tokens = await obtainTokens(party);
  const claims = tokens.claims();
  expect(claims).toMatchObject({ iss: facts.issuer, aud: facts.client.id, email: facts.user.email });
  expect(tokens.expires_in).toBe(600);

  const userinfo = await openid.fetchUserInfo(party.configuration, tokens.access_token, claims?.sub ?? "");
  expect(userinfo).toMatchObject({ sub: claims?.sub, email: facts.user.email });

  const refreshed = await openid.refreshTokenGrant(party.configuration, tokens.refresh_token ?? "");
  expect(refreshed.refresh_token).not.toBe(tokens.refresh_token);
  expect(refreshed.claims()).toMatchObject({ iss: facts.issuer, sub: claims?.sub, auth_time: claims?.auth_time });
});

test("openid-client obtains a token for itself with client_credentials (TOK-15)", async () => {
  const tokens = await openid.clientCredentialsGrant(party.configuration);
  expect(tokens.access_token).toBeTypeOf("string");
  expect(tokens).not.toHaveProperty("id_token");
  expect(tokens).not.toHaveProperty("refresh_token");
});

test("a sign-in succeeds when each of its requests lands on another worker", async () => {
  const used: string[] = [];
  const browser = openFormBrowser({
    stopAt: [party.redirectUri],
    route(url) {
      const origin = workerOrigins[used.length % workerOrigins.length] ?? "";
      used.push(origin);
      return new URL(url.pathname + url.search, origin);
    },
  });
  const { url, checks } = await party.begin();
  const answer = await party.signIn(url, browser);
  expect(used.length).toBeGreaterThanOrEqual(3);
  expect(new Set(used).size).toBe(workerOrigins.length);
  const tokens = await party.redeem(answer, checks);
  expect(tokens.claims()?.email).toBe(facts.user.email);
});

test("a client that asks for no offline_access gets no refresh token (REF-11)", async () => {
  const tokens = await obtainTokens(party, "openid email");
  expect(tokens.refresh_token).toBeUndefined();
});

test("several sign-ins in one browser at once all succeed, in whatever order they end", async () => {
  const browser = openFormBrowser({ stopAt: [party.redirectUri] });
  const begun = await Promise.all([party.begin(), party.begin(), party.begin()]);
  const pages = [];
  for (const { url } of begun) pages.push(await browser.open(url));
  for (const index of [2, 0, 1]) {
    const page = pages[index];
    const flow = begun[index];
    if (page === undefined || flow === undefined) throw new Error("three sign-ins were begun");
    const answer = await finishSignIn(browser, page, facts.user);
    const tokens = await party.redeem(answer, flow.checks);
    expect(tokens.claims()?.email).toBe(facts.user.email);
  }
});
