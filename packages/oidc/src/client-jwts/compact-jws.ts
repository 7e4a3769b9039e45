// JWTs that clients sign, RFC 7519 §7.2: taken apart, and nothing more. What their header wishes for is not acted on: which
// algorithm and which keys count is decided by what the client registered (JWT-1, RFC 8725 §3.1).
import { decodeBase64Url, type JsonObject } from "@dex/runtime";

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
  return parse(text, maxLength, REFUSED_MEMBERS)?.jws;
}

/** The same of a JWT that has to bring its own key: all that its signature proves is that the sender has that key. */
export function parseCompactJwsWithKey(
  text: string,
  maxLength: number,
): { readonly jws: CompactJws; readonly jwk: JsonObject } | undefined {
  const members = REFUSED_MEMBERS.filter((member) => member !== "jwk");
  const parsed = parse(text, maxLength, members);
  const jwk = parsed?.header.jwk;
  // What JSON.parse gave and is an object is one of JSON.
  return parsed === undefined || !isObject(jwk) ? undefined : { jws: parsed.jws, jwk: jwk as JsonObject };
}

function parse(text: string, maxLength: number, refusedMembers: readonly string[]) {
  if (text.length > maxLength) return undefined;
  const parts = text.split(".", 4).map(decodeBase64Url);
  const [headerBytes, payload, signature] = parts;
  if (parts.length !== 3 || headerBytes === undefined || payload === undefined || signature === undefined) {
    return undefined;
  }
  const header = parseObject(headerBytes);
  const claims = parseObject(payload);
  if (header === undefined || claims === undefined) return undefined;
  if (refusedMembers.some((member) => Object.hasOwn(header, member))) return undefined;
  const { alg, kid, typ } = header;
  if (typeof alg !== "string" || !isShortText(kid) || !isShortText(typ)) return undefined;
  const jws: CompactJws = {
    alg: alg === "Ed25519" ? "EdDSA" : alg,
    kid,
    typ: typ?.toLowerCase().replace(/^application\//, ""),
    claims,
    signedText: text.slice(0, text.lastIndexOf(".")),
    signature,
  };
  return { jws, header };
}

function isShortText(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === "string" && value.length <= MAX_KID_LENGTH);
}

function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
