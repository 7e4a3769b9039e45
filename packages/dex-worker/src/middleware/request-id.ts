import type { Random } from "@dex/runtime";
import type { RequestHandler, Response } from "express";

const REQUEST_ID_BYTES = 9;

/** Names each request, so that a person can quote the name of what failed and an operator finds it in the log. */
export function requestId(random: Random): RequestHandler {
  return (_request, response, next) => {
    const id = random(REQUEST_ID_BYTES).toString("base64url");
    response.locals.requestId = id;
    response.setHeader("X-Request-Id", id);
    next();
  };
}

export function requestIdOf(response: Response): string {
  return String(response.locals.requestId ?? "");
}
