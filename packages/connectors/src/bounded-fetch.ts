// How we call upstreams: every call has an end, a size, and an address we allow.
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { exchange, OutboundFailure, type OutboundLimits, type OutboundRequest } from "@dex/runtime";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { withSystemAuthorities } from "./root-ca.ts";

export { OUTBOUND_LIMITS } from "@dex/runtime";

/** The upstream gave no usable answer in time: down, too slow, too large, not reachable for us. */
export class UpstreamUnreachable extends Error {
  override readonly name = "UpstreamUnreachable";
  /** The connection was lost or never made. Asking once more may help, where asking twice does no harm. */
  readonly connectionLost: boolean;
  constructor(message: string, { cause, connectionLost = false }: { cause?: unknown; connectionLost?: boolean } = {}) {
    super(message, { cause });
    this.connectionLost = connectionLost;
  }
}

const LOST: ReadonlySet<unknown> = new Set(["ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "EPIPE"]);

export type FetchRequest = OutboundRequest;
/** Throws UpstreamUnreachable, and nothing else, when there is no answer. An answer of any status is returned. */
export type BoundedFetch = (url: string, request: FetchRequest) => Promise<Response>;

/**
 * A fetch that follows no redirect and keeps to `limits`. The hosts of `trustedOrigin` were chosen by the operator and may
 * be anywhere; every other host was named by the upstream itself, so its resolved addresses must be public unless
 * `privateAddressesAllowed`. The check is made on the addresses that are then connected to (SSR-1).
 */
export function makeBoundedFetch(parts: {
  readonly trustedOrigin: URL | readonly URL[];
  readonly privateAddressesAllowed: boolean;
  readonly breaker: CircuitBreaker;
  readonly limits: OutboundLimits;
  /** PEM certificates of authorities that are trusted beside the system's. */
  readonly rootCa?: string | undefined;
  /** Takes any certificate: for an operator who says so. */
  readonly insecureSkipVerify?: boolean | undefined;
}): BoundedFetch {
  const { trustedOrigin, breaker, limits, rootCa, insecureSkipVerify = false } = parts;
  const trusted = new Set([trustedOrigin].flat().map(({ hostname }) => hostname));
  const trust = {
    ...(rootCa === undefined ? {} : { ca: withSystemAuthorities(rootCa) }),
    ...(insecureSkipVerify ? { rejectUnauthorized: false } : {}),
  };
  // ASSUMES: sign-ins are too rare for kept connections to matter; a kept one may be half closed when it is used.
  const agents = {
    "http:": new HttpAgent({ keepAlive: false }),
    "https:": new HttpsAgent({ keepAlive: false, ...trust }),
  };

  return async (text, given) => {
    const url = new URL(text);
    const anyAddress = parts.privateAddressesAllowed || trusted.has(url.hostname);
    if (url.protocol !== "http:" && url.protocol !== "https:") throw new UpstreamUnreachable("expected an http(s) URL");
    const admission = breaker.admit();
    if (admission.kind === "refused") throw new UpstreamUnreachable(`${url.host}: ${admission.reason}`);
    try {
      const response = await exchange(url, given, {
        limits,
        agent: agents[url.protocol],
        publicOnly: !anyAddress,
      });
      admission.settle(response.status >= 500 ? "failed" : "answered");
      return response;
    } catch (cause) {
      admission.settle("failed");
      if (cause instanceof OutboundFailure) throw new UpstreamUnreachable(cause.message, { cause });
      const connectionLost = cause instanceof Error && "code" in cause && LOST.has(cause.code);
      const why = cause instanceof Error ? cause.message : "failed";
      throw new UpstreamUnreachable(`${url.host}: ${why}`, { cause, connectionLost });
    }
  };
}
