// Atlassian Crowd's user management API as far as signing in goes: a real HTTP server that refuses and records whatever
// its client does wrong.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { FakeOAuth2Request } from "./fake-oauth2-dialect.ts";
import type { Misbehaviour } from "./fake-openid-behaviours.ts";
import { misbehave } from "./misbehave.ts";

export interface FakeCrowdPerson {
  readonly key: string;
  readonly name: string;
  readonly password: string;
  readonly email?: string;
  readonly active?: boolean;
  readonly groups?: readonly string[];
}

export interface FakeCrowdOptions {
  /** The application's name and password. */
  readonly clientId: string;
  readonly clientSecret: string;
  readonly people: readonly FakeCrowdPerson[];
}

export interface FakeCrowd {
  readonly url: string;
  /** Whoever is here is known; tests change it. */
  readonly people: FakeCrowdPerson[];
  readonly requests: (FakeOAuth2Request & { readonly body: unknown })[];
  /** What the client did wrong, in order. Each was also answered with an error. */
  readonly violations: string[];
  /** By path below the API's base, until removed; or an answer of one's own. */
  readonly behaviours: Record<string, Misbehaviour | { readonly status: number; readonly body: string }>;
  reset(): void;
  close(): Promise<void>;
}

const BASE = "/crowd/rest/usermanagement/1";
const DEFAULT_RESULTS = 1000;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}
type Call = FakeOAuth2Request & { readonly body: unknown };

/** Starts one on a free port of 127.0.0.1; the API is below `<url>/crowd`. */
export async function startFakeCrowd({ clientId, clientSecret, people: given }: FakeCrowdOptions): Promise<FakeCrowd> {
  const people = [...given];
  const requests: FakeCrowd["requests"] = [];
  const violations: string[] = [];
  const behaviours: FakeCrowd["behaviours"] = {};
  const credentials = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await read(request);
    requests.push(call);
    const path = call.path.startsWith(BASE) ? call.path.slice(BASE.length) : undefined;
    const behaviour = behaviours[path ?? ""];
    if (typeof behaviour === "string") return misbehave(behaviour, request, response);
    if (behaviour !== undefined) {
      response.writeHead(behaviour.status, { "content-type": "text/plain" }).end(behaviour.body);
      return;
    }
    if (call.headers.authorization !== credentials) {
      violations.push("the application is unknown");
      response.writeHead(401, { "content-type": "text/plain" }).end("Application failed to authenticate");
      return;
    }
    const answer = whatIsWrong(call) ?? answerTo(people, `${call.method} ${path}`, call);
    if (answer === undefined) violations.push(`unknown: ${call.method} ${call.path}`);
    else if (answer.status === 400 && "violation" in Object(answer.body)) violations.push(JSON.stringify(answer.body));
    const { status, body } = answer ?? { status: 404, body: { "status-code": 404, message: "null for uri" } };
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      violations.push(String(error));
      if (!response.headersSent) response.writeHead(500).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the fake has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    people,
    requests,
    violations,
    behaviours,
    reset() {
      for (const path of Object.keys(behaviours)) delete behaviours[path];
      people.splice(0, people.length, ...given);
      requests.length = 0;
      violations.length = 0;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Keeps the query as it was sent, so that what was not encoded shows. */
async function read(request: IncomingMessage): Promise<Call> {
  const url = new URL(request.url ?? "/", "http://fake.invalid");
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, value?.toString()]));
  let text = "";
  for await (const chunk of request) text += String(chunk);
  const body: unknown = text === "" ? undefined : JSON.parse(text);
  const parameters = Object.fromEntries(url.searchParams);
  return { method: request.method ?? "", path: url.pathname, parameters, headers, body };
}

function whatIsWrong({ method, headers, parameters, path }: Call): Answer | undefined {
  const known: Readonly<Record<string, readonly string[]>> = {
    "/user": ["username"],
    "/user/group/nested": ["username", "start-index", "max-results"],
    "/session": ["validate-password"],
  };
  const allowed = known[path.slice(BASE.length)] ?? [];
  const unknown = Object.keys(parameters).find((name) => !allowed.includes(name));
  if (unknown !== undefined) return violation(`${path}: unknown parameter ${unknown}`);
  if (headers.accept !== "application/json") return violation(`${path}: accept is ${headers.accept}`);
  const type = headers["content-type"];
  if (method === "POST" ? type !== "application/json" : type !== undefined) return violation(`${path}: ${type}`);
  return undefined;
}

function answerTo(people: readonly FakeCrowdPerson[], route: string, call: Call): Answer | undefined {
  const { username = "" } = call.parameters;
  switch (route) {
    case "GET /user": {
      const person = find(people, username);
      if (person === undefined) return notFound(username);
      const { key, name, email = "", active = true } = person;
      return { status: 200, body: { expand: "attributes", name, key, email, active, "display-name": `The ${name}` } };
    }
    case "GET /user/group/nested": {
      const person = find(people, username);
      if (person === undefined) return notFound(username);
      const start = Number(call.parameters["start-index"] ?? "0");
      const count = Number(call.parameters["max-results"] ?? DEFAULT_RESULTS);
      const groups = (person.groups ?? []).slice(start, start + count).map((name) => ({ name, type: "GROUP" }));
      return { status: 200, body: { expand: "group", groups } };
    }
    case "POST /session":
      return openSession(people, call);
    default:
      return undefined;
  }
}

function openSession(people: readonly FakeCrowdPerson[], { body, parameters }: Call): Answer {
  const { username, password, ...others } = Object(body) as Record<string, unknown>;
  const validated = parameters["validate-password"] !== "false";
  const shape = typeof username === "string" && (typeof password === "string") === validated;
  if (!shape || Object.keys(others).length > 0) return violation("session: another body");
  const person = find(people, username);
  if (person === undefined || (validated && person.password !== password)) {
    return failure(400, "INVALID_USER_AUTHENTICATION", `Account with name <${username}> failed to authenticate`);
  }
  return { status: 201, body: { expand: "user", token: "session-token", user: { name: person.name } } };
}

/** Crowd takes names in any case of letters. */
function find(people: readonly FakeCrowdPerson[], name: string): FakeCrowdPerson | undefined {
  return people.find((person) => person.name.toLowerCase() === name.toLowerCase());
}

function notFound(name: string): Answer {
  return failure(404, "USER_NOT_FOUND", `User <${name}> does not exist`);
}

function failure(status: number, reason: string, message: string): Answer {
  return { status, body: { reason, message } };
}

function violation(what: string): Answer {
  return { status: 400, body: { violation: what } };
}
