// One call to another host: it has an end, a size, and follows nothing.
import { type LookupAddress, type LookupAllOptions, lookup } from "node:dns";
import { type Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { type Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isPublicAddress } from "./public-address.ts";

export interface OutboundLimits {
  readonly connectMilliseconds: number;
  readonly totalMilliseconds: number;
  readonly answerBytes: number;
}

/** Section 0 of the security requirements: connect 3 s, total 10 s, 1 MiB, no redirects. */
export const OUTBOUND_LIMITS: OutboundLimits = {
  connectMilliseconds: 3_000,
  totalMilliseconds: 10_000,
  answerBytes: 1_048_576,
};

const MAX_HEADER_BYTES = 16_384;

/** There was no usable answer: nobody there, too slow, too large, or not an address for us. */
export class OutboundFailure extends Error {
  override readonly name = "OutboundFailure";
}

export interface OutboundRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ExchangeParts {
  readonly limits: OutboundLimits;
  readonly agent: HttpAgent | HttpsAgent;
  /** The resolved addresses must be public; they are the ones that are then connected to (SSR-1). */
  readonly publicOnly: boolean;
  /** Resolves names; the system's resolver when left out. */
  readonly resolve?: ResolveName;
}

/** All addresses of a name, as dns.lookup gives them. */
export type ResolveName = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** Sends one request and reads the whole answer, whatever its status. Throws OutboundFailure or what Node throws. */
export async function exchange(url: URL, given: OutboundRequest, parts: ExchangeParts): Promise<Response> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  // A literal is never looked up.
  if (parts.publicOnly && isIP(host) !== 0 && !isPublicAddress(host)) throw notPublic(url);
  return send(url, given, parts);
}

function send(
  url: URL,
  given: OutboundRequest,
  { limits, agent, publicOnly, resolve: resolveName = lookup }: ExchangeParts,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === "https:";
    const request = (secure ? httpsRequest : httpRequest)(url, {
      method: given.method,
      headers: { ...given.headers, ...(given.body === undefined ? {} : { "content-length": byteLength(given.body) }) },
      agent,
      maxHeaderSize: MAX_HEADER_BYTES,
      ...(given.signal === undefined ? {} : { signal: given.signal }),
      ...(publicOnly ? { lookup: publicLookup(url, resolveName) } : {}),
    });
    const stop = (why: string) => request.destroy(new OutboundFailure(`${url.host}: ${why}`));
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
    if (size > maxBytes) throw new OutboundFailure(`answer is larger than ${maxBytes} bytes`);
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

function publicLookup(url: URL, resolveName: ResolveName): LookupFunction {
  return (hostname, options, callback) => {
    resolveName(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null) callback(error, "");
      else if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address))) {
        callback(notPublic(url), "");
      } else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function notPublic(url: URL): OutboundFailure {
  return new OutboundFailure(`${url.host} is not a public address`);
}

function byteLength(text: string): number {
  return Buffer.byteLength(text);
}
