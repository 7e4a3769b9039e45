import { parseResource } from "@dex/oidc";
import type { FormBrowser } from "@dex/testing";
import { decodeJwt } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { changePerson, signInSurely } from "./person.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const MAX_AGE = 20;

interface World {
  readonly worker: TestWorker;
  readonly client: TestClient;
  readonly userId: string;
}
async function openWorld(flags: readonly string[]): Promise<World> {
  const worker = await openTestWorker(["--api-use-client-credentials", ...flags]);
  const userId = await changePerson(worker, { admin: true });
  const grantTypes = ["authorization_code", "refresh_token", "client_credentials"];
  return { worker, userId, client: await worker.addClient({ isAdmin: true, trusted: true, grantTypes }) };
}

/** What openid-client does for its person in this browser, who types the password whenever they are asked for it. */
async function openParty({ worker, client }: World, browser: FormBrowser, bound: boolean) {
  const execute = { execute: [openid.allowInsecureRequests] };
  const party = await openid.discovery(new URL(worker.issuer), client.id, client.secret, undefined, execute);
  const DPoP = bound ? openid.getDPoPHandle(party, await openid.randomDPoPKeyPair()) : undefined;
  const options = DPoP === undefined ? {} : { DPoP };
  const api = `${worker.issuer}/api/v1`;
  const verifier = openid.randomPKCECodeVerifier();
  let typed = 0;
  return {
    passwordsTyped: () => typed,
    async signIn(more: Readonly<Record<string, string>> = {}) {
      const url = openid.buildAuthorizationUrl(party, {
        ...{ redirect_uri: REDIRECT_URI, scope: "openid offline_access", resource: api },
        ...{ code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" },
        ...more,
      });
      let page = await browser.open(url.href);
      if (page.text.includes('id="login-form"')) {
        typed += 1;
        const person = { login: PERSON.email, password: PERSON.password };
        page = await browser.submit(page, person, { formId: "login-form" });
      }
      const maxAge = more.max_age === undefined ? {} : { maxAge: Number(more.max_age) };
      const checks = { pkceCodeVerifier: verifier, ...maxAge };
      return openid.authorizationCodeGrant(party, page.url, checks, undefined, options);
    },
    refresh: (token: string) => openid.refreshTokenGrant(party, token, undefined, options),
    introspect: (token: string) => openid.tokenIntrospection(party, token),
    machineToken: () => openid.clientCredentialsGrant(party, undefined, options),
    call: (token: string | undefined, path = "/users") =>
      openid.fetchProtectedResource(party, token ?? "", new URL(api + path), "GET", undefined, undefined, options),
  };
}

/** The parameters of the challenge that tells what is wrong. */
async function challengeOf(call: Promise<Response>): Promise<Readonly<Record<string, unknown>>> {
  const error = await call.then(
    () => expect.fail("it was let in"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof openid.WWWAuthenticateChallengeError)) throw error;
  const told = error.cause.filter(({ parameters }) => parameters.error !== undefined);
  expect([error.status, told.length]).toEqual([401, 1]);
  const parameters: Readonly<Record<string, unknown>> = { ...told[0]?.parameters };
  return { ...parameters, body: (await error.response.json()) as unknown };
}

describe("with --management-api-max-auth-age", () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld([`--management-api-max-auth-age=${MAX_AGE}s`]);
  });
  afterAll(() => world?.worker.close());

  test.each([
    { kind: "bound to a key", bound: true },
    { kind: "a bearer token", bound: false },
  ])(
    "openid-client is told that the sign-in is too old, asks for another, and is let in: its token is $kind (RFC 9470 §3, §4)",
    async ({ bound }) => {
      const party = await openParty(world, world.worker.browser(), bound);
      const first = await party.signIn();
      expect((await party.call(first.access_token)).status).toBe(200);
      world.worker.passTime(MAX_AGE + 5);
      const { error, max_age, acr_values, body } = await challengeOf(party.call(first.access_token));
      expect([error, max_age, acr_values]).toEqual(["insufficient_user_authentication", String(MAX_AGE), undefined]);
      expect(body).toMatchObject({ error: "insufficient_user_authentication" });
      // Neither another token of the same sign-in helps, nor a sign-in that the browser remembers.
      const refreshed = await party.refresh(first.refresh_token ?? "");
      expect(await challengeOf(party.call(refreshed.access_token))).toMatchObject({ max_age: String(MAX_AGE) });
      const again = await party.signIn();
      expect([party.passwordsTyped(), (await challengeOf(party.call(again.access_token))).error]).toEqual([1, error]);
      const fresh = await party.signIn({ max_age: String(max_age) });
      expect([party.passwordsTyped(), (await party.call(fresh.access_token)).status]).toEqual([2, 200]);
    },
  );

  test("an ID token is looked at in the same way, also at somebody's own account", async () => {
    const party = await openParty(world, world.worker.browser(), false);
    const { id_token } = await party.signIn();
    const own = `/account/${world.userId}/refresh`;
    for (const path of ["/users", own]) expect((await party.call(id_token, path)).status).toBe(200);
    world.worker.passTime(MAX_AGE + 5);
    for (const path of ["/users", own]) {
      expect(await challengeOf(party.call(id_token, path))).toMatchObject({
        error: "insufficient_user_authentication",
      });
    }
  });

  test("whoever may not do it however they sign in is not sent to sign in", async () => {
    const { worker } = world;
    const ordinary = {
      ...world,
      client: await worker.addClient({ trusted: true, grantTypes: ["authorization_code", "refresh_token"] }),
    };
    const party = await openParty(ordinary, worker.browser(), false);
    const { access_token } = await party.signIn();
    worker.passTime(MAX_AGE + 5);
    const error = await party.call(access_token).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 403 });
    expect(JSON.stringify(error)).not.toContain("insufficient_user_authentication");
    expect(await challengeOf(party.call("garbage"))).toMatchObject({ error: "invalid_token" });
  });

  test("a client's own token has no sign-in behind it, and is let in", async () => {
    const party = await openParty(world, world.worker.browser(), true);
    const { access_token } = await party.machineToken();
    expect((await party.call(access_token)).status).toBe(200);
  });
});

test("with --management-api-acr=2 who signed in by one proof is told so, and who did by several is let in (RFC 9470 §3)", async () => {
  const world = await openWorld(["--management-api-acr=2"]);
  try {
    const byOne = await openParty(world, world.worker.browser(), false);
    const { access_token, id_token } = await byOne.signIn();
    for (const token of [access_token, id_token]) {
      const challenge = await challengeOf(byOne.call(token));
      expect(challenge).toMatchObject({ error: "insufficient_user_authentication", acr_values: "2" });
      expect(challenge).not.toHaveProperty("max_age");
    }
    const bySeveral = await openParty(world, await signInSurely(world.worker, world.worker.browser()), false);
    const tokens = await bySeveral.signIn({ acr_values: "2" });
    for (const token of [tokens.access_token, tokens.id_token]) expect((await bySeveral.call(token)).status).toBe(200);
    expect(bySeveral.passwordsTyped()).toBe(0);
  } finally {
    await world.worker.close();
  }
});

test("other resources are told the same of the sign-in, in the token or when they ask, and a refreshed token tells of no newer one (RFC 9470 §6)", async () => {
  const world = await openWorld([]);
  const { worker, client } = world;
  try {
    for (const tokenFormat of ["jwt", "opaque"] as const) {
      const parsed = parseResource({ identifier: `urn:example:${tokenFormat}`, name: "A resource", tokenFormat });
      if (parsed.kind === "refused") throw new Error(parsed.reason);
      await worker.storage.resources.add(parsed.resource, ACTOR);
      await worker.refresh();
      for (const acr of ["1", "2"]) {
        const browser = acr === "2" ? await signInSurely(worker, worker.browser()) : worker.browser();
        const party = await openParty(world, browser, false);
        const { access_token, refresh_token } = await party.signIn({ resource: `urn:example:${tokenFormat}` });
        worker.passTime(30);
        const { access_token: refreshed } = await party.refresh(refresh_token ?? "");
        const [told, later] = [await party.introspect(access_token), await party.introspect(refreshed)];
        const signIn = { acr, auth_time: expect.closeTo(Math.floor(Date.now() / 1000), -1) };
        expect([told.active, later.active, told.client_id]).toEqual([true, true, client.id]);
        expect(told).toMatchObject(signIn);
        expect([later.acr, later.auth_time]).toEqual([told.acr, told.auth_time]);
        if (tokenFormat === "opaque") continue;
        for (const token of [access_token, refreshed]) {
          expect(decodeJwt(token)).toMatchObject({ acr, auth_time: told.auth_time });
        }
        await worker.refresh();
      }
    }
  } finally {
    await worker.close();
  }
});
