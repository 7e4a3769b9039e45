// Every secret of a whole sign-in is looked for in every log, at debug level.

import { readdirSync } from "node:fs";
import { newClientWithDexctl, openFormBrowser } from "@dex/testing";
import * as openid from "openid-client";
import { expect, inject, test } from "vitest";
import { findLeaks } from "./log-leaks.ts";
import { makeRelyingParty, postToken } from "./relying-party.ts";

const { facts, logDirectory } = inject("sharedFleet");

test("no secret of a flow appears in the log of any process (LOG-1)", async () => {
  const party = await makeRelyingParty(facts);
  const { url, checks } = await party.begin();
  const seenCookies: string[] = [];
  const browser = openFormBrowser({
    stopAt: [party.redirectUri],
    route(target) {
      seenCookies.push(...browser.cookies.values());
      return target;
    },
  });
  const answer = await party.signIn(url, browser);
  const tokens = await party.redeem(answer, checks);
  const refreshed = await openid.refreshTokenGrant(party.configuration, tokens.refresh_token ?? "");
  const forged = { grant_type: "refresh_token", refresh_token: `${tokens.refresh_token}canary` };
  await postToken(facts, party.configuration.serverMetadata().token_endpoint ?? "", forged);
  const otherClient = await newClientWithDexctl(["http://127.0.0.1:9/canary"], facts.databaseUrl);

  const canaries: Readonly<Record<string, string>> = {
    password: facts.user.password,
    "client secret": facts.client.secret,
    "another client's secret": otherClient.secret,
    "admin API secret": facts.adminApiSecret,
    "key secret": facts.keySecrets,
    "database password": new URL(facts.databaseUrl).password,
    code: answer.searchParams.get("code") ?? "",
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    verifier: checks.pkceCodeVerifier,
    "access token": tokens.access_token,
    "refresh token": tokens.refresh_token ?? "",
    "its successor": refreshed.refresh_token ?? "",
    "ID token": tokens.id_token ?? "",
    ...Object.fromEntries([...new Set(seenCookies)].map((value, index) => [`cookie ${index}`, value])),
  };
  for (const [name, value] of Object.entries(canaries)) expect(value.length, name).toBeGreaterThan(10);

  expect(readdirSync(logDirectory).length).toBeGreaterThan(5);
  expect(findLeaks(logDirectory, canaries)).toEqual([]);
});
