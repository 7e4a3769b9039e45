// The admin API over HTTP. Who may call what stands in the routes; what a call means, beside this file.
import type { Clock, Logger, Random } from "@dex/runtime";
import { describeError } from "@dex/runtime";
import { HasherBusy } from "@dex/users";
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from "express";
import type { AccessCheck } from "./access.ts";
import { ApiError } from "./api-error.ts";
import { readJson } from "./json-body.ts";
import { type ApiCall, type ApiReply, type ApiRoute, assertPermissions } from "./route.ts";

const REQUEST_ID_BYTES = 9;

export interface AdminAppParts {
  readonly routes: readonly ApiRoute[];
  readonly checkAccess: AccessCheck;
  /** Whether an error says that the database is away: 503 rather than 500. */
  readonly isStorageUnavailable: (error: unknown) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Throws when a route declares no permission. */
export function makeAdminApp(parts: AdminAppParts): Express {
  const { routes, checkAccess, clock } = parts;
  assertPermissions(routes);
  const app = express();
  app.disable("etag");
  app.disable("x-powered-by");
  app.set("query parser", false);
  app.set("case sensitive routing", true);
  app.use(nameAndLog(parts));
  // Before any routing, so that nobody without the secret learns which paths there are or how they are parsed.
  const openPaths = new Set(routes.map(({ path }) => path).filter((path) => isOpen(path, routes)));
  app.use((request, _response, next) => {
    if (!openPaths.has(request.path)) checkAccess(request.headersDistinct.authorization, sourceOf(request), clock());
    next();
  });
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path);
    app.all(path, async (request, response) => {
      const now = clock();
      const route = methods.find(({ method }) => method === (request.method === "HEAD" ? "GET" : request.method));
      if (route === undefined) throw methodNotAllowed(methods);
      response.locals.route = path;
      send(response, await route.handle(await readCall(request, route, now)));
    });
  }
  app.use(() => {
    throw new ApiError("resource_not_found", "there is nothing at this address");
  });
  app.use(replyToErrors(parts));
  return app;
}

/** A path that offers anything behind the secret is behind the secret. */
function isOpen(path: string, routes: readonly ApiRoute[]): boolean {
  return routes.every((route) => route.path !== path || route.permission === "anybody");
}

// No proxy is trusted here: the peer is who opened the connection.
function sourceOf(request: Request): string {
  return request.socket.remoteAddress ?? "";
}

async function readCall(request: Request, route: ApiRoute, now: Date): Promise<ApiCall> {
  const takesBody = route.method === "POST" || route.method === "PUT";
  const id = request.params.id;
  return {
    now,
    actor: { kind: "admin api", id: undefined, address: sourceOf(request) },
    id: typeof id === "string" ? id : "",
    body: takesBody ? await readJson(request) : undefined,
  };
}

function send(response: Response, reply: ApiReply): void {
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  response.status(reply.status);
  if (reply.body === undefined) response.end();
  else response.json(reply.body);
}

function methodNotAllowed(methods: readonly ApiRoute[]): ApiError {
  const allowed = methods.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  return new ApiError("method_not_allowed", "this method is not offered here", { Allow: allowed.join(", ") });
}

/** Request id and headers of every answer; one line when it is done. The path is the route's: an id in it is not logged. */
function nameAndLog({ random, logger }: AdminAppParts): RequestHandler {
  return (request, response, next) => {
    const requestId = random(REQUEST_ID_BYTES).toString("base64url");
    response.locals.requestId = requestId;
    response.setHeader("X-Request-Id", requestId);
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.once("finish", () => {
      const route: unknown = response.locals.route;
      const level = route === "/health" ? "debug" : "info";
      logger[level]("admin request", { requestId, method: request.method, route, status: response.statusCode });
    });
    next();
  };
}

function replyToErrors({ logger, isStorageUnavailable }: AdminAppParts): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    if (request.destroyed && !request.complete) return; // the caller went away in the middle of its body
    const refusal = toApiError(error, isStorageUnavailable);
    if (refusal.status >= 500) {
      const requestId: unknown = response.locals.requestId;
      const level = refusal.status === 503 ? "warn" : "error";
      logger[level]("admin request failed", { requestId, method: request.method, ...describeError(error) });
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    for (const [name, value] of Object.entries(refusal.headers)) response.setHeader(name, value);
    // The body of dex v1 for a refused secret has the one member.
    const description = refusal.message === "" ? {} : { error_description: refusal.message };
    response.status(refusal.status).json({ error: refusal.code, ...description });
  };
}

function toApiError(error: unknown, isStorageUnavailable: (error: unknown) => boolean): ApiError {
  if (error instanceof ApiError) return error;
  // The router could not decode a segment of the path.
  if (error instanceof URIError) return new ApiError("invalid_request", "the address is not well-formed");
  if (error instanceof HasherBusy) return unavailable(error.retryAfterSeconds);
  if (isStorageUnavailable(error)) return unavailable(1);
  return new ApiError("server_error", "something went wrong on our side");
}

function unavailable(retryAfterSeconds: number): ApiError {
  return new ApiError("temporarily_unavailable", "this service cannot answer just now", {
    "Retry-After": String(retryAfterSeconds),
  });
}
