import type { ServerResponse } from "node:http";

/** Every answer: never sniffed, never stored unless an endpoint says otherwise (NET-9), never framed. */
export function setCommonHeaders(response: ServerResponse, overTls: boolean): void {
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.setHeader("Cache-Control", "no-store");
  if (overTls) response.setHeader("Strict-Transport-Security", "max-age=31536000; includeSubDomains");
}

/**
 * A page: nothing from elsewhere, never framed, no script but the one whose hash is `script` (BRO-10). `formTargets` are the
 * origins that a form of this page may end at: browsers hold the redirect after a form against form-action too. `frames` are
 * origins that this page loads in frames.
 */
export function setPageHeaders(
  response: ServerResponse,
  sources: {
    logo: string | undefined;
    /** Of the client that the page is about. */
    clientLogo?: string | undefined;
    formTargets: readonly string[];
    script?: string;
    frames?: readonly string[];
  },
): void {
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.setHeader(
    "Content-Security-Policy",
    [
      "default-src 'none'",
      ...(sources.script === undefined ? [] : [`script-src ${sources.script}`]),
      ...(sources.frames === undefined || sources.frames.length === 0 ? [] : [`frame-src ${sources.frames.join(" ")}`]),
      "style-src 'self'",
      ["img-src 'self'", ...[sources.logo, sources.clientLogo].filter((origin) => origin !== undefined)].join(" "),
      `form-action 'self'${sources.formTargets.map((target) => ` ${target}`).join("")}`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
  );
  response.setHeader("X-Frame-Options", "DENY");
  response.setHeader("Referrer-Policy", "no-referrer");
  response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
}

/** A token answer: RFC 6749 §5.1. */
export function setTokenHeaders(response: ServerResponse): void {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Pragma", "no-cache");
}
