// Google as far as signing in goes: an OpenID provider, and beside it the directory of an organisation with the token
// endpoint that service accounts use.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { jwtVerify } from "jose";
import type { Misbehaviour } from "./fake-openid-behaviours.ts";
import {
  type FakeOpenIdProvider,
  type FakeOpenIdProviderOptions,
  startFakeOpenIdProvider,
} from "./fake-openid-provider.ts";
import { misbehave } from "./misbehave.ts";

const SCOPE = "https://www.googleapis.com/auth/admin.directory.group.readonly";
const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/** Groups on a page: small, so that lists have several. */
const PAGE = 2;
const TOKEN_PATH = "/token";
const GROUPS_PATH = "/admin/directory/v1/groups";

export interface FakeGoogleOptions extends FakeOpenIdProviderOptions {
  /** Administrators in whose name the service account may act, with the domain that each may read. */
  readonly admins: Readonly<Record<string, string>>;
  /** Groups by the address of a person or group in them. */
  readonly memberships: Record<string, readonly string[]>;
}

export interface FakeDirectory {
  readonly url: string;
  /** What the file of the service account holds. */
  readonly serviceAccount: Readonly<Record<string, string>>;
  readonly memberships: Record<string, readonly string[]>;
  /** In order: `token admin@…`, or `groups user@…`, with the page after it. */
  readonly requests: string[];
  readonly violations: string[];
  /** By path, until removed. */
  readonly endpoints: Record<string, Misbehaviour>;
  /** The page after every page, in place of the real one. */
  nextPageToken: string | undefined;
  /** Ends all of its access tokens. */
  endAccessTokens(): void;
}

export interface FakeGoogle {
  readonly provider: FakeOpenIdProvider;
  readonly directory: FakeDirectory;
  reset(): void;
  close(): Promise<void>;
}

/** Starts both on free ports of 127.0.0.1. */
export async function startFakeGoogle({ admins, memberships, ...options }: FakeGoogleOptions): Promise<FakeGoogle> {
  const provider = await startFakeOpenIdProvider(options);
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const tokens = new Map<string, string>();
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => refuse(response, 400, String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the fake has no port");
  const url = `http://127.0.0.1:${bound.port}`;
  const directory: FakeDirectory = {
    url,
    serviceAccount: {
      type: "service_account",
      client_email: "dex@project.iam.gserviceaccount.example",
      private_key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      private_key_id: "key-1",
      token_uri: `${url}${TOKEN_PATH}`,
    },
    memberships,
    requests: [],
    violations: [],
    endpoints: {},
    nextPageToken: undefined,
    endAccessTokens: () => tokens.clear(),
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const { pathname, searchParams } = new URL(request.url ?? "/", url);
    const how = directory.endpoints[pathname];
    if (how !== undefined) return misbehave(how, request, response);
    const asked = `${request.method} ${pathname}`;
    if (asked === `POST ${TOKEN_PATH}`) return grant(response, await readForm(request));
    if (asked === `GET ${GROUPS_PATH}`) return listGroups(response, request.headers.authorization ?? "", searchParams);
    return refuse(response, 404, asked);
  }

  async function grant(response: ServerResponse, form: URLSearchParams): Promise<ServerResponse> {
    if ([...form.keys()].sort().join() !== "assertion,grant_type" || form.get("grant_type") !== GRANT_TYPE) {
      return refuse(response, 400, "token: another form");
    }
    const { payload, protectedHeader } = await jwtVerify(form.get("assertion") ?? "", publicKey, {
      algorithms: ["RS256"],
      issuer: directory.serviceAccount.client_email ?? "",
      audience: `${url}${TOKEN_PATH}`,
      requiredClaims: ["iat", "exp", "sub"],
    });
    const { sub = "", scope, iat = 0, exp = 0 } = payload;
    if (scope !== SCOPE || exp - iat > 3600 || protectedHeader.kid !== "key-1") {
      return refuse(response, 400, "token: another scope, key or lifetime");
    }
    directory.requests.push(`token ${sub}`);
    if (!Object.hasOwn(admins, sub)) {
      // No violation: who is no administrator is for Google to say.
      return send(response, 401, { error: "unauthorized_client", error_description: "Client is unauthorized" });
    }
    const token = randomBytes(24).toString("base64url");
    tokens.set(token, sub);
    return send(response, 200, { access_token: token, token_type: "Bearer", expires_in: 3599 });
  }

  function listGroups(response: ServerResponse, authorization: string, query: URLSearchParams): ServerResponse {
    const names = [...query.keys()].sort().join();
    if (names !== "userKey" && names !== "pageToken,userKey") return refuse(response, 400, `groups: ${names}`);
    const admin = tokens.get(/^Bearer (.+)$/.exec(authorization)?.[1] ?? "");
    const key = query.get("userKey") ?? "";
    const from = Number(query.get("pageToken") ?? "0");
    directory.requests.push(`groups ${key}${from > 0 ? ` ${from}` : ""}`);
    if (admin === undefined) return send(response, 401, apiError(401, "Invalid Credentials"));
    if (admins[admin] !== key.slice(key.lastIndexOf("@") + 1)) {
      return send(response, 403, apiError(403, "Not Authorized to access this resource/api"));
    }
    if (!Object.hasOwn(memberships, key)) return send(response, 404, apiError(404, "Resource Not Found: userKey"));
    const all = memberships[key] ?? [];
    const to = from + PAGE;
    const next = directory.nextPageToken ?? (to < all.length ? String(to) : undefined);
    const page = all.slice(from, to).map((email) => ({ kind: "admin#directory#group", id: `id-${email}`, email }));
    // Without any, the member is left out.
    return send(response, 200, {
      kind: "admin#directory#groups",
      ...(page.length > 0 ? { groups: page } : {}),
      nextPageToken: next,
    });
  }

  function refuse(response: ServerResponse, status: number, what: string): ServerResponse {
    directory.violations.push(what);
    return send(response, status, { error: "invalid_request" });
  }

  return {
    provider,
    directory,
    reset() {
      provider.reset();
      directory.requests.length = 0;
      directory.violations.length = 0;
      directory.nextPageToken = undefined;
      for (const path of Object.keys(directory.endpoints)) delete directory.endpoints[path];
    },
    async close() {
      server.closeAllConnections();
      await Promise.all([provider.close(), new Promise((resolve) => server.close(resolve))]);
    },
  };
}

function apiError(code: number, message: string) {
  return { error: { code, message, errors: [{ message, domain: "global", reason: "forbidden" }] } };
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return new URLSearchParams(text);
}

function send(response: ServerResponse, status: number, body: unknown): ServerResponse {
  return response.writeHead(status, { "content-type": "application/json; charset=UTF-8" }).end(JSON.stringify(body));
}
