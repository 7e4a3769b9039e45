// What a tester of FAPI 1.0 Advanced brings along beyond fapi2-world.ts: requests that are signed, and come through the browser or
// are pushed; answers that are bound by the hashes of an ID token, or are a JWT.
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { expect } from "vitest";
import { isErrorDescription } from "./certification-rules.ts";
import type { Members } from "./dpop-world.ts";
import {
  browserOfTester,
  type FapiClient,
  type FapiServer,
  type FapiWorld,
  type Fields,
  openFapiServer,
  openFapiWorld,
  passThrough,
  requestOf as requestOfFapi2,
} from "./fapi2-world.ts";

/** The variants of the plan. Tokens are bound by certificates in all of them. */
export interface Variant {
  readonly authentication: "private_key_jwt" | "MTLS";
  readonly sent: "by value" | "pushed";
  readonly answered: "plain" | "by JARM";
}
export const VARIANTS: readonly Variant[] = (["private_key_jwt", "MTLS"] as const).flatMap((authentication) =>
  (["by value", "pushed"] as const).flatMap((sent) =>
    (["plain", "by JARM"] as const).map((answered) => ({ authentication, sent, answered })),
  ),
);

/** What came of an authorization request, where the client hears of it, is told by us, or the person is. */
export interface Outcome {
  readonly by: "answer" | "pushed endpoint" | "page";
  /** The parameters of the answer, in its JWT where it came in one, or the members of a refusal. */
  readonly members: Members & { readonly error?: string; readonly code?: string; readonly id_token?: string };
}

/** How a request is sent: what stands beside its object, and what the person says. */
interface How {
  readonly beside?: Fields;
  readonly decision?: "approve" | "deny";
  /** In the place of the object that follows from the parameters. */
  readonly object?: string;
}

export interface Fapi1World extends Omit<FapiWorld, "ask" | "codeFor" | "tokensFor"> {
  readonly variant: Variant;
  readonly keys: JSONWebKeySet;
  /** The parameters of an authorization request as the variant has them, with changes; undefined leaves one out. */
  requestOf(client: FapiClient, more?: Fields): Fields;
  /** Sends a request object with these parameters, and these claims over them, as far as it goes. */
  ask(client: FapiClient, parameters: Fields, claims?: Members, how?: How): Promise<Outcome>;
  codeFor(client: FapiClient, parameters?: Fields): Promise<string>;
  tokensFor(client: FapiClient, parameters?: Fields): Promise<Readonly<Record<string, string>>>;
}

/** A server for the worlds of all variants. */
export const openFapi1Server = (): Promise<FapiServer> => openFapiServer(["--enable-front-channel-tokens"]);

export async function openFapi1World(variant: Variant, server: FapiServer): Promise<Fapi1World> {
  const { authentication, sent, answered } = variant;
  const world = await openFapiWorld("fapi1-advanced", { authentication, binding: "MTLS" }, server);
  const keys = (await (await fetch(String(world.metadata.jwks_uri))).json()) as JSONWebKeySet;

  const requestOf = (client: FapiClient, more: Fields = {}): Fields =>
    requestOfFapi2(client, {
      ...(answered === "plain" ? { response_type: "code id_token" } : { response_mode: "jwt" }),
      // Only what is pushed has to have a challenge, and what comes by value does without here.
      ...(sent === "by value" ? { code_challenge: undefined, code_challenge_method: undefined } : {}),
      ...more,
    });

  const ask: Fapi1World["ask"] = async (client, parameters, claims = {}, how = {}) => {
    const { beside = {}, decision = "approve" } = how;
    const request = how.object ?? (await world.objectOf(client, parameters, claims));
    let outside: Fields = { request, ...beside };
    if (sent === "pushed") {
      const { status, body } = await world.post("/par", client, outside);
      if (status !== 201) {
        expect([400, 401]).toContain(status);
        return { by: "pushed endpoint", members: body };
      }
      outside = { request_uri: String(body.request_uri) };
    }
    const browser = browserOfTester();
    const query = new URLSearchParams({ client_id: client.id });
    for (const [name, value] of Object.entries(outside)) if (value !== undefined) query.set(name, value);
    const { url, status, text } = await passThrough(
      browser,
      await browser.open(`${server.worker.issuer}/auth?${query}`),
      decision,
    );
    if (url.origin === new URL(server.worker.issuer).origin) {
      expect([status, text.includes("login-form")]).toEqual([400, false]);
      return { by: "page", members: { error: "shown" } };
    }
    expect(url.href.startsWith(client.redirectUri)).toBe(true);
    return { by: "answer", members: await membersOf(client, url) };
  };

  /** Nothing beside what we say, and all of it where the variant has it. */
  async function membersOf(client: FapiClient, url: URL): Promise<Outcome["members"]> {
    const query = Object.fromEntries(url.searchParams);
    for (const [name] of new URL(client.redirectUri).searchParams) delete query[name];
    const { response, ...rest } = { ...query, ...Object.fromEntries(new URLSearchParams(url.hash.slice(1))) };
    if (response === undefined) return rest;
    expect(rest).toEqual({});
    const checks = { issuer: server.worker.issuer, audience: client.id, algorithms: ["PS256", "ES256", "EdDSA"] };
    return (await jwtVerify(response, createLocalJWKSet(keys), checks)).payload;
  }

  async function codeFor(client: FapiClient, parameters: Fields = {}): Promise<string> {
    const { members } = await ask(client, requestOf(client, parameters));
    return members.code ?? expect.fail(`no code in ${JSON.stringify(members)}`);
  }

  const redeem: FapiWorld["redeem"] = (client, code, changes = {}, beside = {}) =>
    world.redeem(client, code, { ...(sent === "by value" ? { code_verifier: undefined } : {}), ...changes }, beside);

  async function tokensFor(client: FapiClient, parameters: Fields = {}): Promise<Readonly<Record<string, string>>> {
    const { status, body } = await redeem(client, await codeFor(client, parameters));
    expect([status, body.token_type]).toEqual([200, "Bearer"]);
    return body as Readonly<Record<string, string>>;
  }

  return { ...world, variant, keys, requestOf, ask, codeFor, redeem, tokensFor };
}

/** Refused with one of these errors, or on a page of ours, and in no case answered. */
export function expectRefused({ by, members }: Outcome, ...codes: readonly string[]): void {
  expect([members.code, members.id_token]).toEqual([undefined, undefined]);
  if (by === "page") return;
  expect(codes).toContain(members.error);
  expect(isErrorDescription(members.error_description)).toBe(true);
}
