import { createHash } from "node:crypto";
import { createRemoteJWKSet, jwtVerify } from "jose";

export interface TokenVerifier {
  /** OIDC Core §3.1.3.7 and §3.1.3.8. Throws when anything is not as it must be. */
  verifyIdToken(
    idToken: string,
    expected: { clientId: string; userId: string; nonce: string | undefined; accessToken: string },
  ): Promise<void>;
  /** RFC 9068 §4. */
  verifyAccessToken(jwt: string, expected: { clientId: string; algorithm: "RS256" | "ES256" }): Promise<void>;
}

/** Verifies with the published keys, as a client does. */
export async function makeTokenVerifier(issuer: string): Promise<TokenVerifier> {
  const keys = createRemoteJWKSet(new URL(`${issuer}/keys`));
  await keys.reload();
  return {
    async verifyIdToken(idToken, { clientId, userId, nonce, accessToken }) {
      const { payload } = await jwtVerify(idToken, keys, { issuer, audience: clientId, algorithms: ["RS256"] });
      if (payload.sub !== userId) throw new Error("the ID token is about somebody else");
      if (payload.nonce !== nonce) throw new Error("the ID token has another nonce");
      const half = createHash("sha256").update(accessToken).digest().subarray(0, 16).toString("base64url");
      if (payload.at_hash !== half) throw new Error("the ID token does not belong to the access token");
    },
    async verifyAccessToken(jwt, { clientId, algorithm }) {
      const { payload } = await jwtVerify(jwt, keys, { issuer, typ: "at+jwt", algorithms: [algorithm] });
      if (payload.sub !== clientId) throw new Error("the access token is another client's");
    },
  };
}
