// An OpenID provider for tests: a real HTTP server that is strict with its client and misbehaves on demand.
import { createHash, randomBytes } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type Clock, systemClock, toEpochSeconds } from "@dex/runtime";
import { type FakeBehaviours, type FakeEndpoint, goodBehaviours, replaceMembers } from "./fake-openid-behaviours.ts";
import { type FakeRefreshTokens, makeFakeRefreshTokens } from "./fake-openid-refresh-tokens.ts";
import { type FakeIdTokens, makeFakeIdTokens } from "./fake-openid-tokens.ts";
import { sendAuthorizationResponse } from "./form-post-response.ts";
import { misbehave } from "./misbehave.ts";

export type FakeClientAuthentication = "client_secret_basic" | "client_secret_post" | "none";

export interface FakeUser {
  readonly sub: string;
  /** Claims of the ID token and of userinfo. */
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface FakeRequest {
  readonly endpoint: FakeEndpoint;
  readonly method: string;
  /** Query or form. */
  readonly parameters: Readonly<Record<string, string>>;
}

export interface FakeOpenIdProviderOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Compared byte for byte. May be filled in later, when our own address is known. */
  readonly redirectUris: string[];
  readonly users?: readonly FakeUser[];
  readonly clientAuthentication?: FakeClientAuthentication;
  /** Path of the issuer, such as "/realm"; none by default. */
  readonly path?: string;
  /** Announces and sends `iss` in the authorization response (RFC 9207). On by default. */
  readonly responseIss?: boolean;
  readonly clock?: Clock;
  /** Refuses a request for another response mode. `form_post` answers with a page whose form the browser posts. */
  readonly responseMode?: "query" | "form_post";
  /** Members of the authorization response beside the standard ones. */
  readonly moreInResponse?: (user: FakeUser, parameters: Readonly<Record<string, string>>) => Record<string, string>;
  /** Takes the client secret in place of comparing it with `clientSecret`. */
  readonly isClientSecret?: (secret: string) => Promise<boolean>;
  /** Gives a refresh token with every code; it is used once, and its reuse ends all that came of it. Off by default. */
  readonly refreshTokens?: boolean;
  /** Replaces members of the discovery document, for as long as it runs; `undefined` removes one. */
  readonly discovery?: Readonly<Record<string, unknown>>;
  /** PEM of a certificate for 127.0.0.1 and its key; plain http without. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Refuses any other scope. All are taken by default. */
  readonly scopes?: readonly string[];
}

export interface FakeOpenIdProvider {
  readonly issuer: string;
  /** Scheme, host and port. */
  readonly url: string;
  /** The first one signs in, at once and without a form, unless `login_hint` is the `sub` or email of another. */
  readonly users: FakeUser[];
  readonly requests: FakeRequest[];
  /** What the client did wrong, in order. Each was also answered with an error. */
  readonly violations: string[];
  readonly behaviours: FakeBehaviours;
  readonly redirectUris: string[];
  /** Signs a token of another kind, such as a logout token, with its key or however it is told to. */
  readonly sign: FakeIdTokens["sign"];
  /** Back to good behaviour, with nothing recorded. */
  reset(): void;
  close(): Promise<void>;
}

interface IssuedCode {
  readonly redirectUri: string;
  readonly challenge: string;
  readonly nonce: string | undefined;
  readonly scope: string;
  readonly user: FakeUser;
}

interface Granted {
  readonly user: FakeUser;
  readonly nonce: string | undefined;
  readonly scope: string;
  readonly refreshToken: string | undefined;
}

/** Thrown by the checks, answered and recorded by the server. */
class Violation extends Error {
  readonly status: number;
  readonly code: string;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const MAX_FORM_BYTES = 65_536;

/** Starts one on a free port of 127.0.0.1. */
export async function startFakeOpenIdProvider(options: FakeOpenIdProviderOptions): Promise<FakeOpenIdProvider> {
  const { clientId, clientSecret, redirectUris, clientAuthentication = "client_secret_basic", tls } = options;
  const { path: issuerPath = "", responseIss = true, clock = systemClock, responseMode = "query" } = options;
  // An issuer may end in a slash; its endpoints have one slash all the same.
  const basePath = issuerPath.replace(/\/$/, "");
  const isClientSecret = options.isClientSecret ?? (async (secret) => secret === clientSecret);
  const users = [...(options.users ?? [])];
  const requests: FakeRequest[] = [];
  const violations: string[] = [];
  const behaviours = goodBehaviours();
  const codes = new Map<string, IssuedCode>();
  const accessTokens = new Map<string, FakeUser>();
  const refreshTokens: FakeRefreshTokens = makeFakeRefreshTokens();
  const idTokens: FakeIdTokens = await makeFakeIdTokens(clientSecret);
  let url = "";
  let issuer = "";

  const listener = (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response).catch((error: unknown) => {
      const violation = error instanceof Violation ? error : new Violation("server_error", String(error), 500);
      violations.push(violation.message);
      if (!response.headersSent) sendJson(response, violation.status, { error: violation.code });
    });
  };
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://fake.invalid");
    const endpoint = endpoints.get(pathname);
    if (endpoint === undefined) throw new Violation("not_found", `unknown path ${pathname}`, 404);
    const form = request.method === "POST" ? await readForm(request) : searchParams;
    const parameters = onlyOnce(form);
    requests.push({ endpoint: endpoint.name, method: request.method ?? "", parameters });
    if (request.method !== endpoint.method) throw new Violation("invalid_request", `${request.method} ${pathname}`);
    const misbehaviour = behaviours.endpoints[endpoint.name];
    if (misbehaviour !== undefined) return misbehave(misbehaviour, request, response);
    return endpoint.answer(request, response, parameters);
  }

  type Answer = (
    request: IncomingMessage,
    response: ServerResponse,
    parameters: Readonly<Record<string, string>>,
  ) => void | Promise<void>;
  const endpoints = new Map<string, { name: FakeEndpoint; method: "GET" | "POST"; answer: Answer }>([
    [`${basePath}/.well-known/openid-configuration`, { name: "discovery", method: "GET", answer: sendDiscovery }],
    [`${basePath}/authorize`, { name: "authorization", method: "GET", answer: authorize }],
    [`${basePath}/token`, { name: "token", method: "POST", answer: redeem }],
    [
      `${basePath}/jwks`,
      { name: "jwks", method: "GET", answer: (_, response) => sendJson(response, 200, idTokens.jwks) },
    ],
    [`${basePath}/userinfo`, { name: "userinfo", method: "GET", answer: sendUserInfo }],
  ]);

  function sendDiscovery(_request: IncomingMessage, response: ServerResponse): void {
    const document = {
      issuer,
      authorization_endpoint: `${url}${basePath}/authorize`,
      token_endpoint: `${url}${basePath}/token`,
      jwks_uri: `${url}${basePath}/jwks`,
      userinfo_endpoint: `${url}${basePath}/userinfo`,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["RS256"],
      token_endpoint_auth_methods_supported: [clientAuthentication],
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: responseIss,
    };
    sendJson(response, 200, replaceMembers({ ...document, ...options.discovery }, behaviours.discovery));
  }

  function authorize(
    _request: IncomingMessage,
    response: ServerResponse,
    given: Readonly<Record<string, string>>,
  ): void {
    const redirectUri = given.redirect_uri ?? "";
    if (given.client_id !== clientId) throw new Violation("invalid_request", "authorization: another client_id");
    if (!redirectUris.includes(redirectUri))
      throw new Violation("invalid_request", "authorization: another redirect_uri");
    expect(given.response_type === "code", "authorization: response_type is not code");
    expect((given.scope ?? "").split(" ").includes("openid"), "authorization: scope without openid");
    expect(/^[A-Za-z0-9_-]{43}$/.test(given.code_challenge ?? ""), "authorization: no S256 code_challenge");
    expect(given.code_challenge_method === "S256", "authorization: code_challenge_method is not S256");
    expect((given.state ?? "").length >= 16, "authorization: state is missing or guessable");
    expect((given.nonce ?? "").length >= 16, "authorization: nonce is missing or guessable");
    expect(!("client_secret" in given), "authorization: the client secret travels through the browser");
    expect((given.response_mode ?? "query") === responseMode, "authorization: another response_mode");
    const unknownScope = given.scope?.split(" ").find((scope) => options.scopes?.includes(scope) === false);
    expect(unknownScope === undefined, `authorization: unknown scope ${unknownScope}`);
    const hint = given.login_hint;
    const user =
      users.find(({ sub, claims }) => hint !== undefined && (sub === hint || claims.email === hint)) ?? users[0];
    if (user === undefined) throw new Violation("server_error", "the fake provider has no user", 500);
    const code = randomBytes(24).toString("base64url");
    const { code_challenge: challenge = "", nonce, scope = "" } = given;
    codes.set(code, { redirectUri, challenge, nonce, scope, user });
    const more = options.moreInResponse?.(user, given) ?? {};
    const answer = { code, state: given.state, ...(responseIss ? { iss: issuer } : {}), ...more };
    const members = Object.entries(replaceMembers(answer, behaviours.authorizationResponse));
    sendAuthorizationResponse(response, redirectUri, responseMode, members);
  }

  async function redeem(
    request: IncomingMessage,
    response: ServerResponse,
    form: Readonly<Record<string, string>>,
  ): Promise<void> {
    await authenticateClient(request, form);
    const granted = form.grant_type === "refresh_token" ? refreshedBy(form) : redeemedBy(form);
    const { user, nonce, scope, refreshToken } = granted;
    const now = toEpochSeconds(clock());
    const accessToken = await newAccessToken(user, now);
    accessTokens.set(accessToken, user);
    const claims = { iss: issuer, aud: clientId, iat: now, exp: now + 300, auth_time: now, nonce, ...user.claims };
    const replaced = replaceMembers({ ...claims, sub: user.sub }, behaviours.idTokenClaims);
    const answer = {
      access_token: accessToken,
      token_type: "Bearer",
      expires_in: 300,
      scope,
      id_token: await idTokens.sign(replaced, behaviours.idTokenSignature),
      refresh_token: refreshToken,
    };
    sendJson(response, 200, replaceMembers(answer, behaviours.tokenResponse));
  }

  async function newAccessToken({ sub }: FakeUser, now: number): Promise<string> {
    if (behaviours.accessTokenClaims === undefined) return randomBytes(24).toString("base64url");
    const claims = { iss: issuer, sub, iat: now, exp: now + 300, jti: randomBytes(8).toString("hex") };
    return idTokens.sign(replaceMembers(claims, behaviours.accessTokenClaims), "good");
  }

  function redeemedBy(form: Readonly<Record<string, string>>): Granted {
    expect(form.grant_type === "authorization_code", "token: grant_type is not authorization_code");
    const code = codes.get(form.code ?? "");
    codes.delete(form.code ?? "");
    if (code === undefined) throw new Violation("invalid_grant", "token: the code is unknown or was used");
    if (form.redirect_uri !== code.redirectUri) throw new Violation("invalid_grant", "token: another redirect_uri");
    const challenge = createHash("sha256")
      .update(form.code_verifier ?? "")
      .digest("base64url");
    if (challenge !== code.challenge) throw new Violation("invalid_grant", "token: the code_verifier does not fit");
    const { user, nonce, scope } = code;
    return {
      user,
      nonce,
      scope,
      refreshToken: options.refreshTokens ? refreshTokens.issue(user.sub, scope) : undefined,
    };
  }

  function refreshedBy(form: Readonly<Record<string, string>>): Granted {
    const next = refreshTokens.rotate(form.refresh_token ?? "");
    if (next === undefined) throw new Violation("invalid_grant", "token: the refresh token is unknown or was used");
    // Whoever was changed or removed since is read anew.
    const user = users.find(({ sub }) => sub === next.sub);
    if (user === undefined) throw new Violation("invalid_grant", "token: the person is gone");
    return { user, nonce: undefined, scope: next.scope, refreshToken: next.token };
  }

  /** Exactly the registered method (RFC 6749 §2.3.1); a second one beside it is an error too. */
  async function authenticateClient(request: IncomingMessage, form: Readonly<Record<string, string>>): Promise<void> {
    const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    const [basicId, basicSecret = ""] = Buffer.from(basic ?? "", "base64")
      .toString()
      .split(":")
      .map(decodeForm);
    const ownId = form.client_id === clientId && basic === undefined;
    const accepted = {
      client_secret_basic: async () =>
        basicId === clientId && form.client_secret === undefined && isClientSecret(basicSecret),
      client_secret_post: async () => ownId && isClientSecret(form.client_secret ?? ""),
      none: async () => ownId && form.client_secret === undefined,
    };
    if (!(await accepted[clientAuthentication]())) {
      throw new Violation("invalid_client", "token: client authentication failed", 401);
    }
  }

  function sendUserInfo(request: IncomingMessage, response: ServerResponse): void {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const user = accessTokens.get(token);
    if (user === undefined) throw new Violation("invalid_token", "userinfo: unknown access token", 401);
    sendJson(response, 200, replaceMembers({ ...user.claims, sub: user.sub }, behaviours.userInfoClaims));
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the fake provider has no port");
  url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${address.port}`;
  issuer = `${url}${issuerPath}`;

  return {
    issuer,
    url,
    users,
    requests,
    violations,
    behaviours,
    redirectUris,
    sign: idTokens.sign,
    reset() {
      Object.assign(behaviours, goodBehaviours());
      requests.length = 0;
      violations.length = 0;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function expect(condition: boolean, message: string): void {
  if (!condition) throw new Violation("invalid_request", message);
}

function onlyOnce(given: URLSearchParams): Record<string, string> {
  const names = [...given.keys()];
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new Violation("invalid_request", `${repeated} was sent more than once`);
  return Object.fromEntries(given);
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  if (!/^application\/x-www-form-urlencoded\b/.test(request.headers["content-type"] ?? "")) {
    throw new Violation("invalid_request", "the body is not a form");
  }
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > MAX_FORM_BYTES) throw new Violation("invalid_request", "the form is too large");
  }
  return new URLSearchParams(text);
}

/** RFC 6749 §2.3.1: both halves of Basic are form-encoded first. */
function decodeForm(text: string): string {
  return new URLSearchParams(`value=${text}`).get("value") ?? "";
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}
