// What a tester of FAPI 2.0 brings along: an https issuer, two clients under a profile, each with keys of its own, and their
// requests, which are right but for what a test changes. Requests are written here by hand, since a test says what is wrong with
// one; the happy flows are run by libraries of others.
import { createHash, randomUUID, X509Certificate } from "node:crypto";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import {
  type ClientAuthority,
  type FormBrowser,
  fetchWithCertificate,
  makeClientAuthority,
  makePrivateAuthority,
  openFormBrowser,
  type Page,
  type TestCertificate,
} from "@dex/testing";
import { SignJWT } from "jose";
import * as oauth from "oauth4webapi";
import { expect } from "vitest";
import { isErrorDescription } from "./certification-rules.ts";
import { type Key, type Members, makeKey, seconds } from "./dpop-world.ts";
import { openTestWorker, PERSON, type TestWorker } from "./worker-server.ts";

export type Profile = "fapi2" | "fapi2-message-signing" | "fapi1-advanced";
export type Fields = Readonly<Record<string, string | undefined>>;

/** How the plan's clients say who they are, and what their tokens are bound to. */
export interface Combination {
  readonly authentication: "private_key_jwt" | "MTLS";
  readonly binding: "DPoP" | "MTLS";
}
export const COMBINATIONS: readonly Combination[] = [
  { authentication: "private_key_jwt", binding: "DPoP" },
  { authentication: "private_key_jwt", binding: "MTLS" },
  { authentication: "MTLS", binding: "DPoP" },
  { authentication: "MTLS", binding: "MTLS" },
];

/** Nobody listens there: the browsers stop at it. */
const TESTER = "https://tester.example/test/a/dex/callback";
export const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
export const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

export interface FapiClient {
  readonly id: string;
  readonly kid: string;
  /** What it signs requests with, and authenticates where it does so by private_key_jwt. */
  readonly key: Key;
  /** What its tokens are bound to by DPoP. */
  readonly dpop: Key;
  /** What its connections show; undefined where the combination has no use for one. */
  readonly certificate: TestCertificate | undefined;
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
  readonly certificate?: TestCertificate | null;
}

/** A worker over TLS that asks for certificates, which the worlds of all combinations can share. */
export interface FapiServer {
  readonly worker: TestWorker;
  readonly metadata: oauth.AuthorizationServer;
  /** Who issues certificates to its clients. */
  readonly authority: ClientAuthority;
  /** Whose certificate it has itself, PEM. */
  readonly ca: string;
  close(): Promise<void>;
}

export interface FapiWorld extends FapiRequests, FapiServer {
  readonly combination: Combination;
  /** Its redirect URI is plain, and the other one's has a query. */
  readonly first: FapiClient;
  readonly second: FapiClient;
}

/** Over TLS, as the plan demands. Clients show their certificates at another name than the issuer's. */
export async function openFapiServer(more: readonly string[] = []): Promise<FapiServer> {
  const trusted = getCACertificates("default");
  const { ca, server } = makePrivateAuthority();
  setDefaultCACertificates([...trusted, ca]);
  const authority = makeClientAuthority();
  const flags = ({ port, pathname }: URL) => [
    "--request-client-certificates",
    `--client-certificate-ca=${authority.caFile}`,
    `--mtls-url=https://localhost:${port}${pathname}`,
    ...more,
  ];
  const worker = await openTestWorker(flags, "/dex", server);
  const issuer = new URL(worker.issuer);
  const metadata = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer));
  return {
    ...{ worker, metadata, authority, ca },
    async close() {
      await worker.close();
      authority.remove();
      setDefaultCACertificates(trusted);
    },
  };
}

/** The clients of one plan, at a server of its own unless it is given one. */
export async function openFapiWorld(
  profile: Profile,
  combination: Combination = { authentication: "private_key_jwt", binding: "DPoP" },
  given?: FapiServer,
): Promise<FapiWorld> {
  const server = given ?? (await openFapiServer());
  return {
    ...server,
    combination,
    first: await addClient(server, profile, combination, { alg: "ES256", redirectURIs: [TESTER], issued: true }),
    second: await addClient(server, profile, combination, {
      alg: "PS256",
      redirectURIs: [TESTER, `${TESTER}?dummy1=lorem&dummy2=ipsum`],
      issued: false,
    }),
    ...makeFapiRequests(server, profile, combination),
  };
}

/** A client whose certificate, where it has one, is issued to it or made by itself. */
async function addClient(
  { worker, authority }: FapiServer,
  profile: Profile,
  { authentication, binding }: Combination,
  { alg, redirectURIs, issued }: { alg: string; redirectURIs: readonly string[]; issued: boolean },
): Promise<FapiClient> {
  const [key, dpop, kid] = [await makeKey(alg), await makeKey(), `key-${alg}`];
  const name = `https://tester.example/${alg}/${authentication}/${binding}`;
  const shows = authentication === "MTLS" || binding === "MTLS";
  const certificate = shows ? authority[issued ? "issue" : "selfSigned"]({ names: `URI:${name}` }) : undefined;
  const keys: Members[] = [{ ...key.jwk, kid, alg, use: "sig" }];
  if (authentication === "MTLS" && !issued && certificate !== undefined) keys.push(jwkOf(certificate));
  const issuedTo = { token_endpoint_auth_method: "tls_client_auth", tls_client_auth_san_uri: name };
  const proof = issued ? issuedTo : { token_endpoint_auth_method: "self_signed_tls_client_auth" };
  const { id } = await worker.addClient({
    clientName: `Tester with ${alg}`,
    redirectURIs,
    details: {
      ...{ profile, jwks: { keys } },
      ...(profile === "fapi1-advanced" ? { response_types: ["code id_token", "code"] } : {}),
      ...(authentication === "MTLS" ? proof : {}),
      ...(binding === "MTLS" ? { tls_client_certificate_bound_access_tokens: true } : {}),
    },
  });
  return { id, kid, key, dpop, certificate, redirectUri: redirectURIs.at(-1) ?? "" };
}

/** RFC 8705 §2.2.2. */
function jwkOf({ cert }: TestCertificate): Members {
  const x509 = new X509Certificate(cert);
  return { ...x509.publicKey.export({ format: "jwk" }), x5c: [x509.raw.toString("base64")] };
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
export async function passThrough(browser: FormBrowser, first: Page, decision: "approve" | "deny"): Promise<Page> {
  let page = first;
  if (page.text.includes('id="login-form"')) {
    page = await browser.submit(page, { login: PERSON.email, password: PERSON.password }, { formId: "login-form" });
  }
  return page.text.includes('id="consent-form"')
    ? browser.submit(page, { decision }, { formId: "consent-form" })
    : page;
}

function makeFapiRequests(server: FapiServer, profile: Profile, combination: Combination) {
  const { issuer } = server.worker;
  const { authentication, binding } = combination;
  const urls = urlsOf(server, combination);

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

  /** A request over a connection that shows the certificate. */
  const send = (certificate: TestCertificate | null | undefined) =>
    certificate === undefined ? fetch : fetchWithCertificate({ ca: server.ca, certificate: certificate ?? undefined });

  async function post(path: "/par" | "/token", client: FapiClient, fields: Fields, beside: Beside = {}) {
    const { assertion = authentication === "MTLS" ? null : await assertionOf(client) } = beside;
    const { proof = binding === "MTLS" ? null : await proofOf(client.dpop, path) } = beside;
    const { certificate = client.certificate } = beside;
    const proved = assertion === null ? {} : { client_assertion_type: ASSERTION_TYPE, client_assertion: assertion };
    const named = authentication === "MTLS" ? { client_id: client.id } : {};
    const headers = new Headers(proof === null ? [] : [["DPoP", proof]]);
    const body = present({ ...named, ...fields, ...proved });
    return answerOf(await send(certificate)(urls[path], { method: "POST", headers, body }));
  }

  /** Pushes the parameters, in a request object where the profile wants that. */
  async function push(client: FapiClient, parameters: Fields, beside: Beside = {}): Promise<FapiAnswer> {
    const signed = profile !== "fapi2";
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
    expect([status, body.token_type]).toEqual([200, binding === "MTLS" ? "Bearer" : "DPoP"]);
    return body as Readonly<Record<string, string>>;
  }

  /** Asks the resource as the client should, or by another scheme, with other headers, or without a proof that it may. */
  async function use(
    client: FapiClient,
    accessToken: unknown,
    how: { scheme?: string; headers?: Fields; unproved?: true } = {},
  ): Promise<FapiAnswer> {
    const { scheme = binding === "MTLS" ? "Bearer" : "DPoP", unproved: bare = false } = how;
    const token = String(accessToken);
    const headers = new Headers([["Authorization", `${scheme} ${token}`], ...present(how.headers ?? {})]);
    if (binding === "DPoP" && !bare) headers.set("DPoP", await resourceProof(client.dpop, token));
    const certificate = binding === "MTLS" && bare ? null : client.certificate;
    return answerOf(await send(certificate)(urls["/userinfo"], { headers }));
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

  /** What is missing where a client does not say who it is, or does not prove to have what its tokens are bound to. */
  const unauthenticated: Beside = authentication === "MTLS" ? { certificate: null } : { assertion: null };
  const unproved: Beside = binding === "MTLS" ? { certificate: null } : { proof: null };

  const requests = { post, push, authorize, answerTo, codeFor, redeem, tokensFor, ask, use, send };
  return { ...requests, assertionOf, objectOf, proofOf, resourceProof, unauthenticated, unproved };
}

/** By an endpoint that the client calls, with one of these errors. */
export function expectRefused({ status, body }: FapiAnswer, ...codes: readonly string[]): void {
  expect(codes).toContain(body.error);
  expect([400, 401]).toContain(status);
  expect(isErrorDescription(body.error_description)).toBe(true);
}

/** RFC 8705 §5: with a certificate at the aliases, without one at the issuer's own addresses. */
function urlsOf({ metadata }: FapiServer, { authentication, binding }: Combination) {
  const shows = authentication === "MTLS" || binding === "MTLS";
  const { mtls_endpoint_aliases: aliases = {} } = shows ? metadata : {};
  return {
    "/par": String(aliases.pushed_authorization_request_endpoint ?? metadata.pushed_authorization_request_endpoint),
    "/token": String(aliases.token_endpoint ?? metadata.token_endpoint),
    "/userinfo": String(aliases.userinfo_endpoint ?? metadata.userinfo_endpoint),
  };
}

const thumbprint = (text: string) => createHash("sha256").update(text).digest("base64url");

async function answerOf(response: Response): Promise<FapiAnswer> {
  const text = await response.text();
  const body = text === "" ? {} : (JSON.parse(text) as Members);
  return { status: response.status, body, headers: response.headers };
}
