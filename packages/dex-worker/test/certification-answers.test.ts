// The Basic, Implicit, Hybrid and Form Post plans of certification: what requests are answered with.
import { createHash } from "node:crypto";
import type { FormBrowser } from "@dex/testing";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkDiscovery, checkJwks, type Jwk, readJsonAnswer } from "./certification-checks.ts";
import { ask, errorOf, fillIn, type Parameters, redeem, requestOf, run } from "./certification-flow.ts";
import {
  BASIC,
  type CertificationWorld,
  EVERY,
  grantsOf,
  HYBRID,
  has,
  IMPLICIT,
  openCertificationWorld,
  type Party,
  TESTER,
  type Variant,
  withCode,
} from "./certification-world.ts";

let world: CertificationWorld;
/** A client per variant, and a person who has signed in to something. */
const parties = new Map<Variant, Party>();
let browser: FormBrowser;
beforeAll(async () => {
  world = await openCertificationWorld();
  browser = world.browser();
  for (const variant of EVERY) parties.set(variant, await world.register(variant));
  const [[, party] = expect.fail("nobody")] = parties;
  await run(world, { party, browser });
});
afterAll(() => world.close());

const partyOf = (variant: Variant) => parties.get(variant) ?? expect.fail(`nobody for ${variant.variant}`);
const runWith = (variant: Variant, more: Parameters = {}) => run(world, { party: partyOf(variant), browser, more });

const HOSTILE_STATE = `"'><script>alert(1)</script>&amp;=+ %41 \u00e4\u{1f600} ${"x".repeat(100)}`;

test("what is asked for before any request (cert 2.1.1; cert 2.1.2; cert 2.1.3)", async () => {
  const answer = await readJsonAnswer(await fetch(`${world.worker.issuer}/.well-known/openid-configuration`));
  for (const authMethod of ["client_secret_basic", "client_secret_post", "private_key_jwt"]) {
    checkDiscovery({ ...answer, authMethod });
  }
  const { keys } = (await readJsonAnswer(await fetch(String(answer.body.jwks_uri)))).body;
  checkJwks(keys as readonly Jwk[]);
});

describe("the happy path", () => {
  test.each(EVERY)(
    "$variant with a client that registered itself (cert 3,4,5,6 oidcc-server; cert 2.2.1; cert 2.3.2; cert 2.3.4; cert 2.3.5; cert 2.6.1; cert 2.6.5)",
    async (variant) => {
      const party = await world.register(variant);
      const { pages, idTokens } = await run(world, {
        party,
        browser: world.browser(),
        more: { state: HOSTILE_STATE },
      });
      expect(pages).toEqual(["login", "consent"]);
      expect(idTokens).toHaveLength(has(variant, "code") && has(variant, "id_token") ? 2 : 1);
      for (const { claims } of idTokens) expect(claims).not.toHaveProperty("name");
    },
  );

  test.each(EVERY)(
    "$variant with an administrator's client (cert 3,4,5,6 oidcc-server; cert 2.5.1; cert 2.5.2; cert 2.5.3; cert 2.6.2; cert 2.6.3; cert 2.6.4; cert 2.6.6; cert 2.7.1)",
    async (variant) => {
      const party = await world.addStatic(variant);
      expect((await run(world, { party, browser })).pages).not.toContain("login");
      expect((await run(world, { party, browser })).pages).toEqual([]);
    },
  );

  test.each(withCode)(
    "$variant with client_secret_post (cert 3,5,6 oidcc-server-client-secret-post; cert 2.1.3)",
    async (variant) => {
      const details = { token_endpoint_auth_method: "client_secret_post" };
      for (const party of [await world.register(variant, details), await world.addStatic(variant, details)]) {
        expect(party.authMethod).toBe("client_secret_post");
        await run(world, { party, browser });
      }
    },
  );

  test.each(EVERY)(
    "$variant to a redirect_uri with a query of its own, which stays (cert 2.3.1; cert 2.3.4)",
    async (variant) => {
      const redirect_uris = [`${TESTER}/callback?dummy1=lorem&dummy2=ipsum%20dolor`];
      const party = await world.register(variant, { redirect_uris });
      await run(world, { party, browser });
      const request = requestOf(party, { prompt: "none" });
      errorOf(await ask(world, { request, browser: world.browser() }));
    },
  );
});

test("who registered deletes its registration (cert 2.2.4)", async () => {
  const metadata = { redirect_uris: [`${TESTER}/callback`] };
  const answer = (await (await world.tryToRegister(metadata)).json()) as Readonly<Record<string, string>>;
  const headers = { Authorization: `Bearer ${answer.registration_access_token}` };
  const send = (method: string) => fetch(answer.registration_client_uri ?? "", { method, headers });
  expect((await send("DELETE")).status).toBe(204);
  expect((await send("GET")).status).toBe(401);
});

test.each(EVERY)(
  "$variant: an ID token is signed with RS256 and names its key where nothing else was registered (cert 3,4,5,6 oidcc-idtoken-signature; cert 2.6.6)",
  async (variant) => {
    const { idTokens } = await runWith(variant);
    for (const { header } of idTokens) expect(header).toMatchObject({ alg: "RS256", kid: expect.any(String) });
  },
);

test.each(BASIC)(
  "$variant: ID tokens without a signature are neither listed nor registered for (cert 3,6 oidcc-idtoken-unsigned)",
  async (variant) => {
    expect(world.metadata.id_token_signing_alg_values_supported).not.toContain("none");
    const response = await world.tryToRegister({
      ...{ redirect_uris: [`${TESTER}/callback`], response_types: [variant.responseType] },
      ...{ grant_types: grantsOf(variant), id_token_signed_response_alg: "none" },
    });
    expect([response.status, await response.json()]).toMatchObject([400, { error: "invalid_client_metadata" }]);
  },
);

const once = (all: readonly Variant[], responseType: string) => all.filter((one) => one.responseType === responseType);

test.each([...BASIC, ...once(IMPLICIT, "id_token token"), ...once(HYBRID, "code id_token")])(
  "$variant: a request without response_type is refused to the client, where nothing says otherwise in the query (cert 3,4,5,6 oidcc-response-type-missing; cert 2.4.1; cert 2.4.2; cert 2.4.3)",
  async (variant) => {
    const request = requestOf(partyOf(variant), { response_type: undefined });
    const ended = await ask(world, { request, browser });
    expect(ended.pages).toEqual([]);
    expect(errorOf(ended)).toMatchObject({ error: "invalid_request" });
  },
);

describe("nonce", () => {
  const optional = EVERY.filter((variant) => !has(variant, "id_token"));
  test.each(optional)(
    "$variant needs none (cert 3,5,6 oidcc-ensure-request-without-nonce-succeeds-for-code-flow; cert 2.6.4)",
    async (variant) => {
      const { idTokens } = await runWith(variant, { nonce: undefined });
      expect(idTokens[0]?.claims).not.toHaveProperty("nonce");
    },
  );

  test.each(EVERY.filter((variant) => has(variant, "id_token")))(
    "$variant needs one (cert 4,5,6 oidcc-ensure-request-without-nonce-fails; cert 2.4.1; cert 2.3.4)",
    async (variant) => {
      const ended = await ask(world, { request: requestOf(partyOf(variant), { nonce: undefined }), browser });
      expect(ended.pages).toEqual([]);
      expect(errorOf(ended)).toMatchObject({ error: "invalid_request" });
    },
  );
});

describe("a parameter that changes nothing", () => {
  test.each(EVERY)("$variant: display=page (cert 3,4,5,6 oidcc-display-page)", async (variant) => {
    await runWith(variant, { display: "page" });
  });
  test.each(EVERY)("$variant: display=popup (cert 3,4,5,6 oidcc-display-popup)", async (variant) => {
    await runWith(variant, { display: "popup" });
  });
  test.each(EVERY)(
    "$variant: one that nobody knows (cert 3,4,5,6 oidcc-ensure-request-with-unknown-parameter-succeeds)",
    async (variant) => {
      await runWith(variant, { extra: "foobar" });
    },
  );
  test.each(EVERY)("$variant: login_hint (cert 3,4,5,6 oidcc-login-hint)", async (variant) => {
    await runWith(variant, { login_hint: `buffy@${new URL(world.worker.issuer).host}` });
  });
  test.each(EVERY)("$variant: ui_locales (cert 3,4,5,6 oidcc-ui-locales)", async (variant) => {
    await runWith(variant, { ui_locales: "se" });
  });
  test.each(EVERY)("$variant: claims_locales (cert 3,4,5,6 oidcc-claims-locales)", async (variant) => {
    await runWith(variant, { claims_locales: "se" });
  });

  test("none of them disturbs who has to sign in first", async () => {
    const [variant] = BASIC as readonly [Variant];
    const hints = { display: "popup", login_hint: "buffy@example.com", ui_locales: "se", claims_locales: "se" };
    const more = { ...hints, extra: "foobar" };
    const { pages } = await run(world, { party: partyOf(variant), browser: world.browser(), more });
    expect(pages).toEqual(["login"]);
  });
});

test.each(BASIC)(
  "$variant: the request may be posted as a form (cert 3,6 oidcc-ensure-post-request-succeeds)",
  async (variant) => {
    const party = partyOf(variant);
    for (const visitor of [browser, world.browser()]) {
      const request = requestOf(party);
      const given = Object.entries(request).filter((entry): entry is [string, string] => entry[1] !== undefined);
      const posted = await visitor.request(String(world.metadata.authorization_endpoint), {
        method: "POST",
        body: new URLSearchParams(given),
      });
      const next = new URL(posted.headers.get("location") ?? "", world.worker.issuer);
      const ended = await fillIn(world, { request, browser: visitor }, await visitor.open(next));
      await redeem(world, { party, request }, ended);
    }
  },
);

test.each([...BASIC, ...once(HYBRID, "code id_token")])(
  "$variant: a right S256 challenge and its verifier (cert 3,5,6 oidcc-ensure-request-with-valid-pkce-succeeds)",
  async (variant) => {
    const verifier = oauth.generateRandomCodeVerifier();
    const code_challenge = await oauth.calculatePKCECodeChallenge(verifier);
    await runWith(variant, { code_challenge, code_challenge_method: "S256", code_verifier: verifier });
  },
);

test.each(EVERY)(
  "$variant: a redirect_uri that is not registered gets a page, and nobody a redirect (cert 3,4,5,6 oidcc-ensure-registered-redirect-uri)",
  async (variant) => {
    const party = partyOf(variant);
    for (const prompt of [undefined, "none"]) {
      const request = requestOf(party, { redirect_uri: `${party.redirectUri}/added`, prompt });
      const { answer, page, pages } = await ask(world, { request, browser });
      expect({ answer, pages, status: page.status }).toEqual({ answer: undefined, pages: [], status: 400 });
      expect(page.url.origin).toBe(new URL(world.worker.issuer).origin);
      expect(page.headers.get("location")).toBeNull();
      expect(page.text).toContain("redirect_uri is not registered");
      expect(page.text).not.toContain(party.redirectUri);
    }
  },
);

describe("an answer by form_post", () => {
  const byForm = EVERY.filter(({ responseMode }) => responseMode === "form_post");
  test("is listed (cert 6 oidcc-server)", () => {
    expect(world.metadata.response_modes_supported).toContain("form_post");
  });

  test.each(byForm)(
    "$variant: an answer and an error alike are a page that posts itself, under a policy that lets it (cert 6 oidcc-server; cert 6 oidcc-prompt-none-not-logged-in; cert 2.3.4)",
    async (variant) => {
      const party = partyOf(variant);
      const signedIn = await ask(world, { request: requestOf(party, { state: HOSTILE_STATE }), browser });
      const request = requestOf(party, { state: HOSTILE_STATE, prompt: "none" });
      const refused = await ask(world, { request, browser: world.browser() });
      expect(errorOf(refused)).toMatchObject({ error: "login_required", state: HOSTILE_STATE });
      for (const { page } of [signedIn, refused]) {
        expect(page.text).not.toContain("<script>alert(1)");
        const [script = "", ...more] = [...page.text.matchAll(/<script>(.*?)<\/script>/g)].map(([, text]) => text);
        expect([more, script]).toEqual([[], expect.stringContaining("submit")]);
        const policy = page.headers.get("content-security-policy") ?? "";
        expect(policy).toContain(`script-src 'sha256-${createHash("sha256").update(script).digest("base64")}'`);
        expect(policy).toMatch(new RegExp(`form-action [^;]*${new URL(party.redirectUri).origin}`));
        expect(page.headers.get("cache-control")).toContain("no-store");
      }
    },
  );
});
