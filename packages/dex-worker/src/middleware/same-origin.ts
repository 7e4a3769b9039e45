import type { IncomingMessage } from "node:http";
import { InvalidInput } from "./invalid-input.ts";

/**
 * Refuses a form that another site posts (BRO-2, BRO-3). Browsers say where a POST comes from in Sec-Fetch-Site and
 * Origin; a client that sends neither is no browser, and the form token still stands in its way.
 */
export function refuseForeignOrigin(request: IncomingMessage, issuerOrigin: string): void {
  const site = request.headers["sec-fetch-site"];
  const origin = request.headers.origin;
  const foreignSite = site !== undefined && site !== "same-origin" && site !== "none";
  // "null" comes from a sandboxed frame, or from our own page after a redirect under no-referrer: Sec-Fetch-Site decides.
  const foreignOrigin =
    origin !== undefined && origin !== issuerOrigin && !(origin === "null" && site === "same-origin");
  if (foreignSite || foreignOrigin) throw new InvalidInput(403, "this form was sent from another site");
}
