// Apple's client secret: a JWT that we sign, and make anew for every request.
import { createPrivateKey, type KeyObject } from "node:crypto";
import { SignJWT } from "jose";

export interface AppleClient {
  readonly clientId: string;
  readonly teamId: string;
  readonly keyId: string;
  readonly key: KeyObject;
  /** Apple's issuer. */
  readonly audience: string;
}

/** Apple takes up to six months; a secret that somebody overhears need not be of use for longer than the request. */
const LIFETIME_SECONDS = 300;

export function makeAppleClientSecret({ clientId, teamId, keyId, key, audience }: AppleClient, now: Date) {
  const issuedAt = Math.floor(now.getTime() / 1000);
  return new SignJWT()
    .setProtectedHeader({ alg: "ES256", kid: keyId })
    .setIssuer(teamId)
    .setSubject(clientId)
    .setAudience(audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + LIFETIME_SECONDS)
    .sign(key);
}

/** Throws an Error that names the member, and never shows the key. */
export function readAppleKey(member: string, pem: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    // Below: the library's message may quote what it could not read.
  }
  if (key?.asymmetricKeyType !== "ec" || key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new Error(`${member}: expected the PEM text of Apple's .p8 file`);
  }
  return key;
}
