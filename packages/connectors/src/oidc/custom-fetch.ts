import type { Clock } from "@dex/runtime";
import type { CustomFetch } from "openid-client";
import type { BoundedFetch } from "../bounded-fetch.ts";

/** Our bounded fetch in the shape that openid-client calls. Its requests have form bodies or none. */
export function toCustomFetch(fetch: BoundedFetch): CustomFetch {
  return (url, { method, headers, body, signal }) =>
    fetch(url, {
      method,
      headers,
      body: body instanceof URLSearchParams || typeof body === "string" ? body.toString() : undefined,
      signal,
    });
}

const STALE_MILLISECONDS = 86_400_000;

/**
 * Remembers the last good JWKS and answers with it, for a day at most, while the upstream does not give one (OAU-2).
 * Signatures are still checked, against keys we saw before.
 */
export function keepStaleJwks(fetch: BoundedFetch, jwksUri: () => string | undefined, clock: Clock): BoundedFetch {
  let last: { readonly url: string; readonly text: string; readonly at: number } | undefined;
  const stale = (url: string) =>
    last !== undefined && last.url === url && clock().getTime() < last.at + STALE_MILLISECONDS
      ? new Response(last.text, { headers: { "content-type": "application/json" } })
      : undefined;
  return async (url, request) => {
    if (url !== jwksUri()) return fetch(url, request);
    try {
      const response = await fetch(url, request);
      if (response.status === 200) last = { url, text: await response.clone().text(), at: clock().getTime() };
      return response.status >= 500 ? (stale(url) ?? response) : response;
    } catch (error) {
      const kept = stale(url);
      if (kept !== undefined) return kept;
      throw error;
    }
  };
}
