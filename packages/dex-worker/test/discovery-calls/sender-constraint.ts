// Tokens that are bound to a key of the client, RFC 9449.
import { createHash, randomBytes } from "node:crypto";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { expect } from "vitest";
import { CALLBACK } from "../dynamic-world.ts";
import { answerBy, each, type MemberCalls, VERIFIER } from "./call-world.ts";

function proof(
  { alg, jwk, privateKey }: { alg: string; jwk: JWK; privateKey: CryptoKey },
  htm: string,
  htu: string,
  accessToken?: string,
): Promise<string> {
  const ath = accessToken === undefined ? {} : { ath: createHash("sha256").update(accessToken).digest("base64url") };
  const claims = { htm, htu, jti: randomBytes(16).toString("hex"), iat: Math.floor(Date.now() / 1000), ...ath };
  return new SignJWT(claims).setProtectedHeader({ typ: "dpop+jwt", alg, jwk }).sign(privateKey);
}

export const SENDER_CONSTRAINT_CALLS: Readonly<Record<string, MemberCalls>> = {
  dpop_signing_alg_values_supported: each(["ES256", "PS256", "EdDSA", "Ed25519"], async (world, alg) => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const key = { alg, privateKey, jwk: await exportJWK(publicKey) };
    const client = await world.register("code", { token_endpoint_auth_method: "client_secret_post" });
    const { code = "" } = answerBy("query", await world.authorize(world.request(client), world.signedIn));
    const [tokenUrl, userinfoUrl] = [`${world.issuer}/token`, `${world.issuer}/userinfo`];
    const credentials = { client_id: client.id, client_secret: client.secret };
    const grant = { grant_type: "authorization_code", code, redirect_uri: CALLBACK, code_verifier: VERIFIER };
    const answer = await fetch(tokenUrl, {
      method: "POST",
      headers: { DPoP: await proof(key, "POST", tokenUrl) },
      body: new URLSearchParams({ ...grant, ...credentials }),
    });
    const tokens = (await answer.json()) as { access_token: string; token_type: string };
    expect([answer.status, tokens.token_type]).toEqual([200, "DPoP"]);
    const Authorization = `DPoP ${tokens.access_token}`;
    expect((await fetch(userinfoUrl, { headers: { Authorization } })).status).toBe(401);
    const DPoP = await proof(key, "GET", userinfoUrl, tokens.access_token);
    expect((await fetch(userinfoUrl, { headers: { Authorization, DPoP } })).status).toBe(200);
  }),
};
