// A certified OpenID provider for tests: oidc-provider on a port of this machine, as strict as it can be made. PKCE is
// demanded, refresh tokens rotate and their reuse ends the grant, and nobody gets offline_access without prompt=consent.
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";
import type { FakeUser } from "./fake-openid-provider.ts";
import { makeProviderMemory } from "./oidc-provider-memory.ts";

export interface OidcProviderClient {
  readonly clientId: string;
  /** Without one it is a public client. */
  readonly clientSecret?: string;
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  readonly clientAuthentication?: "client_secret_basic" | "client_secret_post";
}

export interface OidcProviderOptions {
  readonly clients: readonly OidcProviderClient[];
  /** Claims by scope: email, profile, groups. */
  readonly users: readonly FakeUser[];
  /** RS256 when absent. */
  readonly signingAlgorithm?: "RS256" | "ES256";
  /** Whether ID tokens carry all claims of the scope, or leave them to userinfo as OIDC Core §5.4 has it. */
  readonly idTokenClaims?: "all" | "protocol only";
}

export interface RunningOidcProvider {
  readonly issuer: string;
  /** The first one signs in, at once and without a form, unless `login_hint` is the `sub` of another. */
  readonly users: FakeUser[];
  /** What the provider refused at its endpoints, in its own words. */
  readonly refusals: string[];
  /** A browser of its own at an authorization or end-session request: where it leaves the provider to, with what. */
  visit(to: string): Promise<URL>;
  close(): Promise<void>;
}

const MAX_REDIRECTS = 10;

/** Starts one on a free port of 127.0.0.1. */
export async function startOidcProvider(options: OidcProviderOptions): Promise<RunningOidcProvider> {
  const users = [...options.users];
  const refusals: string[] = [];
  let answer: ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | undefined;
  const server = createServer((request, response) => {
    answer?.(request, response).catch((error: unknown) => {
      refusals.push(String(error));
      if (!response.headersSent) response.writeHead(500).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the provider has no port");
  const issuer = `http://127.0.0.1:${address.port}`;

  const provider = new Provider(issuer, await configurationOf(options, users));
  for (const event of ["authorization.error", "grant.error", "userinfo.error", "end_session.error", "server_error"]) {
    provider.on(event, (_context, error) => refusals.push(`${event}: ${describe(error)}`));
  }
  const endpoints = provider.callback();
  answer = async (request, response) => {
    if (request.url?.startsWith("/interaction/")) return interact(provider, users, request, response);
    return endpoints(request, response);
  };

  return {
    issuer,
    users,
    refusals,
    visit: (to) => visit(to, issuer),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function configurationOf(options: OidcProviderOptions, users: readonly FakeUser[]) {
  const { signingAlgorithm = "RS256" } = options;
  const { privateKey } = await generateKeyPair(signingAlgorithm, { extractable: true });
  const hour = 3600;
  return {
    adapter: makeProviderMemory(),
    clients: options.clients.map((client) => toClientMetadata(client, signingAlgorithm)),
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: signingAlgorithm, use: "sig", kid: "real-1" }] },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    scopes: ["openid", "offline_access"],
    claims: {
      openid: ["sub", "acr", "amr"],
      email: ["email", "email_verified"],
      profile: ["name", "preferred_username"],
      groups: ["groups"],
    },
    acrValues: ["urn:test:mfa"],
    conformIdTokenClaims: options.idTokenClaims === "protocol only",
    pkce: { required: () => true },
    rotateRefreshToken: true,
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      rpInitiatedLogout: { enabled: true, logoutSource: confirmAtOnce },
    },
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    ttl: {
      AccessToken: hour,
      AuthorizationCode: 60,
      Grant: hour,
      IdToken: 300,
      Interaction: 300,
      RefreshToken: hour,
      Session: hour,
    },
    async findAccount(_context: unknown, sub: string) {
      const user = users.find((candidate) => candidate.sub === sub);
      return user && { accountId: sub, claims: async () => ({ ...user.claims, sub }) };
    },
    async renderError(context: { body: string; type: string }, out: Readonly<Record<string, unknown>>) {
      context.type = "json";
      context.body = JSON.stringify(out);
    },
  };
}

function toClientMetadata(client: OidcProviderClient, algorithm: string) {
  const { clientSecret, clientAuthentication = "client_secret_basic" } = client;
  return {
    client_id: client.clientId,
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
    token_endpoint_auth_method: clientSecret === undefined ? "none" : clientAuthentication,
    redirect_uris: client.redirectUris,
    post_logout_redirect_uris: client.postLogoutRedirectUris ?? [],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    id_token_signed_response_alg: algorithm,
    require_auth_time: true,
    scope: "openid offline_access email profile groups",
  };
}

/** What stands between a request and its answer, login and consent, without forms. */
async function interact(
  provider: Provider,
  users: readonly FakeUser[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  const hinted = users.find(({ sub }) => sub === params.login_hint) ?? users[0];
  if (hinted === undefined) {
    return provider.interactionFinished(request, response, { error: "access_denied" });
  }
  if (prompt.name === "login") {
    const login = { accountId: hinted.sub, amr: ["pwd"], acr: "urn:test:mfa" };
    return provider.interactionFinished(request, response, { login });
  }
  const grant = new provider.Grant({ accountId: session?.accountId ?? hinted.sub, clientId: String(params.client_id) });
  grant.addOIDCScope(String(params.scope ?? "openid"));
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

/** The page that asks whether to sign out, as a redirect that says yes: `visit` posts it. */
async function confirmAtOnce(context: { body: string; type: string }, form: string): Promise<void> {
  context.type = "html";
  context.body = form;
}

/** Follows redirects within the provider with a cookie jar, and says yes to signing out. */
async function visit(to: string, issuer: string): Promise<URL> {
  const cookies = new Map<string, string>();
  let url = new URL(to);
  let body: URLSearchParams | undefined;
  for (let count = 0; count < MAX_REDIRECTS; count += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, {
      redirect: "manual",
      headers: { cookie },
      ...(body === undefined ? {} : { method: "POST", body }),
    });
    for (const header of response.headers.getSetCookie()) {
      const [pair = ""] = header.split(";");
      cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    body = undefined;
    const location = response.headers.get("location");
    const text = await response.text();
    const question = /<form[^>]* action="([^"]+)"[\s\S]*name="xsrf" value="([^"]+)"/.exec(text);
    if (location !== null) url = new URL(location, url);
    else if (question !== null) {
      url = new URL(question[1] ?? "", url);
      body = new URLSearchParams({ xsrf: question[2] ?? "", logout: "yes" });
    } else throw new Error(`the provider answered ${response.status}: ${text.slice(0, 300)}`);
    if (url.origin !== issuer) return url;
  }
  throw new Error("the provider redirects without end");
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const description: unknown = Reflect.get(error, "error_description");
  return typeof description === "string" ? `${error.message}: ${description}` : error.message;
}
