import type { JsonObject } from "@dex/runtime";
import { CompactEncrypt, importJWK } from "jose";

/** To whom and how something is encrypted: the receiver's public key, JWE `alg` and `enc`. */
export interface Encryption {
  readonly key: JsonObject;
  readonly alg: string;
  readonly enc: string;
}

/**
 * A compact JWE of the text. `cty` is "JWT" where the text is a JWT itself (RFC 7519 §5.2). The header names the key by its
 * `kid` where it has one. Throws when the key does not fit the algorithm: the caller has chosen it for that.
 */
export async function encryptToken(
  text: string,
  { key, alg, enc }: Encryption,
  cty: "JWT" | undefined,
): Promise<string> {
  const { kty, n, e, crv, x, y, kid } = key;
  const members = Object.entries({ kty, n, e, crv, x, y }).filter(
    (member): member is [string, string] => typeof member[1] === "string",
  );
  const imported = await importJWK(Object.fromEntries(members), alg);
  return new CompactEncrypt(Buffer.from(text))
    .setProtectedHeader({
      alg,
      enc,
      ...(typeof kid === "string" ? { kid } : {}),
      ...(cty === undefined ? {} : { cty }),
    })
    .encrypt(imported);
}
