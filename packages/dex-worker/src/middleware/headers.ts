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

/**
 * The page of the session frame: nothing but its script. Any page may frame it, and a header could not list those of all
 * clients: there is nothing to see or to click in it, and its answers are worth something only to the origin that was given
 * the `session_state` (BRO-14).
 */
export function setFrameHeaders(response: ServerResponse, script: string): void {
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  const policy = [
    "default-src 'none'",
    `script-src ${script}`,
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors *",
  ];
  response.setHeader("Content-Security-Policy", policy.join("; "));
  response.setHeader("Referrer-Policy", "no-referrer");
}

/** A token answer: RFC 6749 §5.1. */
export function setTokenHeaders(response: ServerResponse): void {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Pragma", "no-cache");
}
