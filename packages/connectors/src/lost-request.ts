// When a request may be sent once more: it was read-only, and nobody who could have answered it has seen it.
import { type BoundedFetch, UpstreamUnreachable } from "./bounded-fetch.ts";

/** Statuses of somebody in between who could not reach the server: it has not seen the request. */
const NOT_REACHED: ReadonlySet<number> = new Set([502, 503, 504]);

/** Sends a GET that got lost once more, when `mayRetry` says so. It is asked only then. */
export function retryLostGet(fetch: BoundedFetch, mayRetry: () => boolean = () => true): BoundedFetch {
  return async (url, request) => {
    if (request.method !== "GET") return fetch(url, request);
    let lost: Response | undefined;
    try {
      lost = await fetch(url, request);
      if (!NOT_REACHED.has(lost.status)) return lost;
    } catch (error) {
      if (!(error instanceof UpstreamUnreachable) || !error.connectionLost || !mayRetry()) throw error;
      return fetch(url, request);
    }
    return mayRetry() ? fetch(url, request) : lost;
  };
}
