// The secret by which a browser proves that it is the one in which somebody registered (ACC-13).
import { timingSafeEqual } from "node:crypto";
import { decodeBase64Url, type Random, sha256 } from "@dex/runtime";
import { LINK_LIFETIME_SECONDS } from "@dex/users";
import { type CookieNames, readCookies, setCookie } from "../middleware/cookies.ts";
import type { Visit } from "../visit.ts";

const SECRET_BYTES = 32;

/** The hash of this browser's secret. It gets one if it has none, and keeps it for as long as the mailed link lives. */
export function markRegisteringBrowser({ request, response }: Visit, names: CookieNames, random: Random): Buffer {
  // One secret for all tabs: the second registration must not take the first one's away.
  const secret = readSecret(readCookies(request).get(names.registration)) ?? random(SECRET_BYTES);
  setCookie(response, {
    name: names.registration,
    value: secret.toString("base64url"),
    maxAgeSeconds: LINK_LIFETIME_SECONDS.registration,
    secure: names.secure,
  });
  return sha256(secret);
}

/** Whether this is the browser whose secret has this hash. */
export function isRegisteringBrowser({ request }: Visit, names: CookieNames, browserHash: Buffer): boolean {
  const secret = readSecret(readCookies(request).get(names.registration));
  return secret !== undefined && timingSafeEqual(sha256(secret), browserHash);
}

function readSecret(value: string | undefined): Buffer | undefined {
  const secret = decodeBase64Url(value ?? "");
  return secret?.length === SECRET_BYTES ? secret : undefined;
}
