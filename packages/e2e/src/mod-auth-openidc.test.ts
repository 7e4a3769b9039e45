// Debian's Apache with mod_auth_openidc, which knows an issuer and what any provider would tell it, and real Chromium.
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  findFreeOrigin,
  makePrivateAuthority,
  type OpenIdSite,
  type OpenIdSitePlaces,
  openAdminApi,
  openBrowser,
  openIdSitePlaces,
  type RealBrowser,
  type RunningApache,
  startApache,
  submitPassword,
  waitPastConsent,
} from "@dex/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { postToken } from "./relying-party.ts";

const { facts, registrationToken } = inject("sharedFleet");
const admin = openAdminApi(facts.adminApi, facts.adminApiSecret);
const directory = mkdtempSync(join(tmpdir(), "dex-e2e-"));
const REGISTERING_HOST = "apache.example.com";
let browser: RealBrowser;
let apache: RunningApache;

interface Site extends OpenIdSitePlaces {
  readonly clientId: string;
  readonly secret: string;
}
const sites: Record<string, Site> = {};

/** What distinguishes one site from the next, and what its client is registered with. */
const KINDS: Readonly<
  Record<
    string,
    {
      readonly details?: (places: OpenIdSitePlaces) => Readonly<Record<string, unknown>>;
      readonly directives?: OpenIdSite["directives"];
    }
  >
> = {
  back: {
    details: ({ redirectUri }) => ({
      backchannel_logout_uri: `${redirectUri}?logout=backchannel`,
      backchannel_logout_session_required: true,
    }),
  },
  front: {
    details: ({ redirectUri }) => ({
      frontchannel_logout_uri: `${redirectUri}?logout=get`,
      frontchannel_logout_session_required: true,
    }),
  },
  hybrid: {
    details: ({ redirectUri }) => ({
      response_types: ["code id_token"],
      token_endpoint_auth_method: "private_key_jwt",
      jwks_uri: `${redirectUri}?jwks=rsa`,
      request_object_signing_alg: "RS256",
    }),
    directives: {
      OIDCResponseType: "code id_token",
      OIDCResponseMode: "form_post",
      OIDCRequestObject: JSON.stringify({
        request_object_type: "request",
        crypto: { sign_alg: "RS256" },
        copy_from_request: ["client_id", "response_type"],
        copy_and_remove_from_request: [
          ...["scope", "redirect_uri", "response_mode", "state", "nonce", "code_challenge", "code_challenge_method"],
        ],
      }),
      // As long as a token lives: it is renewed with every request.
      OIDCRefreshAccessTokenBeforeExpiry: "600",
      OIDCPublicKeyFiles: `mine#${join(directory, "public.pem")}`,
      OIDCPrivateKeyFiles: `mine#${join(directory, "private.pem")}`,
      // Not taken before there is a key.
      OIDCProviderTokenEndpointAuth: "private_key_jwt",
    },
  },
  implicit: {
    details: () => ({ response_types: ["id_token token"] }),
    directives: { OIDCResponseType: "id_token token", OIDCResponseMode: "fragment" },
  },
};

beforeAll(async () => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  writeFileSync(join(directory, "public.pem"), publicKey.export({ type: "spki", format: "pem" }));
  writeFileSync(join(directory, "private.pem"), privateKey.export({ type: "pkcs8", format: "pem" }));
  const made: OpenIdSite[] = [];
  for (const [name, { details, directives }] of Object.entries(KINDS)) {
    const origin = await findFreeOrigin();
    const places = openIdSitePlaces(origin);
    const client = await admin.createClient({
      clientName: `Apache ${name}`,
      redirectURIs: [places.redirectUri],
      details: { post_logout_redirect_uris: [places.everybody], ...details?.(places) },
    });
    sites[name] = { clientId: client.id, secret: client.secret, ...places };
    made.push({
      ...{ origin, name },
      directives: {
        OIDCProviderMetadataURL: `${facts.issuer}/.well-known/openid-configuration`,
        OIDCClientID: client.id,
        ...(client.secret === "" ? {} : withSecret(client)),
        OIDCScope: "openid email profile offline_access",
        OIDCPKCEMethod: "S256",
        OIDCInfoHook: ["access_token", "access_token_expires", "id_token", "userinfo", "refresh_token", "session"],
        ...directives,
      },
    });
  }
  made.push(await siteThatRegisters());
  [browser, apache] = await Promise.all([
    openBrowser({ certificates: "any", namedHere: [REGISTERING_HOST] }),
    startApache(made),
  ]);
});
afterAll(async () => {
  await Promise.all([browser?.close(), apache?.close()]);
  rmSync(directory, { recursive: true, force: true });
});

/** The same client signs people in and looks into the tokens that programs bring. */
function withSecret(client: { id: string; secret: string }): OpenIdSite["directives"] {
  return {
    OIDCClientSecret: client.secret,
    OIDCOAuthServerMetadataURL: `${facts.issuer}/.well-known/openid-configuration`,
    OIDCOAuthClientID: client.id,
    OIDCOAuthClientSecret: client.secret,
    OIDCOAuthRemoteUserClaim: "sub",
  };
}

/** A site that is told of no provider, and what it may use to register itself at ours. */
async function siteThatRegisters(): Promise<OpenIdSite> {
  // It registers for every response type there is, and those of the browser are for https and other machines only.
  const origin = `https://${REGISTERING_HOST}:${new URL(await findFreeOrigin()).port}`;
  sites.registers = { clientId: "", secret: "", ...openIdSitePlaces(origin) };
  const file = encodeURIComponent(facts.issuer.replace(/^http:\/\//, ""));
  const conf = { registration_token: registrationToken, client_name: "Registers itself", pkce_method: "S256" };
  return {
    ...{ origin, name: "registers", tls: makePrivateAuthority().server },
    directives: { OIDCClientName: "Registers itself", OIDCScope: "openid email" },
    metadata: { [`${file}.conf`]: JSON.stringify(conf) },
  };
}

function siteCalled(name: string): Site {
  return sites[name] ?? expect.fail(`no site ${name}`);
}

/** Goes to a site's page as somebody new and signs in there. */
async function signIn({ page: address }: OpenIdSitePlaces, given?: Page): Promise<Page> {
  const page = given ?? (await browser.newVisitor());
  await page.goto(address);
  await submitPassword(page, facts.user);
  await waitPastConsent(page, "#environment");
  expect(page.url()).toBe(address);
  return page;
}

/** The environment of the request that the protected page shows. */
async function environmentOn(page: Page): Promise<ReadonlyMap<string, string>> {
  const lines = ((await page.locator("#environment").textContent()) ?? "").split("\n");
  return new Map(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

interface Info {
  readonly access_token?: string;
  readonly refresh_token?: string;
  readonly id_token?: Readonly<Record<string, unknown>>;
  readonly userinfo?: Readonly<Record<string, unknown>>;
}

/** What the module holds for this browser. */
async function infoOf(page: Page, { redirectUri }: OpenIdSitePlaces): Promise<Info> {
  const response = await page.request.get(`${redirectUri}?info=json`);
  return response.json();
}

/** Whether the protected page asks who one is. */
async function asksAgain(page: Page, { page: address }: OpenIdSitePlaces): Promise<boolean> {
  await page.goto(address);
  return (await page.locator("#login-form").count()) === 1;
}

/** Signs out at dex itself, where no application takes part. */
async function signOutAtDex(page: Page): Promise<void> {
  await page.goto(`${facts.issuer}/logout`);
  await page.locator("#logout-form #submit-logout").click();
  await page.locator("#signed-out, h1", { hasText: "signed out" }).first().waitFor();
}

test.each(Object.keys(KINDS))("somebody signs in at the site %s, which shows who they are", async (name) => {
  const site = siteCalled(name);
  const page = await signIn(site);
  const environment = await environmentOn(page);
  const sub = environment.get("OIDC_CLAIM_sub");
  expect(Object.fromEntries(environment)).toMatchObject({
    REMOTE_USER: `${sub}@${facts.issuer}`,
    AUTH_TYPE: "openid-connect",
    OIDC_CLAIM_iss: facts.issuer,
    OIDC_CLAIM_aud: site.clientId,
    OIDC_CLAIM_email: facts.user.email,
    OIDC_CLAIM_email_verified: "0",
  });
  expect(await infoOf(page, site)).toMatchObject({ userinfo: { sub }, id_token: { sub, aud: site.clientId } });
});

test("who calls the site with an access token is known to it by introspection", async () => {
  const site = siteCalled("back");
  const page = await signIn(site);
  const { access_token = "", userinfo } = await infoOf(page, site);
  const call = (token: string) => fetch(site.api, { headers: { authorization: `Bearer ${token}` } });
  const answer = await call(access_token);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain(`OIDC_CLAIM_sub=${userinfo?.sub}`);
  expect((await call("nothing")).status).toBe(401);
});

test("the module refreshes when its page asks it to, and goes on with new tokens", async () => {
  const site = siteCalled("back");
  const page = await signIn(site);
  const before = await infoOf(page, site);
  const parameters = new URLSearchParams({ refresh: site.page, access_token: before.access_token ?? "" });
  await page.goto(`${site.redirectUri}?${parameters}`);
  expect(page.url()).toBe(site.page);
  const after = await infoOf(page, site);
  expect(after.access_token).not.toBe(before.access_token);
  expect(after.refresh_token).not.toBe(before.refresh_token);
  expect((await environmentOn(page)).get("OIDC_access_token")).toBe(after.access_token);
});

test("the module refreshes by itself before a token ends", async () => {
  const site = siteCalled("hybrid");
  const page = await signIn(site);
  const before = await infoOf(page, site);
  await page.reload();
  const shown = (await environmentOn(page)).get("OIDC_access_token");
  expect(shown).toBeTypeOf("string");
  expect(shown).not.toBe(before.access_token);
});

test("who signs out at the site is signed out at dex, its tokens are revoked, and they come back to where the site wants them", async () => {
  const site = siteCalled("front");
  const page = await signIn(site);
  const { refresh_token = "" } = await infoOf(page, site);
  await page.goto(`${site.redirectUri}?${new URLSearchParams({ logout: site.everybody })}`);
  await page.locator("#everybody").waitFor();
  expect(page.url()).toBe(site.everybody);
  const client = { id: site.clientId, secret: site.secret, redirectUris: [] };
  const refresh = { grant_type: "refresh_token", refresh_token };
  expect((await postToken({ client }, `${facts.issuer}/token`, refresh)).status).toBe(400);
  expect(await asksAgain(page, site)).toBe(true);
});

test("who signs out at dex is signed out at the site, by the back channel", async () => {
  const site = siteCalled("back");
  const page = await signIn(site);
  await signOutAtDex(page);
  await expect.poll(() => asksAgain(page, site)).toBe(true);
});

test("who signs out at dex is signed out at the site, by the front channel", async () => {
  const site = siteCalled("front");
  const page = await signIn(site);
  await signOutAtDex(page);
  await expect.poll(() => asksAgain(page, site)).toBe(true);
});

test("a site whose client asked for no word of it keeps its own session", async () => {
  const site = siteCalled("implicit");
  const page = await signIn(site);
  await signOutAtDex(page);
  expect(await asksAgain(page, site)).toBe(false);
});

test("a site that knows no provider finds dex from its address and registers itself", async () => {
  const site = siteCalled("registers");
  const page = await browser.newVisitor();
  await page.goto(site.page);
  // The module asks where one has an account.
  await page.locator("input[name=iss]").fill(facts.issuer);
  await page.locator("input[type=submit]").click();
  await submitPassword(page, facts.user);
  await waitPastConsent(page, "#environment");
  expect(page.url()).toBe(site.page);
  const environment = await environmentOn(page);
  expect(Object.fromEntries(environment)).toMatchObject({
    OIDC_CLAIM_iss: facts.issuer,
    OIDC_CLAIM_email: facts.user.email,
  });

  // OIDC Core §4: from now on somebody else can begin it.
  const other = await browser.newVisitor();
  const parameters = { iss: facts.issuer, target_link_uri: site.page };
  await other.goto(`${site.redirectUri}?${new URLSearchParams(parameters)}`);
  await submitPassword(other, facts.user);
  await waitPastConsent(other, "#environment");
  expect((await environmentOn(other)).get("OIDC_CLAIM_aud")).toBe(environment.get("OIDC_CLAIM_aud"));
});
