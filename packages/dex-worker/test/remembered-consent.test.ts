// Clients that register themselves, where the operator wants people to be asked about them once: what a tester of OpenID
// Connect needs for `prompt=none`.
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answerIn, CALLBACK, type DynamicWorld, openDynamicWorld, relyingParty } from "./dynamic-world.ts";
import { PERSON } from "./worker-server.ts";

let world: DynamicWorld;
beforeAll(async () => {
  world = await openDynamicWorld(["--insecure-remember-registered-clients"]);
});
afterAll(() => world.close());

test.each(["code", "code id_token"])(
  "is asked about once, and then answered at prompt=none, with a hint as well (%s)",
  async (type) => {
    const client = await world.register(type);
    const browser = world.browser();
    const asked = { client_id: client.id, redirect_uri: CALLBACK, response_type: type, scope: "openid email" };
    const checks = { expectedState: "s-1", expectedNonce: "n-1" };
    const request = { ...asked, state: "s-1", nonce: "n-1" };
    const party = await relyingParty(world, client, type, openid.ClientSecretBasic(client.secret));
    const first = await openid.authorizationCodeGrant(party, (await world.authorize(request, browser)).url, checks);
    const hint = { prompt: "none", id_token_hint: first.id_token };
    for (const more of [{ prompt: "none" }, hint]) {
      const address = new URLSearchParams({ ...request, ...more } as Record<string, string>);
      const { url } = await browser.open(`${world.worker.issuer}/auth?${address}`);
      const again = await openid.authorizationCodeGrant(party, url, checks);
      expect(again.claims()).toMatchObject({ sub: first.claims()?.sub, auth_time: first.claims()?.auth_time });
    }
  },
);

test("is asked about again for what was not allowed, and at prompt=consent, and is still called unverified (DCR-3)", async () => {
  const client = await world.register("code");
  const browser = world.browser();
  const asked = { client_id: client.id, redirect_uri: CALLBACK, response_type: "code", scope: "openid email" };
  const open = (more: Readonly<Record<string, string>>) =>
    browser.open(`${world.worker.issuer}/auth?${new URLSearchParams({ ...asked, ...more })}`);
  const login = await open({});
  const fields = { login: PERSON.email, password: PERSON.password };
  const first = await browser.submit(login, fields, { formId: "login-form" });
  expect(first.text).toContain('id="unverified"');
  await browser.submit(first, { decision: "approve" }, { formId: "consent-form" });
  for (const more of [{ prompt: "consent" }, { scope: "openid email phone" }]) {
    const page = await open(more);
    expect([page.text.includes('id="consent-form"'), page.text.includes('id="unverified"')]).toEqual([true, true]);
  }
  const silent = await world.authorize({ ...asked, scope: "openid phone", prompt: "none" }, browser);
  expect(answerIn(silent, "code")).toMatchObject({ error: "consent_required" });
});
