import { randomUUID } from "node:crypto";
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from "jose";
import { jsonOf, textOf } from "../http-client.ts";
import type { Scenario } from "../scenario.ts";
import { sendForm } from "./token-request.ts";

/** Client credentials with a proof of a key, RFC 9449: the proof is checked and written down, and the token is bound to the key. */
export const dpopToken: Scenario = {
  name: "dpop-token",
  title: "client_credentials, DPoP",
  floor: undefined,
  async openLane({ system, http }) {
    const { serviceEs256: client } = system.clients;
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const jwk = await exportJWK(publicKey);
    const [jkt, url] = [await calculateJwkThumbprint(jwk), `${system.issuer}/token`];
    return async () => {
      const proof = new SignJWT({ htm: "POST", htu: url, jti: randomUUID() }).setIssuedAt();
      const dpop = await proof.setProtectedHeader({ typ: "dpop+jwt", alg: "ES256", jwk }).sign(privateKey);
      const answer = jsonOf(await sendForm(http, url, client, { grant_type: "client_credentials" }, { dpop }));
      const jwt = textOf(answer, "access_token");
      return async () => {
        await system.tokens.verifyAccessToken(jwt, { clientId: client.id, algorithm: "ES256" });
        const { cnf } = decodeJwt<{ cnf?: { jkt?: string } }>(jwt);
        if (cnf?.jkt !== jkt) throw new Error("the token is not bound to the key");
      };
    };
  },
};
