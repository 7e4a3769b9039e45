import { CompactSign, exportJWK, generateKeyPair, type JSONWebKeySet } from "jose";
import type { FakeBehaviours } from "./fake-openid-behaviours.ts";

/** Signs ID tokens of the fake provider, well or badly. */
export interface FakeIdTokens {
  readonly jwks: JSONWebKeySet;
  /** `typ` of the header: JWT when left out. */
  sign(
    claims: Readonly<Record<string, unknown>>,
    how: FakeBehaviours["idTokenSignature"],
    typ?: string,
  ): Promise<string>;
}

const KID = "fake-1";

export async function makeFakeIdTokens(clientSecret: string): Promise<FakeIdTokens> {
  const own = await generateKeyPair("RS256", { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(own.publicKey)), kid: KID, alg: "RS256", use: "sig" }] };
  return {
    jwks,
    async sign(claims, how, typ = "JWT") {
      // Not through a JWT builder: hostile claims must arrive as they are.
      const payload = Buffer.from(JSON.stringify(claims));
      if (how === "alg none") {
        const header = Buffer.from(JSON.stringify({ alg: "none", typ: "JWT" }));
        return `${header.toString("base64url")}.${payload.toString("base64url")}.`;
      }
      const signing = new CompactSign(payload);
      if (how === "client secret as HMAC key") {
        return signing.setProtectedHeader({ alg: "HS256", kid: KID }).sign(Buffer.from(clientSecret.padEnd(32, "0")));
      }
      const { privateKey } = how === "foreign key" ? await generateKeyPair("RS256") : own;
      const kid = how === "unknown kid" ? "fake-unknown" : KID;
      const token = await signing.setProtectedHeader({ alg: "RS256", kid, typ }).sign(privateKey);
      return how === "broken" ? breakSignature(token) : token;
    },
  };
}

/** Changes a character in the middle of the signature. */
function breakSignature(token: string): string {
  const at = token.lastIndexOf(".") + 20;
  return `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
}
