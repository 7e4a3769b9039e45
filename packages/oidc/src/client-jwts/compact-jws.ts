// JWTs that clients sign, RFC 7519 §7.2: taken apart, and nothing more. What their header wishes for is not acted on: which
// algorithm and which keys count is decided by what the client registered (JWT-1, RFC 8725 §3.1).
import { decodeBase64Url } from "@dex/runtime";

export interface CompactJws {
  /** From the header: something to compare with, never to choose by. EdDSA also for its newer name, RFC 9864 §2.2. */
  readonly alg: string;
  readonly kid: string | undefined;
  /** In small letters, without `application/` (RFC 7515 §4.1.9). */
  readonly typ: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
  /** What the signature is over. */
  readonly signedText: string;
  readonly signature: Buffer;
}

/**
 * Header members that would have us take a key out of the token, fetch one, inflate or decrypt something, or obey a rule
 * that we do not know (JWT-2, JWT-5). A client that writes one of them is refused.
 */
const REFUSED_MEMBERS = ["crit", "b64", "jwk", "jku", "x5u", "x5c", "zip", "enc"] as const;
const MAX_KID_LENGTH = 255;

/** The JWT in its one canonical spelling (JWT-9), or undefined. An encrypted one has five parts and is none. */
export function parseCompactJws(text: string, maxLength: number): CompactJws | undefined {
  if (text.length > maxLength) return undefined;
  const parts = text.split(".", 4).map(decodeBase64Url);
  const [headerBytes, payload, signature] = parts;
  if (parts.length !== 3 || headerBytes === undefined || payload === undefined || signature === undefined) {
    return undefined;
  }
  const header = parseObject(headerBytes);
  const claims = parseObject(payload);
  if (header === undefined || claims === undefined) return undefined;
  if (REFUSED_MEMBERS.some((member) => Object.hasOwn(header, member))) return undefined;
  const { alg, kid, typ } = header;
  if (typeof alg !== "string" || !isShortText(kid) || !isShortText(typ)) return undefined;
  return {
    alg: alg === "Ed25519" ? "EdDSA" : alg,
    kid,
    typ: typ?.toLowerCase().replace(/^application\//, ""),
    claims,
    signedText: text.slice(0, text.lastIndexOf(".")),
    signature,
  };
}

function isShortText(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === "string" && value.length <= MAX_KID_LENGTH);
}

function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    // What JSON.parse calls an object and is no array is a record of unknowns.
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
