import type { Request, Response } from "express";
import { InvalidInput } from "../middleware/invalid-input.ts";

/** Public documents may be read by any page (NET-7). */
export function allowAnyOrigin(response: Response): void {
  response.setHeader("Access-Control-Allow-Origin", "*");
}

/** Lets a page call this endpoint when some client's redirect URI has its origin (NET-7). Never with credentials. */
export async function allowClientOrigin(
  request: Request,
  response: Response,
  isClientOrigin: (origin: string) => Promise<boolean>,
): Promise<void> {
  const { origin } = request.headers;
  response.setHeader("Vary", "Origin");
  if (origin === undefined || !URL.canParse(origin) || new URL(origin).origin !== origin) return;
  if (await isClientOrigin(origin)) {
    response.setHeader("Access-Control-Allow-Origin", origin);
    response.setHeader("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After, X-Request-Id, DPoP-Nonce");
  }
}

/** Answers the question that a browser asks before the real request. */
export function answerPreflight(request: Request, response: Response, methods: string): void {
  if (request.headers["access-control-request-method"] === undefined) {
    throw new InvalidInput(405, "this method is not offered here", { Allow: methods });
  }
  response.setHeader("Access-Control-Allow-Methods", methods);
  response.setHeader("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP");
  response.setHeader("Access-Control-Max-Age", "600");
  response.status(204).end();
}
