// What a tester of FAPI 2.0 brings along: an https issuer, two clients under a profile, each with keys of its own, and their
// requests, which are right but for what a test changes. Requests are written here by hand, since a test says what is wrong with
// one; the happy flows are run by libraries of others.
import { createHash, randomUUID } from "node:crypto";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { type FormBrowser, makePrivateAuthority, openFormBrowser, type Page } from "@dex/testing";
import { SignJWT } from "jose";
import * as oauth from "oauth4webapi";
import { expect } from "vitest";
import { type Key, type Members, makeKey, seconds } from "./dpop-world.ts";
import { openTestWorker, PERSON, type TestWorker } from "./worker-server.ts";

export type Profile = "fapi2" | "fapi2-message-signing";
export type Fields = Readonly<Record<string, string | undefined>>;

/** Nobody listens there: the browsers stop at it. */
const TESTER = "https://tester.example/test/a/dex/callback";
export const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
export const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

export interface FapiClient {
  readonly id: string;
  readonly kid: string;
  /** What it authenticates and signs requests with. */
  readonly key: Key;
  /** What its tokens are bound to. */
  readonly dpop: Key;
  readonly redirectUri: string;
}

export interface FapiAnswer {
  readonly status: number;
  readonly body: Members & { readonly error?: string };
  readonly headers: Headers;
}

/** What goes with a request beside its form: as it should be where nothing is said, null for none. */
export interface Beside {
  readonly assertion?: string | null;
  readonly proof?: string | null;
}

export interface FapiWorld extends FapiRequests {
  readonly worker: TestWorker;
  readonly metadata: oauth.AuthorizationServer;
  /** Its redirect URI is plain, and the other one's has a query. */
  readonly first: FapiClient;
  readonly second: FapiClient;
  close(): Promise<void>;
}

export async function openFapiWorld(profile: Profile): Promise<FapiWorld> {
  const trusted = getCACertificates("default");
  const authority = makePrivateAuthority();
  setDefaultCACertificates([...trusted, authority.ca]);
  const worker = await openTestWorker([], "/dex", authority.server);
  const issuer = new URL(worker.issuer);
  const metadata = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer));

  async function addClient(alg: string, redirectURIs: readonly string[]): Promise<FapiClient> {
    const [key, dpop, kid] = [await makeKey(alg), await makeKey(), `key-${alg}`];
    const { id } = await worker.addClient({
      clientName: `Tester with ${alg}`,
      redirectURIs,
      details: { profile, jwks: { keys: [{ ...key.jwk, kid, alg, use: "sig" }] } },
    });
    return { id, kid, key, dpop, redirectUri: redirectURIs.at(-1) ?? "" };
  }

  return {
    worker,
    metadata,
    first: await addClient("ES256", [TESTER]),
    second: await addClient("PS256", [TESTER, `${TESTER}?dummy1=lorem&dummy2=ipsum`]),
    ...makeFapiRequests(worker, profile),
    async close() {
      await worker.close();
      setDefaultCACertificates(trusted);
    },
  };
}

type FapiRequests = ReturnType<typeof makeFapiRequests>;

const present = (fields: Fields) =>
  new URLSearchParams(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined));

/** A JWT by the client's key, with these claims and nothing else. Undefined leaves a claim out. */
export function signAs({ key, kid }: Pick<FapiClient, "key" | "kid">, claims: Members, typ?: string): Promise<string> {
  const header = typ === undefined ? {} : { typ };
  return new SignJWT({ ...claims }).setProtectedHeader({ alg: key.alg, kid, ...header }).sign(key.privateKey);
}

/** The parameters of an authorization request, with changes; undefined leaves one out. */
export function requestOf(client: FapiClient, more: Fields = {}): Fields {
  return {
    response_type: "code",
    redirect_uri: client.redirectUri,
    scope: "openid",
    state: randomUUID(),
    nonce: randomUUID(),
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
    ...more,
  };
}

export const browserOfTester = (): FormBrowser => openFormBrowser({ stopAt: [new URL(TESTER).origin] });

/** Sends `page`'s person through sign-in and consent, to where the browser ends. */
async function passThrough(browser: FormBrowser, first: Page, decision: "approve" | "deny"): Promise<Page> {
  let page = first;
  if (page.text.includes('id="login-form"')) {
    page = await browser.submit(page, { login: PERSON.email, password: PERSON.password }, { formId: "login-form" });
  }
  return page.text.includes('id="consent-form"')
    ? browser.submit(page, { decision }, { formId: "consent-form" })
    : page;
}

function makeFapiRequests(worker: TestWorker, profile: Profile) {
  const { issuer } = worker;
  const urls = { "/par": `${issuer}/par`, "/token": `${issuer}/token`, "/userinfo": `${issuer}/userinfo` };

  const assertionOf = (client: FapiClient, changes: Members = {}, by: Pick<FapiClient, "key" | "kid"> = client) =>
    signAs(by, {
      ...{ iss: client.id, sub: client.id, aud: issuer, jti: randomUUID(), iat: seconds(0), exp: seconds(60) },
      ...changes,
    });

  /** A request object with these parameters. */
  const objectOf = (client: FapiClient, parameters: Fields, claims: Members = {}) =>
    signAs(
      client,
      {
        ...{ iss: client.id, aud: issuer, client_id: client.id },
        ...{ iat: seconds(0), nbf: seconds(0), exp: seconds(300), jti: randomUUID() },
        ...parameters,
        ...claims,
      },
      "oauth-authz-req+jwt",
    );

  function proofOf(by: Key, path: keyof typeof urls, claims: Members = {}, header: Members = {}): Promise<string> {
    const htm = path === "/userinfo" ? "GET" : "POST";
    return new SignJWT({ jti: randomUUID(), iat: seconds(0), htm, htu: urls[path], ...claims })
      .setProtectedHeader({ typ: "dpop+jwt", alg: by.alg, jwk: by.jwk, ...header })
      .sign(by.privateKey);
  }

  async function post(path: "/par" | "/token", client: FapiClient, fields: Fields, beside: Beside = {}) {
    const { assertion = await assertionOf(client), proof = await proofOf(client.dpop, path) } = beside;
    const proved = assertion === null ? {} : { client_assertion_type: ASSERTION_TYPE, client_assertion: assertion };
    const headers = new Headers(proof === null ? [] : [["DPoP", proof]]);
    return answerOf(await fetch(urls[path], { method: "POST", headers, body: present({ ...fields, ...proved }) }));
  }

  /** Pushes the parameters, in a request object where the profile wants that. */
  async function push(client: FapiClient, parameters: Fields, beside: Beside = {}): Promise<FapiAnswer> {
    const signed = profile === "fapi2-message-signing";
    return post("/par", client, signed ? { request: await objectOf(client, parameters) } : parameters, beside);
  }

  /** Opens what was pushed, and ends where the browser does. */
  async function authorize(
    client: FapiClient,
    requestUri: unknown,
    how: { browser?: FormBrowser; beside?: Fields; decision?: "approve" | "deny" } = {},
  ): Promise<Page> {
    const { browser = browserOfTester(), beside = {}, decision = "approve" } = how;
    const query = present({ client_id: client.id, request_uri: String(requestUri), ...beside });
    return passThrough(browser, await browser.open(`${issuer}/auth?${query}`), decision);
  }

  /** From the pushed request to what came back to the client. */
  async function answerTo(client: FapiClient, parameters: Fields, beside: Beside = {}): Promise<URLSearchParams> {
    const { status, body } = await push(client, parameters, beside);
    expect([status, body]).toEqual([201, { request_uri: expect.any(String), expires_in: expect.any(Number) }]);
    return (await authorize(client, body.request_uri)).url.searchParams;
  }

  async function codeFor(client: FapiClient, parameters: Fields = {}, beside: Beside = {}): Promise<string> {
    const answer = await answerTo(client, requestOf(client, parameters), beside);
    return answer.get("code") ?? expect.fail(`no code in ${answer}`);
  }

  const redeem = (client: FapiClient, code: string, changes: Fields = {}, beside: Beside = {}) =>
    post(
      "/token",
      client,
      { grant_type: "authorization_code", code, redirect_uri: client.redirectUri, code_verifier: VERIFIER, ...changes },
      beside,
    );

  /** Tokens of a whole flow. */
  async function tokensFor(client: FapiClient, parameters: Fields = {}): Promise<Readonly<Record<string, string>>> {
    const { status, body } = await redeem(client, await codeFor(client, parameters));
    expect([status, body.token_type]).toEqual([200, "DPoP"]);
    return body as Readonly<Record<string, string>>;
  }

  /** Asks the resource with this token and proofs. */
  async function ask(authorization: string, proofs: readonly string[], more: Fields = {}): Promise<FapiAnswer> {
    const headers = new Headers([["Authorization", authorization], ...present(more)]);
    for (const proof of proofs) headers.append("DPoP", proof);
    return answerOf(await fetch(urls["/userinfo"], { headers }));
  }

  /** A proof for the resource, beside the token. */
  const resourceProof = (by: Key, accessToken = "", claims: Members = {}, header: Members = {}) =>
    proofOf(by, "/userinfo", { ath: thumbprint(accessToken), ...claims }, header);

  const requests = { post, push, authorize, answerTo, codeFor, redeem, tokensFor, ask };
  return { ...requests, assertionOf, objectOf, proofOf, resourceProof };
}

const thumbprint = (text: string) => createHash("sha256").update(text).digest("base64url");

async function answerOf(response: Response): Promise<FapiAnswer> {
  const text = await response.text();
  const body = text === "" ? {} : (JSON.parse(text) as Members);
  return { status: response.status, body, headers: response.headers };
}
