// The routes of dex-worker, hot ones first. Everything lies below the issuer's path.
import { type ClientEndpoint, type OwnResources, resourceMetadataUrl, type UserinfoEndpoint } from "@dex/oidc";
import type { Clock, Logger, Random } from "@dex/runtime";
import type { StaticFile } from "@dex/web";
import express, { type Express, type RequestHandler, type Response, type Router } from "express";
import type { AuthorizationEndpoint } from "./endpoints/authorization.ts";
import { makeClientEndpointHandlers } from "./endpoints/client-endpoint.ts";
import { allowAnyOrigin, allowClientOrigin, answerPreflight } from "./endpoints/cross-origin.ts";
import { type Health, makeHealthEndpoints } from "./endpoints/health.ts";
import { type Published, sendPublished } from "./endpoints/published.ts";
import { type ClientRegistration, makeManagementHandlers, makeRegistrationHandler } from "./endpoints/registration.ts";
import type { ConnectorChooser } from "./login/choose-connector.ts";
import type { ConnectorLogin } from "./login/connector-login.ts";
import type { Consent } from "./login/consent.ts";
import type { ReadClientCertificate } from "./middleware/client-certificate.ts";
import { errorReply, notFound, type ReplyForm, replyWith } from "./middleware/error-reply.ts";
import { readForm, readQuery } from "./middleware/form-body.ts";
import { setCommonHeaders, setTokenHeaders } from "./middleware/headers.ts";
import { InvalidInput } from "./middleware/invalid-input.ts";
import { requestId } from "./middleware/request-id.ts";
import { soleHeader } from "./middleware/sole-header.ts";
import type { Pages } from "./pages.ts";
import type { PageRoute, Visit } from "./visit.ts";

const STATIC_MAX_AGE_SECONDS = 31_536_000;
/** Where clients look for the provider's metadata: OIDC Discovery §4.1 and RFC 8414 §3. */
const METADATA_PATHS = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] as const;

export interface AppParts {
  /** Path of the issuer without a trailing slash; empty for the root. */
  readonly basePath: string;
  readonly overTls: boolean;
  readonly trustedProxies: readonly string[];
  readonly authorization: AuthorizationEndpoint;
  /** What clients call with their authentication: the token endpoint and its kin. */
  readonly clientEndpoints: readonly ClientEndpoint[];
  readonly userinfo: UserinfoEndpoint;
  /** Undefined where clients cannot register themselves: then there is nothing at its address. */
  readonly registration: ClientRegistration | undefined;
  readonly discovery: () => Published;
  readonly ownResources: OwnResources;
  /** What each of them says of itself, by path. */
  readonly resourceMetadata: ReadonlyMap<string, () => Published>;
  readonly jwks: () => Published;
  readonly health: Health;
  readonly chooser: ConnectorChooser;
  readonly connectorLogin: ConnectorLogin;
  readonly consent: Consent;
  /** Registration, links from mails, "your account" and the like. */
  readonly pageRoutes: readonly PageRoute[];
  readonly managementApi: Router;
  readonly isClientOrigin: (origin: string) => Promise<boolean>;
  readonly readClientCertificate: ReadClientCertificate;
  readonly staticFiles: readonly StaticFile[];
  readonly pages: Pages;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export function makeApp(parts: AppParts): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("query parser", false);
  app.enable("case sensitive routing");
  app.enable("strict routing");
  // Only listed proxies are believed, and of their header the rightmost address that is not one of them (NET-2).
  app.set("trust proxy", [...parts.trustedProxies]);
  app.use(requestId(parts.random), (_request, response, next) => {
    setCommonHeaders(response, parts.overTls);
    next();
  });
  // RFC 8414 §3.1 puts the well-known part between host and path; §5 says that OpenID Connect's suffix may be put there too.
  app.use(makeMetadataRouter(parts));
  app.use(parts.basePath === "" ? "/" : parts.basePath, makeRouter(parts));
  app.use(notFound, errorReply(parts));
  return app;
}

function makeRouter(parts: AppParts): Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  addProtocolRoutes(router, parts);
  addLoginRoutes(router, parts);
  addPageRoutes(router, parts);
  addOtherRoutes(router, parts);
  return router;
}

function addProtocolRoutes(router: Router, parts: AppParts): void {
  const { userinfo, authorization, isClientOrigin, readClientCertificate, clock } = parts;
  for (const endpoint of parts.clientEndpoints) {
    route(router, endpoint.path, "token", makeClientEndpointHandlers(endpoint, parts));
  }

  route(router, "/keys", "token", { GET: (request, response) => sendPublished(request, response, parts.jwks()) });
  for (const document of METADATA_PATHS) addMetadataRoute(router, document, parts.discovery);

  const answerUserinfo: RequestHandler = async (request, response) => {
    setTokenHeaders(response);
    await allowClientOrigin(request, response, isClientOrigin);
    const answer = await userinfo.handle(
      {
        authorization: soleHeader(request.headersDistinct.authorization),
        query: readQuery(request),
        body: request.method === "POST" && hasBody(request.headers) ? await readForm(request) : undefined,
        dpop: request.headersDistinct.dpop,
        method: request.method,
        clientCertificate: readClientCertificate(request),
      },
      clock(),
    );
    if (answer.dpopNonce !== undefined) response.setHeader("DPoP-Nonce", answer.dpopNonce);
    if (answer.kind === "json") response.json(answer.claims);
    else response.setHeader("Content-Type", "application/jwt").end(answer.jwt);
  };
  route(
    router,
    "/userinfo",
    { resourceMetadata: resourceMetadataUrl(parts.ownResources.userinfo.identifier) },
    {
      GET: answerUserinfo,
      POST: answerUserinfo,
      OPTIONS: async (request, response) => {
        await allowClientOrigin(request, response, isClientOrigin);
        answerPreflight(request, response, "GET, POST");
      },
    },
  );

  if (parts.registration !== undefined) {
    const { endpoint, management } = parts.registration;
    route(router, "/registration", "bearer", { POST: makeRegistrationHandler(endpoint, clock) });
    route(router, "/registration/:clientId", "bearer", makeManagementHandlers(management, clock));
  }

  route(router, "/auth", "page", {
    GET: visit(parts, (one) => authorization.get(one)),
    POST: visit(parts, (one) => authorization.post(one)),
  });
}

function makeMetadataRouter({ basePath, discovery, resourceMetadata }: AppParts): Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  for (const document of METADATA_PATHS) {
    if (basePath !== "") addMetadataRoute(router, `${document}${basePath}`, discovery);
  }
  for (const [path, document] of resourceMetadata) addMetadataRoute(router, path, document);
  return router;
}

function addMetadataRoute(router: Router, path: string, discovery: () => Published): void {
  route(router, path, "token", { GET: (request, response) => sendPublished(request, response, discovery()) });
}

function addLoginRoutes(router: Router, parts: AppParts): void {
  const { connectorLogin, consent, chooser } = parts;
  const ofConnector = (act: (one: Visit, connectorId: string) => Promise<void>): RequestHandler =>
    visit(parts, (one) => act(one, String(one.request.params.connectorId)));
  route(router, "/login", "page", {
    GET: visit(parts, (one) => chooser.choose(one)),
    POST: visit(parts, (one) => chooser.find(one)),
  });
  route(router, "/auth/:connectorId/login", "page", {
    GET: ofConnector((one, id) => connectorLogin.begin(one, id)),
    POST: ofConnector((one, id) => connectorLogin.submit(one, id)),
  });
  route(router, "/auth/:connectorId/callback", "page", {
    GET: ofConnector((one, id) => connectorLogin.callback(one, id)),
    POST: ofConnector((one, id) => connectorLogin.callback(one, id)),
  });
  // What dex v2 had registered at upstreams. The flow says which connector it is about.
  route(router, "/callback", "page", {
    GET: visit(parts, (one) => connectorLogin.callback(one)),
    POST: visit(parts, (one) => connectorLogin.callback(one)),
  });
  route(router, "/auth/:connectorId/metadata", "page", {
    GET: ofConnector(async (one, id) => connectorLogin.metadata(one, id)),
  });
  route(router, "/consent", "page", {
    GET: visit(parts, (one) => consent.ask(one)),
    POST: visit(parts, (one) => consent.answer(one)),
  });
}

function addPageRoutes(router: Router, parts: AppParts): void {
  for (const { path, reply, GET, POST } of parts.pageRoutes) {
    route(router, path, reply ?? "page", {
      ...(GET === undefined ? {} : { GET: visit(parts, GET) }),
      ...(POST === undefined ? {} : { POST: visit(parts, POST) }),
    });
  }
}

function addOtherRoutes(router: Router, parts: AppParts): void {
  const { health, live } = makeHealthEndpoints(parts.health);
  route(router, "/health", "token", { GET: health });
  route(router, "/health/live", "token", { GET: live });
  for (const file of parts.staticFiles) {
    route(router, file.path, "page", { GET: (_request, response) => sendStatic(response, file) });
  }
  router.use("/api/v1", parts.managementApi);
}

type Method = "GET" | "POST" | "PUT" | "DELETE" | "OPTIONS";

/** One address with all its methods: any other method is refused with the list of those that there are. */
function route(router: Router, path: string, form: ReplyForm, methods: Partial<Record<Method, RequestHandler>>): void {
  const allowed = Object.keys(methods).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  router.all(path, replyWith(form), (request, response, next) => {
    const handler = methods[(request.method === "HEAD" ? "GET" : request.method) as Method];
    if (handler === undefined) {
      throw new InvalidInput(405, "this method is not offered here", { Allow: allowed.join(", ") });
    }
    return handler(request, response, next);
  });
}

function visit(parts: AppParts, act: (visit: Visit) => Promise<void>): RequestHandler {
  return (request, response) => act({ request, response, now: parts.clock() });
}

function sendStatic(response: Response, file: StaticFile): void {
  allowAnyOrigin(response);
  response.setHeader("Cache-Control", `public, max-age=${STATIC_MAX_AGE_SECONDS}, immutable`);
  response.setHeader("Content-Type", file.contentType);
  response.status(200).end(file.body);
}

function hasBody(headers: NodeJS.Dict<string | string[]>): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}
