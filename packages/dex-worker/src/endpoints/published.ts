import type { Request, Response } from "express";
import { allowAnyOrigin } from "./cross-origin.ts";

/** A public document, serialised once per change. */
export interface Published {
  readonly body: Buffer;
  /** A strong validator, with its quotes. */
  readonly etag: string;
  readonly maxAgeSeconds: number;
}

/** Sends a public document, or 304 when the caller has it already. No round trip. */
export function sendPublished(request: Request, response: Response, document: Published): void {
  allowAnyOrigin(response);
  response.setHeader("Cache-Control", `public, max-age=${document.maxAgeSeconds}`);
  response.setHeader("ETag", document.etag);
  if (request.headers["if-none-match"]?.split(/,\s*/).includes(document.etag)) {
    response.status(304).end();
    return;
  }
  response.setHeader("Content-Type", "application/json");
  response.setHeader("Content-Length", document.body.length);
  response.status(200).end(request.method === "HEAD" ? undefined : document.body);
}
