// How we call upstreams: every call has an end, a size, and an address we allow.
import { lookup } from "node:dns";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { withSystemAuthorities } from "./root-ca.ts";
import { isPublicAddress } from "./upstream-address.ts";

export interface FetchLimits {
  readonly connectMilliseconds: number;
  readonly totalMilliseconds: number;
  readonly answerBytes: number;
}

/** Section 0 of the security requirements: connect 3 s, total 10 s, 1 MiB, no redirects. */
export const OUTBOUND_LIMITS: FetchLimits = {
  connectMilliseconds: 3_000,
  totalMilliseconds: 10_000,
  answerBytes: 1_048_576,
};

const MAX_HEADER_BYTES = 16_384;

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

export interface FetchRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}
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
  readonly limits: FetchLimits;
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
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (!anyAddress && isIP(host) !== 0 && !isPublicAddress(host)) throw notPublic(url);
    const admission = breaker.admit();
    if (admission.kind === "refused") throw new UpstreamUnreachable(`${url.host}: ${admission.reason}`);
    try {
      const response = await exchange(url, given, {
        limits,
        agent: agents[url.protocol],
        lookup: anyAddress ? undefined : publicLookup(url),
      });
      admission.settle(response.status >= 500 ? "failed" : "answered");
      return response;
    } catch (cause) {
      admission.settle("failed");
      if (cause instanceof UpstreamUnreachable) throw cause;
      const connectionLost = cause instanceof Error && "code" in cause && LOST.has(cause.code);
      const why = cause instanceof Error ? cause.message : "failed";
      throw new UpstreamUnreachable(`${url.host}: ${why}`, { cause, connectionLost });
    }
  };
}

interface Exchange {
  readonly limits: FetchLimits;
  readonly agent: HttpAgent | HttpsAgent;
  readonly lookup: LookupFunction | undefined;
}

function exchange(url: URL, given: FetchRequest, { limits, agent, lookup }: Exchange): Promise<Response> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === "https:";
    const request = (secure ? httpsRequest : httpRequest)(url, {
      method: given.method,
      headers: { ...given.headers, ...(given.body === undefined ? {} : { "content-length": byteLength(given.body) }) },
      agent,
      maxHeaderSize: MAX_HEADER_BYTES,
      ...(given.signal === undefined ? {} : { signal: given.signal }),
      ...(lookup === undefined ? {} : { lookup }),
    });
    const stop = (why: string) => request.destroy(new UpstreamUnreachable(`${url.host}: ${why}`));
    const connectTimer = setTimeout(stop, limits.connectMilliseconds, "no connection in time");
    const totalTimer = setTimeout(stop, limits.totalMilliseconds, "no complete answer in time");
    const end = () => {
      clearTimeout(connectTimer);
      clearTimeout(totalTimer);
    };
    request.on("socket", (socket) => {
      socket.once(secure ? "secureConnect" : "connect", () => clearTimeout(connectTimer));
    });
    request.on("close", end);
    request.on("error", reject);
    request.on("response", (answer) => {
      readBounded(answer, limits.answerBytes)
        .then((body) => toResponse(answer, body))
        .then(resolve, (error: Error) => {
          request.destroy();
          reject(error);
        });
    });
    request.end(given.body);
  });
}

async function readBounded(answer: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBytes) throw new UpstreamUnreachable(`answer is larger than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function toResponse(answer: IncomingMessage, body: Buffer): Response {
  const status = answer.statusCode ?? 0;
  // The Fetch standard allows no body for these.
  const empty = status === 204 || status === 205 || status === 304;
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  return new Response(empty ? null : new Uint8Array(body), { status, headers });
}

function publicLookup(url: URL): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null) callback(error, "");
      else if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address))) {
        callback(notPublic(url), "");
      } else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function notPublic(url: URL): UpstreamUnreachable {
  return new UpstreamUnreachable(`${url.host} is not a public address and not the issuer's host`);
}

function byteLength(text: string): number {
  return Buffer.byteLength(text);
}
