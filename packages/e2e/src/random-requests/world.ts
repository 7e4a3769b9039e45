// What a run of random requests knows of the dex it is let loose on: clients, tokens, a browser that is signed in, and the
// value of each parameter that would be right.
import { type FleetFacts, makeTestCertificates, openFormBrowser, signInWithForms } from "@dex/testing";
import { CANARY } from "./canary.ts";
import { makeGrantTargets } from "./grant-targets.ts";
import type { Target } from "./target.ts";

export interface World {
  readonly issuer: string;
  readonly targets: readonly Target[];
  /** Cookies of a browser that is signed in and has a flow open; and of one that is not. */
  readonly cookies: readonly string[];
  /** As a load balancer says them. */
  readonly certificates: readonly string[];
  /** Addresses that somebody registered: nothing else beside dex's own may be where an answer leads. */
  readonly registered: readonly string[];
}

interface Registered {
  readonly client_id: string;
  readonly client_secret: string;
  readonly registration_access_token: string;
}

const REDIRECT_URI = "http://127.0.0.1:7/callback";
const SIGNED_OUT_URI = "http://127.0.0.1:7/signed-out";
const RESPONSE_TYPES = ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"];
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/** Registers a client and signs somebody in. What lives for minutes only, such as codes, is good for the first requests. */
export async function makeWorld(facts: FleetFacts, registrationToken: string): Promise<World> {
  const { issuer } = facts;
  const discovery = await json(await fetch(`${issuer}/.well-known/openid-configuration`));
  const client = await register(issuer, registrationToken);
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI] });
  const authorize = {
    client_id: client.client_id,
    redirect_uri: REDIRECT_URI,
    response_type: "code",
    scope: "openid email profile offline_access",
    state: "state-1",
    nonce: "nonce-1",
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
  };
  const authorizationUrl = `${issuer}/auth?${new URLSearchParams(authorize)}`;
  const answer = await signInWithForms(browser, authorizationUrl, facts.user);
  const basic = basicOf(client);
  const tokens = await json(
    await fetch(`${issuer}/token`, {
      method: "POST",
      headers: { authorization: basic },
      body: new URLSearchParams({
        grant_type: "authorization_code",
        code: answer.searchParams.get("code") ?? "",
        redirect_uri: REDIRECT_URI,
        code_verifier: VERIFIER,
      }),
    }),
  );
  const spare = await browser.open(authorizationUrl);
  const stranger = openFormBrowser({ stopAt: [REDIRECT_URI] });
  const page = await stranger.open(authorizationUrl);
  const known = {
    ...authorize,
    ...{
      flow: page.url.searchParams.get("flow") ?? "x",
      form_token: /name="form_token"[^>]*value="([^"]*)"/.exec(page.text)?.[1] ?? "x",
    },
    ...{ code: spare.url.searchParams.get("code") ?? "", accessToken: text(tokens.access_token) },
    ...{ refreshToken: text(tokens.refresh_token), idToken: text(tokens.id_token) },
  };
  const bearer = [
    `Bearer ${known.accessToken}`,
    `Bearer ${client.registration_access_token}`,
    `Bearer ${registrationToken}`,
  ];
  const grants = await makeGrantTargets(facts, REDIRECT_URI);
  return {
    issuer,
    targets: [...targetsOf(known, client, [basic, ...bearer], discovery), ...grants],
    cookies: [cookieHeader(browser.cookies), cookieHeader(stranger.cookies)],
    certificates: certificates(),
    registered: [REDIRECT_URI, SIGNED_OUT_URI],
  };
}

function certificates(): readonly string[] {
  const made = makeTestCertificates();
  made.remove();
  const derOf = (pem: string) => pem.replace(/-----[^-]+-----|\s/g, "");
  return [made.server, made.expired].flatMap(({ cert }) => [encodeURIComponent(cert), derOf(cert), `:${derOf(cert)}:`]);
}

async function register(issuer: string, registrationToken: string): Promise<Registered> {
  const response = await fetch(`${issuer}/registration`, {
    method: "POST",
    headers: { authorization: `Bearer ${registrationToken}`, "content-type": "application/json" },
    body: JSON.stringify({
      client_name: `<${CANARY} x="1">"><${CANARY}>`,
      redirect_uris: [REDIRECT_URI],
      post_logout_redirect_uris: [SIGNED_OUT_URI],
      response_types: RESPONSE_TYPES,
      grant_types: ["authorization_code", "implicit", "refresh_token", "client_credentials"],
      application_type: "native",
    }),
  });
  const made = await json(response);
  return {
    client_id: text(made.client_id),
    client_secret: text(made.client_secret),
    registration_access_token: text(made.registration_access_token),
  };
}

type Known = Readonly<Record<string, string>> & { readonly accessToken: string; readonly refreshToken: string };

function targetsOf(
  known: Known,
  client: Registered,
  authorization: readonly string[],
  discovery: Readonly<Record<string, unknown>>,
): readonly Target[] {
  const {
    accessToken,
    refreshToken,
    idToken = "",
    code = "",
    flow = "",
    form_token: formToken = "",
    ...authorize
  } = known;
  const credentials = { client_id: client.client_id, client_secret: client.client_secret };
  const page = { flow, form_token: formToken };
  const metadata = {
    client_name: "x",
    redirect_uris: REDIRECT_URI,
    scope: "openid",
    jwks_uri: "https://127.0.0.1:7/jwks",
  };
  const get = (path: string, parameters: Target["parameters"]): Target => ({ path, method: "GET", parameters });
  const post = (path: string, parameters: Target["parameters"], more: Partial<Target> = {}): Target => ({
    ...{ path, method: "POST", parameters, authorization },
    ...more,
  });
  const everything = { ...authorize, ...credentials, ...page, token: accessToken, refresh_token: refreshToken, code };
  const wishes = {
    ...authorize,
    ...{ max_age: "3600", login_hint: "ada@example.com", ui_locales: "de", display: "page", acr_values: "1" },
    ...{ claims: '{"userinfo":{"name":null}}', response_mode: "form_post", connector_id: "local", dpop_jkt: CHALLENGE },
  };
  const objects = {
    ...{ request: idToken, request_uri: "https://127.0.0.1:7/request", registration: "{}" },
    ...{ resource: "https://127.0.0.1:7/", authorization_details: '[{"type":"payment"}]', id_token_hint: idToken },
  };
  const advertised = Object.entries(discovery).flatMap(([name, value]) =>
    name.endsWith("_endpoint") && typeof value === "string" ? [new URL(value).pathname.replace(/^.*?\/dex/, "")] : [],
  );
  return [
    get("/auth", authorize),
    get("/auth", wishes),
    get("/auth", { ...wishes, prompt: "none" }),
    get("/auth", { ...wishes, prompt: "login" }),
    ...Object.entries(objects).map(([name, value]) => get("/auth", { ...wishes, [name]: value })),
    post("/auth", authorize),
    ...RESPONSE_TYPES.map((type) => get("/auth", { ...authorize, response_type: type, prompt: "none" })),
    get("/login", page),
    post("/login", { ...page, email: "ada@example.com" }),
    get("/auth/local/login", page),
    post("/auth/local/login", { ...page, login: "ada@example.com", password: "wrong" }),
    ...["/auth/local/callback", "/callback"].map((path) =>
      get(path, { ...page, code, state: "x", error: "x", error_description: "y" }),
    ),
    post("/auth/local/callback", { SAMLResponse: "PHg+", RelayState: flow, state: flow }),
    ...[get("/consent", page), post("/consent", { ...page, decision: "approve" })],
    post("/token", {
      ...credentials,
      grant_type: "authorization_code",
      code,
      redirect_uri: REDIRECT_URI,
      code_verifier: VERIFIER,
    }),
    post("/token", { ...credentials, grant_type: "refresh_token", refresh_token: refreshToken, scope: "openid" }),
    post("/token", { ...credentials, grant_type: "client_credentials", scope: "api" }),
    post("/token", {
      ...{ client_assertion: idToken, grant_type: "client_credentials" },
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }),
    { ...get("/userinfo", { access_token: accessToken }), authorization },
    post("/userinfo", { access_token: accessToken }),
    get("/logout", {
      id_token_hint: idToken,
      post_logout_redirect_uri: SIGNED_OUT_URI,
      state: "s",
      client_id: client.client_id,
    }),
    post("/logout", { id_token_hint: idToken, post_logout_redirect_uri: SIGNED_OUT_URI, state: "s", logout_hint: "x" }),
    post("/registration", metadata, { json: true }),
    { ...get(`/registration/${client.client_id}`, {}), authorization },
    { ...post(`/registration/${client.client_id}`, { ...metadata, ...credentials }, { json: true }), method: "PUT" },
    ...PAGES.flatMap((path) => [
      get(path, everything),
      post(path, { ...everything, email: "a@b.example", password: "x y z" }),
    ]),
    ...API.map((path) => ({ ...get(path, { nextPageToken: "x", maxResults: "10", filter: "x" }), authorization })),
    post("/api/v1/clients", { redirectURIs: REDIRECT_URI, clientName: "x" }, { json: true }),
    ...advertised.flatMap((path) => [
      get(path, everything),
      post(path, { ...everything, token_type_hint: "access_token" }),
    ]),
  ];
}

/** Pages for people, and the like. */
const PAGES: readonly string[] = [
  ...["/register", "/identity", "/link", "/oob", "/resend-verify-email", "/send-reset-password", "/verify-email"],
  ...["/reset-password", "/accept-invitation", "/change-email", "/account", "/account/password", "/account/email"],
  ...["/account/link", "/account/unlink", "/account/profile", "/account/sign-out", "/logout/confirm", "/device"],
  ...["/check-session", "/health", "/keys", "/.well-known/openid-configuration", "/auth/nobody/login", "/nothing"],
];

const API: readonly string[] = [
  "/api/v1/users",
  "/api/v1/clients",
  "/api/v1/users/x",
  "/api/v1/connectors",
  "/api/v1/mail",
];

function basicOf({ client_id: id, client_secret: secret }: Registered): string {
  return `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`;
}

function cookieHeader(cookies: ReadonlyMap<string, string>): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
}

async function json(response: Response): Promise<Readonly<Record<string, unknown>>> {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  const body: unknown = await response.json();
  return typeof body === "object" && body !== null ? { ...body } : {};
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new Error(`expected a text and found ${JSON.stringify(value)}`);
}
