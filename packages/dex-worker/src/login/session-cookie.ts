import type { IncomingMessage, ServerResponse } from "node:http";
import { decodeBase64Url, type Random, sha256 } from "@dex/runtime";
import { type CookieNames, readCookies, setCookie } from "../middleware/cookies.ts";

const SESSION_ID_BYTES = 32;

/** The SHA-256 of the session id that the browser holds, or undefined: the id itself goes no further than this. */
export function readSessionHash(request: IncomingMessage, names: CookieNames): Buffer | undefined {
  const id = decodeBase64Url(readCookies(request).get(names.session) ?? "");
  return id?.length === SESSION_ID_BYTES ? sha256(id) : undefined;
}

/** A new session id: 256 random bits. `hash` is stored, `value` goes to the browser. */
export function newSessionId(random: Random): { value: string; hash: Buffer } {
  const id = random(SESSION_ID_BYTES);
  return { value: id.toString("base64url"), hash: sha256(id) };
}

/** `maxAgeSeconds` undefined: until the browser is closed; 0: takes it away. */
export function writeSession(
  response: ServerResponse,
  names: CookieNames,
  value: string,
  maxAgeSeconds: number | undefined,
): void {
  setCookie(response, { name: names.session, value, maxAgeSeconds, secure: names.secure });
}
