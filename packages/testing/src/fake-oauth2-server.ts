// A provider of OAuth 2.0 without OpenID Connect, for tests: a real HTTP server that refuses and records whatever its
// client does wrong. Each provider's own API is a table of routes.
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import {
  type FakeApiAnswer,
  type FakeApiCall,
  type FakeOAuth2Behaviours,
  type FakeOAuth2Dialect,
  type FakeOAuth2Options,
  type FakeOAuth2Request,
  type FakeOAuth2Server,
  must,
  Violation,
} from "./fake-oauth2-dialect.ts";
import { makeFakeTokens } from "./fake-oauth2-tokens.ts";
import { replaceMembers } from "./fake-openid-behaviours.ts";
import { misbehave } from "./misbehave.ts";

export type * from "./fake-oauth2-dialect.ts";

const STANDARD = [
  "response_type",
  "client_id",
  "redirect_uri",
  "scope",
  "state",
  "code_challenge",
  "code_challenge_method",
];
const good = (): FakeOAuth2Behaviours => ({ endpoints: {}, next: {}, authorizationResponse: {}, tokenResponse: {} });

/** Starts one on a free port of 127.0.0.1. */
export async function startFakeOAuth2Server<Person>(
  options: FakeOAuth2Options<Person>,
  dialect: FakeOAuth2Dialect<Person>,
): Promise<FakeOAuth2Server<Person>> {
  const { clientId, redirectUris, tls } = options;
  const people = [...options.people];
  const requests: FakeOAuth2Request[] = [];
  const violations: string[] = [];
  const behaviours = good();
  const tokens = makeFakeTokens(options, dialect);
  let origin = "";

  const listener = (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response).catch((error: unknown) => {
      const violation = error instanceof Violation ? error : new Violation(String(error), "server_error", 500);
      violations.push(violation.message);
      if (!response.headersSent) send(response, { status: violation.status, body: { error: violation.code } });
    });
  };
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://fake.invalid");
    const { method = "" } = request;
    const sent = method === "POST" ? await readBody(request) : undefined;
    const parameters = onlyOnce(sent?.kind === "form" ? sent.form : url.searchParams);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, value?.toString()]),
    );
    requests.push({ method, path: url.pathname, parameters, headers });
    const misbehaviour = behaviours.next[url.pathname]?.shift() ?? behaviours.endpoints[url.pathname];
    if (misbehaviour !== undefined) return misbehave(misbehaviour, request, response);
    if (url.pathname === dialect.authorizationPath) {
      must(method === "GET", `${method} ${url.pathname}`);
      return authorize(response, parameters);
    }
    if (url.pathname === dialect.tokenPath) {
      must(method === "POST" && sent?.kind === "form", `${method} ${url.pathname}`);
      return redeem(response, parameters, headers);
    }
    const document = dialect.documents?.(origin)[url.pathname];
    if (document !== undefined) {
      must(method === "GET" && headers.authorization === undefined, `${url.pathname}: a token was sent`);
      return send(response, { status: 200, body: document });
    }
    const body = sent?.kind === "json" ? sent.json : undefined;
    const query = url.search.slice(1);
    return callApi(response, { method, path: url.pathname, query, parameters, headers, body });
  }

  function authorize(response: ServerResponse, given: Readonly<Record<string, string>>): void {
    const { responseMode = "query" } = dialect;
    const known = [
      ...STANDARD,
      ...dialect.authorizationParameters,
      ...(responseMode === "query" ? [] : ["response_mode"]),
    ];
    const unknown = Object.keys(given).find((name) => !known.includes(name));
    must(unknown === undefined, `authorization: unknown parameter ${unknown}`);
    must(given.client_id === clientId, "authorization: another client_id");
    must(given.response_type === "code", "authorization: response_type is not code");
    must((given.response_mode ?? "query") === responseMode, "authorization: another response_mode");
    must(dialect.scopes.includes(given.scope ?? ""), `authorization: scope ${given.scope}`);
    must((given.state ?? "").length >= 16, "authorization: state is missing or guessable");
    if (dialect.pkce === "refused") must(given.code_challenge === undefined, "authorization: code_challenge was sent");
    else {
      must(/^[A-Za-z0-9_-]{43}$/.test(given.code_challenge ?? ""), "authorization: no S256 code_challenge");
      must(given.code_challenge_method === "S256", "authorization: code_challenge_method is not S256");
    }
    const { redirect_uri: redirectUri, code_challenge: challenge = "" } = given;
    if (dialect.redirectUri === "registered") must(redirectUri === undefined, "authorization: redirect_uri was sent");
    else must(redirectUri !== undefined && redirectUris.includes(redirectUri), "authorization: another redirect_uri");
    const hint = dialect.hintOf(given);
    const person = people.find((one) => hint !== undefined && dialect.isHinted(one, hint)) ?? people[0];
    if (person === undefined) throw new Violation("the fake has nobody", "server_error", 500);
    const code = tokens.issueCode({ challenge, redirectUri, scopes: (given.scope ?? "").split(" "), person });
    const answer = replaceMembers({ code, state: given.state }, behaviours.authorizationResponse);
    sendBack(response, redirectUri ?? redirectUris[0] ?? "", answer, responseMode);
  }

  function redeem(
    response: ServerResponse,
    form: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string | undefined>>,
  ): void {
    const issued = tokens.redeem(form, headers.authorization);
    if (issued instanceof Violation) {
      if (issued.message !== "") violations.push(issued.message);
      const status = dialect.errorsAsSuccess ? 200 : issued.status;
      send(response, { status, body: { error: issued.code, error_description: issued.message } });
      return;
    }
    const body = replaceMembers(issued, behaviours.tokenResponse);
    const asked = /\bapplication\/json\b/.test(headers.accept ?? "");
    if (dialect.tokenFormat === "json" || (asked && dialect.tokenFormat !== "form")) {
      send(response, { status: 200, body });
      return;
    }
    response.writeHead(200, { "content-type": "application/x-www-form-urlencoded; charset=utf-8" });
    const members = Object.entries(body).map(([name, value]): [string, string] => [name, String(value)]);
    response.end(new URLSearchParams(members).toString());
  }

  function callApi(
    response: ServerResponse,
    { method, path, parameters, ...sent }: FakeOAuth2Request & Pick<FakeApiCall<Person>, "body" | "query">,
  ): void {
    const found = dialect.api
      .map((route) => ({ route, match: route.path.exec(path) }))
      .filter(({ match }) => match !== null);
    if (found.length === 0) throw new Violation(`unknown path ${path}`, "not_found", 404);
    const { route, match } = found.find((one) => (one.route.method ?? "GET") === method) ?? {};
    if (route === undefined) throw new Violation(`${method} ${path}`, "method_not_allowed", 405);
    const unknown = Object.keys(parameters).find((name) => !(route.parameters ?? []).includes(name));
    must(unknown === undefined, `${path}: unknown parameter ${unknown}`);
    const { headers } = sent;
    for (const [name, value] of Object.entries(dialect.apiHeaders)) {
      must(headers[name] === value, `${path}: header ${name} is ${headers[name]}`);
    }
    const accessToken = /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? "";
    const token = tokens.find(accessToken);
    if (token === undefined) {
      violations.push(`${path}: unknown access token`);
      send(response, dialect.unauthorized ?? { status: 401, body: { message: "Bad credentials" } });
      return;
    }
    const { person, scopes } = token;
    if (route.scope !== undefined && !scopes.includes(route.scope)) {
      violations.push(`${path}: needs scope ${route.scope}`);
      send(response, { status: 403, body: { message: "Resource not accessible" } });
      return;
    }
    const call = { ...sent, person, scopes, accessToken, parameters, url: origin, match: [...(match ?? [])] };
    send(response, route.answer(call));
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the fake has no port");
  origin = `${tls === undefined ? "http" : "https"}://127.0.0.1:${address.port}`;
  return {
    url: origin,
    people,
    requests,
    violations,
    behaviours,
    redirectUris,
    replace(person, next) {
      tokens.replace(person, next);
      const index = people.indexOf(person);
      if (index >= 0) people.splice(index, 1, ...(next === undefined ? [] : [next]));
    },
    advance: tokens.advance,
    endAccessTokens: tokens.endAccessTokens,
    nameTokens: tokens.nameTokens,
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

/** By a redirect, or by a page with a form that a browser posts (OAuth 2.0 Form Post Response Mode). */
function sendBack(
  response: ServerResponse,
  to: string,
  answer: Readonly<Record<string, unknown>>,
  responseMode: "query" | "form_post",
): void {
  if (responseMode === "query") {
    const location = new URL(to);
    for (const [name, value] of Object.entries(answer)) location.searchParams.set(name, String(value));
    response.writeHead(302, { location: location.href }).end();
    return;
  }
  const inputs = Object.entries(answer).map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`);
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
  response.end(`<!doctype html><form method="post" action="${to}">${inputs.join("")}<button>Continue</button></form>`);
}

function onlyOnce(given: URLSearchParams): Record<string, string> {
  must(new Set(given.keys()).size === given.size, "a parameter was sent more than once");
  return Object.fromEntries(given);
}

type SentBody =
  | { readonly kind: "form"; readonly form: URLSearchParams }
  | { readonly kind: "json"; readonly json: unknown };

async function readBody(request: IncomingMessage): Promise<SentBody> {
  const type = request.headers["content-type"] ?? "";
  let text = "";
  for await (const chunk of request) text += String(chunk);
  if (/^application\/json\b/.test(type)) return { kind: "json", json: JSON.parse(text) };
  must(/^application\/x-www-form-urlencoded\b/.test(type), "the body is neither a form nor JSON");
  return { kind: "form", form: new URLSearchParams(text) };
}

function send(response: ServerResponse, { status, body, headers = {} }: FakeApiAnswer): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
  response.end(body === undefined || status === 204 ? undefined : JSON.stringify(body));
}
