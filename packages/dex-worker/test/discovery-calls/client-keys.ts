// Keys of clients that sign and decrypt.
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import type { Members } from "../dynamic-world.ts";

export interface TestKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

/** A key for this algorithm of signatures or of encryption. */
export async function makeKey(alg: string): Promise<TestKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const kid = `key for ${alg}`;
  const use = /^(?:RSA-OAEP|ECDH)/.test(alg) ? "enc" : "sig";
  return { alg, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use } };
}

export function signWith({ alg, kid, privateKey }: TestKey, claims: Members): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(privateKey);
}
