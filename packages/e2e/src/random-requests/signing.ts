// What a client signs, rightly: many of each, since each is taken once.
import { createHash, randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";

export interface ClientSigning {
  readonly jwk: JWK;
  /** A JWT of these claims, with a jti, good for minutes. */
  sign(claims: Readonly<Record<string, unknown>>, typ?: string): Promise<string>;
  /** Proofs for one request each to `url`, RFC 9449 section 4.2; with an access token, for that one. */
  proofs(count: number, method: string, url: string, accessToken?: string): Promise<readonly string[]>;
}

export async function makeClientSigning(): Promise<ClientSigning> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk = await exportJWK(publicKey);
  const make = (claims: Readonly<Record<string, unknown>>, header: Readonly<Record<string, unknown>>) =>
    new SignJWT({ jti: randomUUID(), ...claims })
      .setProtectedHeader({ alg: "ES256", ...header })
      .setIssuedAt()
      .sign(privateKey);
  return {
    jwk: { ...jwk, kid: "one", alg: "ES256", use: "sig" },
    sign: (claims, typ) => {
      const now = Math.floor(Date.now() / 1000);
      return make({ nbf: now, exp: now + 240, ...claims }, { kid: "one", ...(typ === undefined ? {} : { typ }) });
    },
    proofs: (count, htm, htu, accessToken) => {
      const ath = accessToken && createHash("sha256").update(accessToken).digest("base64url");
      const claims = { htm, htu, ...(ath === undefined ? {} : { ath }) };
      return Promise.all(Array.from({ length: count }, () => make(claims, { typ: "dpop+jwt", jwk })));
    },
  };
}
