// The management API of a worker, `<issuer>/api/v1`: clients and connectors, for admin clients. HTTP only; what a request
// means is decided in clients.ts and connectors.ts beside this file.
import type { OwnTokenVerifier } from "@dex/oidc";
import type { Clock, Logger, Random } from "@dex/runtime";
import express, {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from "express";
import { InvalidInput } from "../middleware/invalid-input.ts";
import { makeAccessCheck } from "./access.ts";
import { ApiError, renderApiError } from "./api-error.ts";
import type { ApiCall, ApiReply, ApiRoute } from "./api-route.ts";
import { type ManagedClients, makeClientRoutes } from "./clients.ts";
import { type ManagedConnectors, makeConnectorRoutes } from "./connectors.ts";
import { readJson } from "./json-body.ts";

export interface ManagementApiParts {
  readonly clients: ManagedClients;
  readonly connectors: ManagedConnectors;
  readonly verifier: OwnTokenVerifier;
  /** The issuer exactly as in the `iss` of our tokens. */
  readonly issuer: string;
  /** --api-use-client-credentials. Without it every request is refused. */
  readonly enabled: boolean;
  readonly hashChosenSecret: (secret: string) => Promise<string>;
  readonly random: Random;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Every route of the API. */
export function makeApiRoutes(parts: ManagementApiParts): readonly ApiRoute[] {
  return [...makeClientRoutes(parts), ...makeConnectorRoutes(parts)];
}

/**
 * The API as a router, to be mounted at `<issuer path>/api/v1`. It answers its own refusals; anything unexpected goes to
 * the application's error handler.
 */
export function makeManagementApi(parts: ManagementApiParts): Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  const checkAccess = makeAccessCheck(parts);
  router.use(replyAsJson);
  const routes = makeApiRoutes(parts);
  for (const path of new Set(routes.map((one) => one.path))) {
    const methods = routes.filter((one) => one.path === path);
    router.all(path, async (request, response) => {
      const route = methods.find(({ method }) => method === (request.method === "HEAD" ? "GET" : request.method));
      if (route === undefined) throw methodNotOffered(methods);
      const now = parts.clock();
      const clientId = await checkAccess(request.headersDistinct.authorization, route.permission, now);
      const call = await readCall(request, route, clientId, now);
      send(response, await route.handle(call));
    });
  }
  router.use(nothingHere, answerRefusal(parts.logger));
  return router;
}

async function readCall(request: Request, route: ApiRoute, clientId: string, now: Date): Promise<ApiCall> {
  const takesBody = route.method === "POST" || route.method === "PUT";
  return {
    now,
    actor: { kind: "client", id: clientId, address: request.ip },
    id: String(request.params.id ?? ""),
    body: takesBody ? await readJson(request) : undefined,
  };
}

function send(response: Response, reply: ApiReply): void {
  response.status(reply.status);
  if (reply.body === undefined) response.end();
  else response.json(reply.body);
}

// Answers hold client secrets and configurations. The form also tells the application's error handler to answer in JSON.
const replyAsJson: RequestHandler = (_request, response, next) => {
  response.locals.replyForm = "bearer";
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("X-Content-Type-Options", "nosniff");
  next();
};

const nothingHere: RequestHandler = () => {
  throw new ApiError("resource_not_found", "there is nothing at this address");
};

function methodNotOffered(methods: readonly ApiRoute[]): InvalidInput {
  const allowed = methods.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  return new InvalidInput(405, "this method is not offered here", { Allow: allowed.join(", ") });
}

function answerRefusal(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const refusal = toRefusal(error);
    if (refusal === undefined || response.headersSent) {
      next(error);
      return;
    }
    logger.debug("management request refused", { method: request.method, status: refusal.status, code: refusal.code });
    // RFC 6750 §3: every 401 carries the challenge.
    if (refusal.status === 401) response.setHeader("WWW-Authenticate", "Bearer");
    for (const [name, value] of Object.entries(refusal.headers)) response.setHeader(name, value);
    response.status(refusal.status).json(renderApiError(refusal.code, refusal.message));
  };
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

function toRefusal(error: unknown): Refusal | undefined {
  if (error instanceof ApiError) {
    return { status: error.status, code: error.code, message: error.message, headers: {} };
  }
  if (error instanceof InvalidInput) {
    return { status: error.status, code: "invalid_request", message: error.message, headers: error.headers };
  }
  // The router could not decode a segment of the path.
  if (error instanceof URIError) {
    return { status: 400, code: "invalid_request", message: "the address is not well-formed", headers: {} };
  }
  return undefined;
}
