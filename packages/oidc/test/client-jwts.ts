// A client's side of the JWTs that it signs.
import { constants, createHmac, generateKeyPairSync, sign } from "node:crypto";
import type { JsonObject } from "@dex/runtime";
import type { ClientSigningAlgorithm } from "../src/client-jwts/verify-jws.ts";
import { issuer, now } from "./fakes.ts";

export type Claims = Readonly<Record<string, unknown>>;

export interface ClientKey {
  readonly jwk: JsonObject;
  sign(claims: Claims, header?: Claims): string;
}

const seconds = Math.floor(now.getTime() / 1000);

export const encodePart = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

export function makeClientKey(alg: ClientSigningAlgorithm, kid?: string, bits = 2048): ClientKey {
  const { publicKey, privateKey } = makePair(alg, bits);
  const named = kid === undefined ? {} : { kid };
  return {
    jwk: { ...(publicKey.export({ format: "jwk" }) as JsonObject), ...named },
    sign(claims, header = {}) {
      const signed = `${encodePart({ alg, ...named, ...header })}.${encodePart(claims)}`;
      const data = Buffer.from(signed);
      const signature = {
        RS256: () => sign("sha256", data, privateKey),
        PS256: () =>
          sign("sha256", data, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
        ES256: () => sign("sha256", data, { key: privateKey, dsaEncoding: "ieee-p1363" }),
        EdDSA: () => sign(null, data, privateKey),
      }[alg]();
      return `${signed}.${signature.toString("base64url")}`;
    },
  };
}

function makePair(alg: ClientSigningAlgorithm, bits: number) {
  if (alg === "ES256") return generateKeyPairSync("ec", { namedCurve: "P-256" });
  return alg === "EdDSA" ? generateKeyPairSync("ed25519") : generateKeyPairSync("rsa", { modulusLength: bits });
}

/** A JWT under a MAC with this key. */
export function macJwt(claims: Claims, key: string | Buffer, alg = "HS256", header: Claims = {}): string {
  const signed = `${encodePart({ alg, ...header })}.${encodePart(claims)}`;
  return `${signed}.${createHmac(`sha${alg.slice(2)}`, key)
    .update(signed)
    .digest("base64url")}`;
}

/** What client-a asserts of itself, with changes; undefined leaves a claim out. */
export function assertionClaims(changes: Claims = {}): Claims {
  return {
    iss: "client-a",
    sub: "client-a",
    aud: issuer,
    exp: seconds + 60,
    iat: seconds,
    jti: "first",
    ...changes,
  };
}
