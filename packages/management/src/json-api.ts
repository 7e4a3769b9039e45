// An API of JSON over HTTP. Who may call what stands in the routes; what a call means, in the services behind them.
import type { Clock, Logger } from "@dex/runtime";
import express, {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from "express";
import { ApiError } from "./api-error.ts";
import type { ApiConventions } from "./conventions.ts";
import { readJson } from "./json-body.ts";
import { type ApiReply, type ApiRoute, assertPermissions, type Caller } from "./route.ts";

export interface JsonApiParts<Permission extends string> {
  readonly routes: readonly ApiRoute<Permission>[];
  /** All that a route can declare. */
  readonly permissions: readonly Permission[];
  readonly conventions: Pick<ApiConventions, "trailingSlash" | "untypedBody" | "codes">;
  /** Runs before any routing. */
  readonly before: RequestHandler;
  /** Who calls. Throws ApiError unless they may do what `permission` covers for these parameters of the path. */
  readonly authorize: (
    request: Request,
    call: { readonly permission: Permission; readonly params: Readonly<Record<string, string>>; readonly now: Date },
  ) => Promise<Caller>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The API as a router. It answers its own refusals; anything unexpected goes to the application's error handler. Throws
 * when a route declares no permission.
 */
export function makeJsonApi<Permission extends string>(parts: JsonApiParts<Permission>): Router {
  const { routes, conventions, clock } = parts;
  assertPermissions(routes, parts.permissions);
  const router = express.Router({ caseSensitive: true, strict: conventions.trailingSlash === "refused" });
  router.use(keepPrivate, parts.before);
  for (const path of new Set(routes.map((one) => one.path))) {
    const methods = routes.filter((one) => one.path === path);
    router.all(path, async (request, response) => {
      const route = methods.find(({ method }) => method === (request.method === "HEAD" ? "GET" : request.method));
      if (route === undefined) throw methodNotAllowed(methods);
      response.locals.route = path;
      const now = clock();
      const params = toParameters(request.params);
      const caller = await parts.authorize(request, { permission: route.permission, params, now });
      const query = route.query === undefined ? undefined : readQuery(request);
      const body = route.body === undefined ? undefined : await readJson(request, conventions);
      send(response, await route.handle({ ...caller, now, params, query, body }));
    });
  }
  router.use(nothingHere, answerRefusal(parts));
  return router;
}

/** Answers a refusal: status and headers of the error, and the body of E2. */
export function sendApiError(response: Response, error: ApiError, { codes }: Pick<ApiConventions, "codes">): void {
  for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
  // The body of dex v1 for a refused secret has the one member.
  const description = error.message === "" ? {} : { error_description: error.message };
  response.status(error.status).json({ error: codes[error.code] ?? error.code, ...description });
}

function toParameters(params: Request["params"]): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
}

/** Each member once: of two values nobody knows which one was meant. */
function readQuery(request: Request): Readonly<Record<string, string>> {
  const query = new URLSearchParams(request.originalUrl.split("?").slice(1).join("?"));
  const members = [...query];
  if (new Set(query.keys()).size < members.length) {
    throw new ApiError("invalid_request", "the query holds a parameter twice");
  }
  return Object.fromEntries(members);
}

function send(response: Response, reply: ApiReply): void {
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  response.status(reply.status);
  if (reply.body === undefined) response.end();
  else response.json(reply.body);
}

// Answers hold client secrets and configurations.
const keepPrivate: RequestHandler = (_request, response, next) => {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("X-Content-Type-Options", "nosniff");
  next();
};

const nothingHere: RequestHandler = () => {
  throw new ApiError("resource_not_found", "there is nothing at this address");
};

function methodNotAllowed(methods: readonly { readonly method: string }[]): ApiError {
  const allowed = methods.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  return new ApiError("method_not_allowed", "this method is not offered here", { Allow: allowed.join(", ") });
}

function answerRefusal(parts: Pick<JsonApiParts<string>, "conventions" | "logger">): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    // The router could not decode a segment of the path.
    const refusal =
      error instanceof URIError ? new ApiError("invalid_request", "the address is not well-formed") : error;
    if (!(refusal instanceof ApiError) || response.headersSent) {
      next(error);
      return;
    }
    const { code, status } = refusal;
    const requestId: unknown = response.locals.requestId;
    parts.logger.debug("management request refused", { requestId, method: request.method, status, code });
    sendApiError(response, refusal, parts.conventions);
  };
}
