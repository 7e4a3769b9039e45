import { SignerNotReady } from "@dex/keys";
import {
  DPOP_SIGNING_ALGORITHMS,
  OAuthError,
  renderBasicChallenge,
  renderBearerChallenge,
  renderErrorDescription,
  renderResourceChallenges,
  schemeOf,
  statusAtResource,
} from "@dex/oidc";
import { describeError, type Logger } from "@dex/runtime";
import { StorageUnavailable } from "@dex/storage";
import { HasherBusy } from "@dex/users";
import type { ErrorRequestHandler, Request, RequestHandler, Response } from "express";
import type { Pages } from "../pages.ts";
import { InvalidInput } from "./invalid-input.ts";
import { requestIdOf } from "./request-id.ts";

/** What goes back to the caller when a request failed, and whether an operator should look. */
interface Failure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly level: "debug" | "warn" | "error";
}

export type ReplyForm = "page" | "token" | "bearer" | ResourceReplyForm;
/** Of a protected resource: where it describes itself (RFC 9728). */
export interface ResourceReplyForm {
  readonly resourceMetadata: string;
}

/**
 * Declares how failures of the routes behind it are told: as a page, as RFC 6749 §5.2 JSON, as RFC 6750 §3, or with RFC 9449
 * §7.1 beside that.
 */
export function replyWith(form: ReplyForm): RequestHandler {
  return (_request, response, next) => {
    response.locals.replyForm = form;
    next();
  };
}

/** The one place where a failed request is logged and answered. */
export function errorReply(parts: { pages: Pages; logger: Logger }): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    if (request.destroyed && !request.complete) return; // the caller went away in the middle of its body
    const failure = toFailure(error, isOfResource(response.locals.replyForm as ReplyForm | undefined));
    const fields = {
      requestId: requestIdOf(response),
      method: request.method,
      status: failure.status,
      code: failure.code,
    };
    const detail = error instanceof OAuthError && error.detail !== undefined ? { detail: error.detail } : {};
    parts.logger[failure.level]("request failed", {
      ...fields,
      ...detail,
      ...(failure.level === "debug" ? {} : describeError(error)),
    });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    for (const [name, value] of Object.entries(failure.headers)) response.setHeader(name, value);
    reply(request, response, { failure, error, pages: parts.pages });
  };
}

/** Where nothing else answered. */
export const notFound: RequestHandler = (_request, response, next) => {
  response.locals.replyForm ??= "page";
  next(new InvalidInput(404, "there is nothing at this address"));
};

function reply(
  request: Request,
  response: Response,
  { failure, error, pages }: { failure: Failure; error: unknown; pages: Pages },
): void {
  const form = response.locals.replyForm as ReplyForm | undefined;
  if (form !== undefined && form !== "page") {
    const challenges = error instanceof OAuthError ? challengesOf(form, error, request) : [];
    if (challenges.length > 0) response.setHeader("WWW-Authenticate", challenges);
    response.status(failure.status).json({ error: failure.code, error_description: failure.message });
    return;
  }
  const backHref = error instanceof InvalidInput ? error.backHref : undefined;
  pages.error(response, failure.status, { title: titleOf(failure.status), ...explain(failure, error), backHref });
}

function challengesOf(form: ReplyForm, error: OAuthError, { headers }: Request): readonly string[] {
  if (isOfResource(form)) return challengesAtResource(error, headers.authorization, form.resourceMetadata);
  return [form === "bearer" ? renderBearerChallenge(error) : undefined].filter((text) => text !== undefined);
}

/** The WWW-Authenticate values of a resource for a request with this Authorization header. */
export function challengesAtResource(
  error: OAuthError,
  authorization: string | undefined,
  metadataUrl: string,
): readonly string[] {
  const scheme = schemeOf(authorization);
  return renderResourceChallenges(error, { scheme, algorithms: DPOP_SIGNING_ALGORITHMS, metadataUrl });
}

function isOfResource(form: ReplyForm | undefined): form is ResourceReplyForm {
  return typeof form === "object";
}

function toFailure(error: unknown, atResource: boolean): Failure {
  if (error instanceof OAuthError) {
    const headers: Record<string, string> = {};
    if (error.code === "invalid_client") headers["WWW-Authenticate"] = renderBasicChallenge();
    if (error.dpopNonce !== undefined) headers["DPoP-Nonce"] = error.dpopNonce;
    if (error.retryAfterSeconds !== undefined) headers["Retry-After"] = String(error.retryAfterSeconds);
    return {
      status: atResource ? statusAtResource(error) : error.status,
      code: error.code,
      message: renderErrorDescription(error),
      headers,
      level: error.noteworthy ? "warn" : "debug",
    };
  }
  if (error instanceof InvalidInput) {
    const { status, message, headers } = error;
    return { status, code: "invalid_request", message, headers, level: "debug" };
  }
  if (error instanceof HasherBusy) return unavailable(error.retryAfterSeconds, "debug");
  if (error instanceof StorageUnavailable || error instanceof SignerNotReady) return unavailable(1, "warn");
  if (error instanceof URIError) {
    return {
      status: 400,
      code: "invalid_request",
      message: "the address is not well-formed",
      headers: {},
      level: "debug",
    };
  }
  const message = "something went wrong on our side";
  return { status: 500, code: "server_error", message, headers: {}, level: "error" };
}

function unavailable(retryAfterSeconds: number, level: Failure["level"]): Failure {
  return {
    status: 503,
    code: "temporarily_unavailable",
    message: "this service cannot answer just now; please try again in a moment",
    headers: { "Retry-After": String(retryAfterSeconds) },
    level,
  };
}

// On a page the reader is a person, who did not write the request that was refused.
function explain({ message }: Failure, error: unknown): { readonly message: string; readonly forHelpers?: string } {
  if (!(error instanceof OAuthError)) return { message };
  // Who took their time, or came back, was led to nothing that is not possible.
  const what =
    error.code === "invalid_request_uri"
      ? "what the application that sent you here asked for has expired, or was answered already"
      : "the application that sent you here asked for something that is not possible";
  return { message: `${what}; please go back to it and begin again`, forHelpers: message };
}

function titleOf(status: number): string {
  if (status === 404) return "Page not found";
  if (status === 403) return "This was not accepted";
  if (status === 410) return "This is no longer open";
  if (status === 429) return "Please wait a little";
  if (status === 503) return "Please try again in a moment";
  return status >= 500 ? "Something went wrong" : "This request cannot be completed";
}
