// The admin API over HTTP. Who may call what stands in the routes; what a call means, beside this file.
import { ADMIN_API, ApiError, type ApiRoute, makeJsonApi, sendApiError } from "@dex/management";
import type { Clock, Logger, Random } from "@dex/runtime";
import { describeError } from "@dex/runtime";
import { HasherBusy } from "@dex/users";
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from "express";
import { type AccessCheck, PERMISSIONS, type Permission } from "./access.ts";

const REQUEST_ID_BYTES = 9;

export interface AdminAppParts {
  readonly routes: readonly ApiRoute<Permission>[];
  readonly checkAccess: AccessCheck;
  /** Whether an error says that the database is away: 503 rather than 500. */
  readonly isStorageUnavailable: (error: unknown) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Throws when a route declares no permission. */
export function makeAdminApp(parts: AdminAppParts): Express {
  const { routes, clock, logger } = parts;
  const app = express();
  app.disable("etag");
  app.disable("x-powered-by");
  app.set("query parser", false);
  app.use(nameAndLog(parts));
  app.use(
    makeJsonApi({
      routes,
      permissions: PERMISSIONS,
      conventions: ADMIN_API,
      before: demandSecret(parts),
      authorize: async (request) => ({
        actor: { kind: "admin api", id: undefined, address: sourceOf(request) },
        clients: [],
      }),
      clock,
      logger,
    }),
  );
  app.use(replyToErrors(parts));
  return app;
}

// Before any routing, so that nobody without the secret learns which paths there are or how they are parsed.
function demandSecret({ routes, checkAccess, clock }: AdminAppParts): RequestHandler {
  const openPaths = new Set(routes.map(({ path }) => path).filter((path) => isOpen(path, routes)));
  return (request, _response, next) => {
    // As the router compares them: a slash at the end makes no other path.
    const path = request.path.replace(/(?<=.)\/$/, "");
    if (!openPaths.has(path)) checkAccess(request.headersDistinct.authorization, sourceOf(request), clock());
    next();
  };
}

/** A path that offers anything behind the secret is behind the secret. */
function isOpen(path: string, routes: readonly ApiRoute<Permission>[]): boolean {
  return routes.every((route) => route.path !== path || route.permission === "anybody");
}

// No proxy is trusted here: the peer is who opened the connection.
function sourceOf(request: Request): string {
  return request.socket.remoteAddress ?? "";
}

/** Request id of every answer; one line when it is done. The path is the route's: an id in it is not logged. */
function nameAndLog({ random, logger }: AdminAppParts): RequestHandler {
  return (request, response, next) => {
    const requestId = random(REQUEST_ID_BYTES).toString("base64url");
    response.locals.requestId = requestId;
    response.setHeader("X-Request-Id", requestId);
    response.once("finish", () => {
      const route: unknown = response.locals.route;
      const level = route === "/health" ? "debug" : "info";
      logger[level]("admin request", { requestId, method: request.method, route, status: response.statusCode });
    });
    next();
  };
}

/** Answers what was not foreseen. */
function replyToErrors({ logger, isStorageUnavailable }: AdminAppParts): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    if (request.destroyed && !request.complete) return; // the caller went away in the middle of its body
    const failure = toApiError(error, isStorageUnavailable);
    const requestId: unknown = response.locals.requestId;
    const level = failure.status === 503 ? "warn" : "error";
    logger[level]("admin request failed", { requestId, method: request.method, ...describeError(error) });
    if (response.headersSent) response.destroy();
    else sendApiError(response, failure, ADMIN_API);
  };
}

function toApiError(error: unknown, isStorageUnavailable: (error: unknown) => boolean): ApiError {
  if (error instanceof HasherBusy) return unavailable(error.retryAfterSeconds);
  if (isStorageUnavailable(error)) return unavailable(1);
  return new ApiError("server_error", "something went wrong on our side");
}

function unavailable(retryAfterSeconds: number): ApiError {
  return new ApiError("temporarily_unavailable", "this service cannot answer just now", {
    "Retry-After": String(retryAfterSeconds),
  });
}
