// What the calls of everything that discovery advertises share: a worker with all of it on, one person who has something to
// say for every claim, and clients that register for what a call is about.
import { createHash } from "node:crypto";
import { type FormBrowser, type Page, readForm } from "@dex/testing";
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from "jose";
import * as openid from "openid-client";
import { expect } from "vitest";
import { CALLBACK, type DynamicWorld, type Members, openDynamicWorld, type Registered } from "../dynamic-world.ts";
import { changePerson, signInSurely } from "../person.ts";

/** Proves one value of one member: rejects when it does not hold. */
export type Call = (world: CallWorld) => Promise<void>;
/** A call for each value of a member, as text and with `{issuer}` for the issuer. */
export type MemberCalls = Readonly<Record<string, Call>>;

export interface SignIn {
  readonly page: Page;
  readonly tokens: Awaited<ReturnType<typeof openid.authorizationCodeGrant>>;
  readonly party: openid.Configuration;
  readonly claims: JWTPayload;
  readonly sub: string;
}

export interface CallWorld extends DynamicWorld {
  readonly issuer: string;
  readonly userId: string;
  /** Signed in with a password, once for all calls that do not sign out. */
  readonly signedIn: FormBrowser;
  /** Signed in with two proofs, and with groups. */
  readonly surelySignedIn: FormBrowser;
  document(): Promise<Members>;
  /** The parameters of a request of this client. */
  request(client: Registered, more?: Members): Members;
  /** A code, and what openid-client makes of it. */
  signIn(
    client: Registered,
    more?: {
      readonly authentication?: openid.ClientAuth;
      readonly asked?: Members;
      readonly browser?: FormBrowser;
      readonly metadata?: Partial<openid.ClientMetadata>;
      /** What its requests are sent by, where they show a certificate. */
      readonly fetch?: typeof fetch;
      readonly decrypt?: {
        readonly key: openid.CryptoKey;
        readonly kid: string;
        readonly alg: string;
        readonly enc: string;
      };
    },
  ): Promise<SignIn>;
  userinfo(accessToken: string | undefined): Promise<Members>;
  /** The claims of a JWT of ours for this client. */
  verified(jwt: string | undefined, client: Registered): Promise<JWTPayload>;
}

const PROFILE = {
  ...{ given_name: "Ada", family_name: "Lovelace", middle_name: "King", nickname: "ada", preferred_username: "ada" },
  ...{ profile: "https://ada.example/", picture: "https://ada.example/me.png", website: "https://ada.example/blog" },
  ...{ gender: "female", birthdate: "1815-12-10", zoneinfo: "Europe/London", locale: "en-GB" },
  ...{ phone_number: "+44 20 7946 0000", phone_number_verified: true },
  address: { street_address: "12 St James's Square", locality: "London", country: "GB" },
};
const NONCE = "n-0S6_WzA2Mj";
const VERIFIER = "v".repeat(43);
const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");

export async function openCallWorld(flags: readonly string[]): Promise<CallWorld> {
  const world = await openDynamicWorld(flags);
  const { worker } = world;
  const { issuer } = worker;
  const userId = await changePerson(world.worker, { profile: PROFILE });
  const keys = createRemoteJWKSet(new URL(`${issuer}/keys`));
  const signedIn = world.browser();
  const request: CallWorld["request"] = (client, more = {}) => ({
    ...{ client_id: client.id, redirect_uri: CALLBACK, response_type: "code", scope: "openid", nonce: NONCE },
    ...{ code_challenge: CHALLENGE, code_challenge_method: "S256", state: "s-1" },
    ...more,
  });

  const signIn: CallWorld["signIn"] = async (client, more = {}) => {
    const { authentication = openid.ClientSecretBasic(client.secret), metadata, decrypt } = more;
    const party = await openid.discovery(new URL(issuer), client.id, metadata, authentication);
    if (more.fetch !== undefined) party[openid.customFetch] = more.fetch as openid.CustomFetch;
    if (decrypt !== undefined) openid.enableDecryptingResponses(party, [decrypt.enc], decrypt);
    const page = await world.authorize(request(client, more.asked), more.browser ?? signedIn);
    const checks = { expectedState: "s-1", expectedNonce: NONCE, pkceCodeVerifier: VERIFIER };
    const tokens = await openid.authorizationCodeGrant(party, page.url, checks);
    const claims = tokens.claims() as JWTPayload;
    return { page, tokens, party, claims, sub: String(claims.sub) };
  };

  const all: CallWorld = {
    ...world,
    issuer,
    userId,
    signedIn,
    surelySignedIn: await signInSurely(world.worker, world.browser()),
    document: async () => (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Members,
    request,
    signIn,
    async userinfo(accessToken) {
      const response = await fetch(`${issuer}/userinfo`, { headers: { Authorization: `Bearer ${accessToken}` } });
      expect(response.status).toBe(200);
      return (await response.json()) as Members;
    },
    verified: async (jwt = "", client) => (await jwtVerify(jwt, keys, { issuer, audience: client.id })).payload,
  };
  await all.signIn(await all.register("code"));
  return all;
}

/** The same call for each of these values. */
export function each(values: readonly string[], call: (world: CallWorld, value: string) => Promise<void>): MemberCalls {
  return Object.fromEntries(values.map((value) => [value, (world: CallWorld) => call(world, value)]));
}

/** One call that several members are about: each of them holds `value`. */
export function members(names: readonly string[], value: string, call: Call): Readonly<Record<string, MemberCalls>> {
  return Object.fromEntries(names.map((name) => [name, { [value]: call }]));
}

const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"];

/** The address takes these methods, each with the status that its request is answered with, and 405 for every other. */
export async function offers(
  url: string,
  taken: Readonly<Record<string, RequestInit & { status: number }>>,
): Promise<void> {
  for (const method of METHODS) {
    const { status = 405, ...init } = taken[method] ?? {};
    const response = await fetch(url, { ...init, method, redirect: "manual" });
    expect([method, response.status]).toEqual([method, status]);
    if (status !== 405) continue;
    const allowed = response.headers.get("allow")?.split(", ") ?? [];
    expect(allowed).toEqual(expect.arrayContaining(Object.keys(taken)));
    expect(allowed).not.toContain(method);
  }
}

export type Mode = "query" | "fragment" | "form_post";

/** What an answer of this mode holds, and nothing of it anywhere else. */
export function answerBy(mode: Mode, page: Page): Readonly<Record<string, string>> {
  if (mode === "form_post") {
    expect([page.status, page.url.search.includes("code="), page.url.hash]).toEqual([200, false, ""]);
    const { action, method, fields } = readForm(page, "continue-form");
    expect([method, action.href]).toEqual(["POST", CALLBACK]);
    return Object.fromEntries(fields);
  }
  const { search, hash, origin, pathname } = page.url;
  expect([origin + pathname, mode === "query" ? hash : search]).toEqual([CALLBACK, ""]);
  return Object.fromEntries(new URLSearchParams((mode === "query" ? search : hash).slice(1)));
}

/** OIDC Core §3.1.3.6: the left half of the digest. */
export function halfHash(value: string | undefined): string {
  return createHash("sha256")
    .update(value ?? "")
    .digest()
    .subarray(0, 16)
    .toString("base64url");
}
export { CHALLENGE, NONCE, PROFILE, VERIFIER };
