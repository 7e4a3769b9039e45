// A provider of OAuth 2.0 without OpenID Connect, for tests: a real HTTP server that refuses and records whatever its
// client does wrong. Each provider's own API is a table of routes.
import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Misbehaviour, replaceMembers } from "./fake-openid-behaviours.ts";
import { misbehave } from "./misbehave.ts";

export interface FakeOAuth2Request {
  readonly method: string;
  readonly path: string;
  /** Query or form. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface FakeApiAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface FakeApiCall<Person> {
  readonly person: Person;
  readonly scopes: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Our own address, for absolute links. */
  readonly url: string;
  /** What the pattern of the route captured. */
  readonly match: readonly string[];
}

export interface FakeApiRoute<Person> {
  /** The whole path. */
  readonly path: RegExp;
  /** Query parameters that may be sent; any other is a violation. */
  readonly parameters?: readonly string[];
  /** One that the token must have, else 403. */
  readonly scope?: string;
  answer(call: FakeApiCall<Person>): FakeApiAnswer;
}

export interface FakeOAuth2Behaviours {
  /** By path, until removed. */
  endpoints: Record<string, Misbehaviour>;
  /** Replaces parameters of the authorization response; `undefined` removes one. */
  authorizationResponse: Record<string, string | undefined>;
  /** Replaces members of the token response; `undefined` removes one. */
  tokenResponse: Record<string, unknown>;
}

export interface FakeOAuth2Options<Person> {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUris: string[];
  /** The first one signs in unless `hint` of another is asked for. */
  readonly people: readonly Person[];
}

export interface FakeOAuth2Dialect<Person> {
  readonly authorizationPath: string;
  readonly tokenPath: string;
  readonly clientAuthentication: "client_secret_basic" | "client_secret_post";
  readonly redirectUri: "sent" | "registered";
  /** The client asks for one of these, each as it stands in the request. */
  readonly scopes: readonly string[];
  /** Parameters of the authorization request beside those of RFC 6749 and RFC 7636. */
  readonly authorizationParameters: readonly string[];
  /** Whether a client that does not ask for JSON gets a form. */
  readonly tokenFormat: "json" | "form unless asked";
  /** Errors of the token endpoint come with status 200. */
  readonly errorsAsSuccess: boolean;
  /** The hint that names a person. */
  hintOf(parameters: Readonly<Record<string, string>>): string | undefined;
  isHinted(person: Person, hint: string): boolean;
  readonly api: readonly FakeApiRoute<Person>[];
  /** Headers that every call of the API must have. */
  readonly apiHeaders: Readonly<Record<string, string>>;
}

export interface FakeOAuth2Server<Person> {
  readonly url: string;
  readonly people: Person[];
  readonly requests: FakeOAuth2Request[];
  /** What the client did wrong, in order. Each was also answered with an error. */
  readonly violations: string[];
  readonly behaviours: FakeOAuth2Behaviours;
  readonly redirectUris: string[];
  reset(): void;
  close(): Promise<void>;
}

class Violation extends Error {
  readonly status: number;
  readonly code: string;
  constructor(message: string, code = "invalid_request", status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const STANDARD = [
  "response_type",
  "client_id",
  "redirect_uri",
  "scope",
  "state",
  "code_challenge",
  "code_challenge_method",
];
const good = (): FakeOAuth2Behaviours => ({ endpoints: {}, authorizationResponse: {}, tokenResponse: {} });

/** Starts one on a free port of 127.0.0.1. */
export async function startFakeOAuth2Server<Person>(
  options: FakeOAuth2Options<Person>,
  dialect: FakeOAuth2Dialect<Person>,
): Promise<FakeOAuth2Server<Person>> {
  const { clientId, clientSecret, redirectUris } = options;
  const people = [...options.people];
  const requests: FakeOAuth2Request[] = [];
  const violations: string[] = [];
  const behaviours = good();
  const codes = new Map<
    string,
    { challenge: string; redirectUri: string | undefined; scopes: string[]; person: Person }
  >();
  const tokens = new Map<string, { scopes: string[]; person: Person }>();
  let origin = "";

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      const violation = error instanceof Violation ? error : new Violation(String(error), "server_error", 500);
      violations.push(violation.message);
      if (!response.headersSent) send(response, { status: violation.status, body: { error: violation.code } });
    });
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://fake.invalid");
    const { method = "" } = request;
    const parameters = onlyOnce(method === "POST" ? await readForm(request) : url.searchParams);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, value?.toString()]),
    );
    requests.push({ method, path: url.pathname, parameters, headers });
    const misbehaviour = behaviours.endpoints[url.pathname];
    if (misbehaviour !== undefined) return misbehave(misbehaviour, request, response);
    if (url.pathname === dialect.authorizationPath) {
      must(method === "GET", `${method} ${url.pathname}`);
      return authorize(response, parameters);
    }
    if (url.pathname === dialect.tokenPath) {
      must(method === "POST", `${method} ${url.pathname}`);
      return redeem(response, parameters, headers);
    }
    must(method === "GET", `${method} ${url.pathname}`);
    return callApi(response, { path: url.pathname, parameters, headers });
  }

  function authorize(response: ServerResponse, given: Readonly<Record<string, string>>): void {
    const unknown = Object.keys(given).find(
      (name) => ![...STANDARD, ...dialect.authorizationParameters].includes(name),
    );
    must(unknown === undefined, `authorization: unknown parameter ${unknown}`);
    must(given.client_id === clientId, "authorization: another client_id");
    must(given.response_type === "code", "authorization: response_type is not code");
    must(dialect.scopes.includes(given.scope ?? ""), `authorization: scope ${given.scope}`);
    must((given.state ?? "").length >= 16, "authorization: state is missing or guessable");
    must(/^[A-Za-z0-9_-]{43}$/.test(given.code_challenge ?? ""), "authorization: no S256 code_challenge");
    must(given.code_challenge_method === "S256", "authorization: code_challenge_method is not S256");
    const { redirect_uri: sent } = given;
    if (dialect.redirectUri === "registered") must(sent === undefined, "authorization: redirect_uri was sent");
    else must(sent !== undefined && redirectUris.includes(sent), "authorization: another redirect_uri");
    const hint = dialect.hintOf(given);
    const person = people.find((one) => hint !== undefined && dialect.isHinted(one, hint)) ?? people[0];
    if (person === undefined) throw new Violation("the fake has nobody", "server_error", 500);
    const code = randomBytes(24).toString("base64url");
    const scopes = (given.scope ?? "").split(" ");
    codes.set(code, { challenge: given.code_challenge ?? "", redirectUri: sent, scopes, person });
    const location = new URL(sent ?? redirectUris[0] ?? "");
    const answer = replaceMembers({ code, state: given.state }, behaviours.authorizationResponse);
    for (const [name, value] of Object.entries(answer)) location.searchParams.set(name, String(value));
    response.writeHead(302, { location: location.href }).end();
  }

  function redeem(
    response: ServerResponse,
    form: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string | undefined>>,
  ): void {
    const problem = whatIsWrong(form, headers.authorization);
    if (problem !== undefined) {
      violations.push(problem.message);
      const status = dialect.errorsAsSuccess ? 200 : problem.status;
      send(response, { status, body: { error: problem.code, error_description: problem.message } });
      return;
    }
    const code = codes.get(form.code ?? "");
    codes.delete(form.code ?? "");
    if (code === undefined) return;
    const accessToken = randomBytes(24).toString("base64url");
    tokens.set(accessToken, code);
    const scope = code.scopes.join(",");
    const body = replaceMembers({ access_token: accessToken, token_type: "bearer", scope }, behaviours.tokenResponse);
    const asked = /\bapplication\/json\b/.test(headers.accept ?? "");
    if (dialect.tokenFormat === "json" || asked) {
      send(response, { status: 200, body });
      return;
    }
    response.writeHead(200, { "content-type": "application/x-www-form-urlencoded; charset=utf-8" });
    response.end(
      new URLSearchParams(
        Object.entries(body).map(([name, value]): [string, string] => [name, String(value)]),
      ).toString(),
    );
  }

  function whatIsWrong(
    form: Readonly<Record<string, string>>,
    authorization: string | undefined,
  ): Violation | undefined {
    const basic = `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString("base64")}`;
    const inBody = form.client_id === clientId && form.client_secret === clientSecret && authorization === undefined;
    const inHeader = authorization === basic && form.client_secret === undefined;
    if (!(dialect.clientAuthentication === "client_secret_basic" ? inHeader : inBody)) {
      return new Violation("token: client authentication failed", "invalid_client", 401);
    }
    if (form.grant_type !== "authorization_code") return new Violation("token: another grant_type");
    const code = codes.get(form.code ?? "");
    if (code === undefined) return new Violation("token: the code is unknown or was used", "invalid_grant");
    if (form.redirect_uri !== code.redirectUri) return new Violation("token: another redirect_uri", "invalid_grant");
    const challenge = createHash("sha256")
      .update(form.code_verifier ?? "")
      .digest("base64url");
    return challenge === code.challenge ? undefined : new Violation("token: another code_verifier", "invalid_grant");
  }

  function callApi(
    response: ServerResponse,
    { path, parameters, headers }: Pick<FakeOAuth2Request, "path" | "parameters" | "headers">,
  ): void {
    const found = dialect.api
      .map((route) => ({ route, match: route.path.exec(path) }))
      .find(({ match }) => match !== null);
    if (found === undefined) throw new Violation(`unknown path ${path}`, "not_found", 404);
    const { route, match } = found;
    const unknown = Object.keys(parameters).find((name) => !(route.parameters ?? []).includes(name));
    must(unknown === undefined, `${path}: unknown parameter ${unknown}`);
    for (const [name, value] of Object.entries(dialect.apiHeaders)) {
      must(headers[name] === value, `${path}: header ${name} is ${headers[name]}`);
    }
    const token = tokens.get(/^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? "");
    if (token === undefined) {
      violations.push(`${path}: unknown access token`);
      send(response, { status: 401, body: { message: "Bad credentials" } });
      return;
    }
    if (route.scope !== undefined && !token.scopes.includes(route.scope)) {
      violations.push(`${path}: needs scope ${route.scope}`);
      send(response, { status: 403, body: { message: "Resource not accessible" } });
      return;
    }
    send(response, route.answer({ ...token, parameters, headers, url: origin, match: [...(match ?? [])] }));
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the fake has no port");
  origin = `http://127.0.0.1:${address.port}`;
  return {
    url: origin,
    people,
    requests,
    violations,
    behaviours,
    redirectUris,
    reset() {
      Object.assign(behaviours, good());
      requests.length = 0;
      violations.length = 0;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** One page of a list, with RFC 8288's links to the next and the last one as GitHub sends them. */
export function pageByLink(
  call: FakeApiCall<unknown>,
  path: string,
  all: readonly unknown[],
  size: number,
): FakeApiAnswer {
  const page = Number(call.parameters.page ?? "1");
  const last = Math.max(1, Math.ceil(all.length / size));
  const link = (to: number, rel: string) => `<${call.url}${path}?per_page=100&page=${to}>; rel="${rel}"`;
  const links = page < last ? { link: `${link(page + 1, "next")}, ${link(last, "last")}` } : {};
  return { status: 200, body: all.slice((page - 1) * size, page * size), headers: links };
}

function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Violation(message);
}

function onlyOnce(given: URLSearchParams): Record<string, string> {
  must(new Set(given.keys()).size === given.size, "a parameter was sent more than once");
  return Object.fromEntries(given);
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const type = request.headers["content-type"] ?? "";
  must(/^application\/x-www-form-urlencoded\b/.test(type), "the body is not a form");
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return new URLSearchParams(text);
}

/** RFC 6749 §2.3.1 */
function encode(text: string): string {
  return new URLSearchParams([["x", text]]).toString().slice(2);
}

function send(response: ServerResponse, { status, body, headers = {} }: FakeApiAnswer): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
  response.end(body === undefined || status === 204 ? undefined : JSON.stringify(body));
}
