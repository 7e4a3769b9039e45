import type { IncomingMessage } from "node:http";

/** The most that nearly all requests of ours need; section 0 of the security requirements. */
export const MAX_BODY_BYTES = 64 * 1024;

/**
 * So much more is read and thrown away before the refusal: a connection that is closed on unread bytes is reset, and most
 * callers would see that in place of the answer.
 */
const MAX_DISCARDED_BYTES = 2 * 1024 * 1024;

export type RequestBody =
  | {
      readonly kind: "body";
      readonly bytes: Buffer /** Media type, lower case, without parameters. */;
      readonly type: string;
    }
  /** More than was allowed. The answer should close the connection: the rest is still on its way. */
  | { readonly kind: "too large" }
  /** A content coding (RFC 9110 §8.4): what it would unpack to has no bound. */
  | { readonly kind: "compressed" };

/** Reads a request's body to its end, or as far as the limit: `maxBytes`, for the few that need more than others. */
export async function readRequestBody(
  request: IncomingMessage,
  maxBytes: number = MAX_BODY_BYTES,
): Promise<RequestBody> {
  if (!/^(identity)?$/i.test(request.headers["content-encoding"] ?? "")) return { kind: "compressed" };
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving an ordinary `for await` would cut the connection, and with it the answer that says why.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_DISCARDED_BYTES) break;
    if (size > maxBytes) chunks.length = 0;
    else chunks.push(chunk);
  }
  if (size > maxBytes) return { kind: "too large" };
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  return { kind: "body", bytes: Buffer.concat(chunks), type };
}
