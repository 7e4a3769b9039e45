// Cookies of this issuer. Names carry a tag of the issuer, since cookies ignore ports and paths: two providers on one host
// must not overwrite each other. Over TLS they carry the __Host- prefix, which no sibling domain can forge (BRO-8, BRO-15).
import type { IncomingMessage, ServerResponse } from "node:http";
import { sha256 } from "@dex/runtime";

const MAX_HEADER_LENGTH = 12 * 1024;
const MAX_COOKIES = 100;

export interface CookieNames {
  readonly session: string;
  /** What the session frame compares; scripts of our own origin read it. */
  readonly browserState: string;
  /** Prefix of the cookies that carry login states: the flow's id follows. */
  readonly loginPrefix: string;
  /** Prefix of the cookies that carry mailed links: the name of their page follows. */
  readonly linkPrefix: string;
  /** The secret by which the browser that registered somebody is known again. */
  readonly registration: string;
  /** A code that the next page shows, for a program that no browser can return to. */
  readonly outOfBand: string;
  /** By which a browser that was sent to sign out upstream is known when it comes back. */
  readonly signedOut: string;
  /** Where a person goes on to who is away to sign out upstream. */
  readonly logout: string;
  readonly secure: boolean;
}

export function makeCookieNames(issuer: URL, issuerText: string): CookieNames {
  const secure = issuer.protocol === "https:";
  const prefix = secure ? "__Host-" : "";
  const tag = sha256(issuerText).toString("hex").slice(0, 8);
  return {
    session: `${prefix}dex-session-${tag}`,
    browserState: `${prefix}dex-browser-state-${tag}`,
    loginPrefix: `${prefix}dex-login-${tag}.`,
    linkPrefix: `${prefix}dex-link-${tag}.`,
    registration: `${prefix}dex-registration-${tag}`,
    outOfBand: `${prefix}dex-oob-${tag}`,
    signedOut: `${prefix}dex-signed-out-${tag}`,
    logout: `${prefix}dex-logout-${tag}`,
    secure,
  };
}

/**
 * The request's cookies by name. A name that comes twice is left out: one of the two was tossed in by somebody else
 * (BRO-15). Garbage and floods are treated as absent.
 */
export function readCookies(request: IncomingMessage): ReadonlyMap<string, string> {
  const header = request.headers.cookie ?? "";
  const cookies = new Map<string, string>();
  const repeated = new Set<string>();
  if (header.length > MAX_HEADER_LENGTH) return cookies;
  for (const pair of header.split(";", MAX_COOKIES)) {
    const equals = pair.indexOf("=");
    if (equals === -1) continue;
    const name = pair.slice(0, equals).trim();
    if (cookies.has(name)) repeated.add(name);
    cookies.set(name, pair.slice(equals + 1).trim());
  }
  for (const name of repeated) cookies.delete(name);
  return cookies;
}

/**
 * Sets a cookie for the whole host, unreadable by scripts; `maxAgeSeconds` 0 deletes it. Without it, the cookie goes when the
 * browser is closed.
 */
export function setCookie(
  response: ServerResponse,
  cookie: { name: string; value: string; maxAgeSeconds: number | undefined; secure: boolean },
): void {
  const maxAge = cookie.maxAgeSeconds === undefined ? "" : `; Max-Age=${cookie.maxAgeSeconds}`;
  const secure = cookie.secure ? "; Secure" : "";
  response.appendHeader(
    "Set-Cookie",
    `${cookie.name}=${cookie.value}; Path=/${maxAge}; HttpOnly; SameSite=Lax${secure}`,
  );
}

/**
 * Sets a cookie that scripts of our own origin read in frames of other sites, until the browser is closed: nothing that anybody
 * could sign in with (BRO-8). Browsers take it only with Secure, and on loopback over http too.
 */
export function setFrameCookie(response: ServerResponse, cookie: { name: string; value: string }): void {
  response.appendHeader("Set-Cookie", `${cookie.name}=${cookie.value}; Path=/; SameSite=None; Secure`);
}
