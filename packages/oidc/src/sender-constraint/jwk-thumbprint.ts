import { decodeBase64Url, type JsonObject, sha256 } from "@dex/runtime";

/** RFC 7638 §3.2 and RFC 8037 §2: the members that make a public key what it is, in the order in which they are hashed. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  EC: ["crv", "kty", "x", "y"],
  OKP: ["crv", "kty", "x"],
  RSA: ["e", "kty", "n"],
};
/** Plain words; the others are numbers in base64url. */
const WORDS: readonly string[] = ["crv", "kty"];

/** The SHA-256 thumbprint of a public key, RFC 7638, in base64url; undefined for what is no such key in its one spelling. */
export function thumbprintOf(jwk: JsonObject): string | undefined {
  const names = typeof jwk.kty === "string" ? MEMBERS[jwk.kty] : undefined;
  if (names === undefined) return undefined;
  const values = names.map((name) => {
    const value = jwk[name];
    return typeof value === "string" && (WORDS.includes(name) || decodeBase64Url(value) !== undefined)
      ? value
      : undefined;
  });
  if (values.includes(undefined)) return undefined;
  const hashed = Object.fromEntries(names.map((name, index) => [name, values[index]]));
  return sha256(JSON.stringify(hashed)).toString("base64url");
}
