// One authorization request of a tester's client and all that follows from it, every answer held to the checks.
import { createHash } from "node:crypto";
import { type FormBrowser, type Page, readForm } from "@dex/testing";
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from "jose";
import * as oauth from "oauth4webapi";
import { expect } from "vitest";
import {
  type AuthorizationAnswer,
  checkAuthorizationAnswer,
  checkAuthorizationError,
  checkIdToken,
  checkTokenAnswer,
  checkUserinfo,
  claimsOfScope,
  membersOf,
  readJsonAnswer,
} from "./certification-checks.ts";
import type { Members } from "./certification-rules.ts";
import { type CertificationWorld, has, type Party } from "./certification-world.ts";
import { PERSON } from "./worker-server.ts";

export type Parameters = Readonly<Record<string, string | undefined>>;

/** Where a browser ended that was sent to the authorization endpoint. */
export interface Ended {
  /** What the person had to fill in on the way. */
  readonly pages: readonly ("login" | "consent")[];
  /** What reached the client, or nothing. */
  readonly answer: AuthorizationAnswer | undefined;
  readonly page: Page;
}

/** What a client was given. */
export interface Granted {
  readonly pages: Ended["pages"];
  readonly members: Readonly<Record<string, string>>;
  /** From the authorization endpoint, then from the token endpoint. */
  readonly idTokens: readonly { readonly jwt: string; readonly claims: JWTPayload; readonly header: Members }[];
  readonly accessTokens: readonly string[];
  readonly refreshToken: string | undefined;
  readonly userinfo: Members;
}

const present = (parameters: Parameters) =>
  Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);

/** The parameters of a module that says nothing of its own; undefined leaves one out. */
export function requestOf(party: Party, more: Parameters = {}): Parameters {
  return {
    client_id: party.id,
    redirect_uri: party.redirectUri,
    response_type: party.responseType,
    response_mode: party.responseMode,
    scope: "openid",
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    ...more,
  };
}

interface Sent {
  readonly browser: FormBrowser;
  readonly request: Parameters;
  /** What the answer is to be one to, where that is not the request as it was sent. */
  readonly answersTo?: Parameters;
}

/** Sends the browser there; the person signs in and allows whatever is asked. */
export async function ask(world: CertificationWorld, { request, browser, answersTo = request }: Sent): Promise<Ended> {
  const url = `${world.metadata.authorization_endpoint}?${new URLSearchParams(present(request))}`;
  return fillIn(world, { request: answersTo, browser }, await browser.open(url));
}

/** What follows from a page at which the browser is. */
export async function fillIn(world: CertificationWorld, { request, browser }: Sent, first: Page): Promise<Ended> {
  const pages: ("login" | "consent")[] = [];
  let page = first;
  while (pages.length < 3) {
    if (page.text.includes('id="login-form"')) {
      pages.push("login");
      page = await browser.submit(page, { login: PERSON.email, password: PERSON.password }, { formId: "login-form" });
    } else if (page.text.includes('id="consent-form"')) {
      pages.push("consent");
      page = await browser.submit(page, { decision: "approve" }, { formId: "consent-form" });
    } else break;
  }
  return { pages, page, answer: answerOn(page, request, world.worker.issuer) };
}

function answerOn(page: Page, request: Parameters, issuer: string): AuthorizationAnswer | undefined {
  const { redirect_uri = "", response_type: responseType, response_mode: responseMode, state } = request;
  const sent = { redirectUri: redirect_uri, responseType, responseMode, state };
  const at = (url: URL) => ({ issuer, sent, address: url.origin + url.pathname, query: [...url.searchParams] });
  if (page.status === 303) {
    const fragment = [...new URLSearchParams(page.url.hash.slice(1))];
    return { ...at(page.url), method: "GET", fragment, form: [] };
  }
  if (!page.text.includes('id="continue-form"')) return undefined;
  const { action, fields, method } = readForm(page, "continue-form");
  expect(page.text.match(/<input\b/g)).toHaveLength(fields.size); // none twice
  return { ...at(action), method, fragment: [...new URLSearchParams(action.hash.slice(1))], form: [...fields] };
}

/** The members of an error that came back to the client, checked. */
export function errorOf({ answer, page }: Ended): Readonly<Record<string, string>> {
  if (answer === undefined) expect.fail(`a page instead of an answer: ${page.status} ${page.text}`);
  checkAuthorizationError(answer);
  return membersOf(answer);
}

interface Asking {
  readonly party: Party;
  readonly browser: FormBrowser;
  readonly more?: Parameters;
}

/** A whole run: authorization, code exchange by a library of others, UserInfo; each answer and each ID token checked. */
export async function run(world: CertificationWorld, { party, browser, more = {} }: Asking): Promise<Granted> {
  const { code_verifier: verifier, ...parameters } = more;
  const request = requestOf(party, parameters);
  return redeem(world, { party, request, verifier }, await ask(world, { request, browser }));
}

/** What the client does with what it was answered. */
export async function redeem(
  world: CertificationWorld,
  of: { readonly party: Party; readonly request: Parameters; readonly verifier?: string | undefined },
  { answer, page, pages }: Ended,
): Promise<Granted> {
  const { party, request } = of;
  if (answer === undefined) expect.fail(`a page instead of an answer: ${page.status} ${page.text}`);
  checkAuthorizationAnswer(answer);
  const members = membersOf(answer);
  // Session Management §2 adds session_state, for whoever wants it.
  const names = Object.keys(members).filter((name) => name !== "session_state");
  expect(names.sort()).toEqual(expectedMembers(party, request));
  if (has(party, "token")) {
    expect(members).toMatchObject({ token_type: expect.stringMatching(/^bearer$/i) });
    expect(Number(members.expires_in)).toBeGreaterThan(0);
  }
  const front = members.id_token === undefined ? [] : [received(members.id_token)];
  const tokens = has(party, "code") ? await exchange(world, of, members) : undefined;
  const idTokens = [...front, ...(tokens?.id_token === undefined ? [] : [received(tokens.id_token)])];
  const accessTokens = [members.access_token, tokens?.access_token].filter((token) => token !== undefined);
  for (const [index, idToken] of idTokens.entries()) {
    checkOne(world, of, idToken, idTokens[0]?.claims.sub);
    const isFront = index < front.length;
    checkHashes(idToken.claims, isFront ? members : { access_token: tokens?.access_token }, isFront ? "front" : "back");
  }
  const subject = idTokens[0]?.claims.sub;
  const userinfo = [];
  for (const token of accessTokens) userinfo.push(await readUserinfo(world, token, subject));
  expect(new Set(userinfo.map((claims) => JSON.stringify(claims))).size).toBeLessThanOrEqual(1);
  return { pages, members, idTokens, accessTokens, refreshToken: tokens?.refresh_token, userinfo: userinfo[0] ?? {} };
}

function expectedMembers(party: Party, request: Parameters): readonly string[] {
  const kept = party.responseType === "code" && party.responseMode === undefined;
  return [
    ...(kept ? new URL(party.redirectUri).searchParams.keys() : []),
    ...(has(party, "code") ? ["code"] : []),
    ...(has(party, "token") ? ["access_token", "token_type", "expires_in", "scope"] : []),
    ...(has(party, "id_token") ? ["id_token"] : []),
    ...(request.state === undefined ? [] : ["state"]),
    "iss",
  ].sort();
}

const received = (jwt: string) => ({ jwt, claims: decodeJwt(jwt), header: decodeProtectedHeader(jwt) as Members });

function checkOne(
  { keys, worker }: CertificationWorld,
  { party, request }: { readonly party: Party; readonly request: Parameters },
  idToken: Granted["idTokens"][number],
  subject: string | undefined,
): void {
  const asked = request.claims === undefined ? {} : (JSON.parse(request.claims) as { id_token?: Members });
  checkIdToken({
    ...{ ...idToken, keys, issuer: worker.issuer, clientId: party.id, nonce: request.nonce, subjects: [subject] },
    asked: [...claimsOfScope(request.scope ?? ""), ...Object.keys(asked.id_token ?? {})],
    now: Math.floor(Date.now() / 1000),
  });
}

const halfHash = (value: string | undefined) =>
  value === undefined ? undefined : createHash("sha256").update(value).digest().subarray(0, 16).toString("base64url");

/** OIDC Core §3.1.3.6, §3.2.2.10 and §3.3.2.11: demanded at the authorization endpoint, right where they are there. */
function checkHashes(claims: JWTPayload, beside: Parameters, endpoint: "front" | "back"): void {
  const { c_hash, at_hash } = claims;
  if (endpoint === "front") expect(c_hash).toBe(halfHash(beside.code));
  else expect(c_hash).toBeUndefined();
  expect(at_hash).toBe(halfHash(beside.access_token));
}

/** Redeems the code with oauth4webapi, which has its own view of what is right. */
async function exchange(
  { metadata }: CertificationWorld,
  { party, request, verifier }: { party: Party; request: Parameters; verifier?: string | undefined },
  { code = "", state, iss = "" }: Parameters,
): Promise<oauth.TokenEndpointResponse> {
  const client: oauth.Client = { client_id: party.id };
  const returned = new URLSearchParams(present({ code, state, iss }));
  const parameters = oauth.validateAuthResponse(metadata, client, returned, request.state ?? oauth.expectNoState);
  const response = await oauth.authorizationCodeGrantRequest(
    metadata,
    client,
    authenticationOf(party),
    parameters,
    party.redirectUri,
    verifier ?? oauth.nopkce,
  );
  const cacheControl = response.headers.get("cache-control") ?? "";
  checkTokenAnswer({ ...(await readJsonAnswer(response.clone())), cacheControl, openid: true });
  return oauth.processAuthorizationCodeResponse(metadata, client, response, {
    expectedNonce: request.nonce ?? oauth.expectNoNonce,
    requireIdToken: true,
  });
}

export function authenticationOf({ authMethod, secret }: Party): oauth.ClientAuth {
  return authMethod === "client_secret_post" ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret);
}

async function readUserinfo(world: CertificationWorld, token: string, subject: string | undefined): Promise<Members> {
  const response = await userinfoBy(world, token, "GET");
  const answer = await readJsonAnswer(response);
  checkUserinfo({ ...answer, subject });
  return answer.body;
}

/** A request to UserInfo, in one of the three ways of RFC 6750 §2 that OIDC Core §5.3.1 keeps. */
export function userinfoBy(
  { metadata }: CertificationWorld,
  token: string,
  way: "GET" | "POST with header" | "POST with body",
): Promise<Response> {
  const url = String(metadata.userinfo_endpoint);
  const headers = { Authorization: `Bearer ${token}` };
  if (way === "GET") return fetch(url, { headers });
  if (way === "POST with header") return fetch(url, { method: "POST", headers });
  return fetch(url, { method: "POST", body: new URLSearchParams({ access_token: token }) });
}

/** A request to the token endpoint that may be refused. */
export async function requestToken(
  { worker }: CertificationWorld,
  { id, secret }: Party,
  parameters: Readonly<Record<string, string>>,
) {
  const { status, body, headers } = await worker.token(parameters, { id, secret });
  const cacheControl = headers.get("cache-control") ?? "";
  return { status, body: body as Members, contentType: headers.get("content-type") ?? "", cacheControl };
}
