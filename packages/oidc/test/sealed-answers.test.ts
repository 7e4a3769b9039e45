import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import type { Client } from "../src/index.ts";
import { client, issuer, jane, now, readJwtPart, secretOfClient } from "./fakes.ts";
import { refusalOf, setUp } from "./token-endpoint.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "jwk" });
const { n = "", e = "" } = rsa;
const jwks = { keys: ["sig", "enc"].map((use) => ({ kty: "RSA", n, e, kid: `for ${use}`, use })) };
const none = new URLSearchParams();

function setUpFor(details: Client["details"]) {
  const special: Client = { ...client, id: "special", details };
  const parts = setUp({ clients: [special] });
  const credentials = { client_id: special.id, client_secret: secretOfClient };
  const redeem = () =>
    parts.redeem(parts.issueCode({ scope: "openid email", client: special, nonce: "n" }), credentials);
  async function userinfo() {
    const { access_token } = await redeem();
    parts.store.takeRoundTrips();
    parts.signer.signatures = 0;
    return parts.userinfo.handle({ authorization: `Bearer ${access_token}`, query: none }, now);
  }
  return { ...parts, redeem, userinfo };
}

const claims = { sub: jane.id, email: jane.email, email_verified: true };

test.each(["RS256", "ES256", "EdDSA"] as const)(
  "a client that registered %s gets userinfo as a JWT that names issuer and client (oidcc-userinfo-rs256)",
  async (algorithm) => {
    const { userinfo, store, signer } = setUpFor({ userinfo_signed_response_alg: algorithm });
    const answer = await userinfo();
    if (answer.kind !== "jwt") throw new Error("expected a JWT");
    const [header, payload] = answer.jwt.split(".");
    expect(readJwtPart(header)).toMatchObject({ alg: algorithm });
    expect(readJwtPart(payload)).toEqual({ ...claims, iss: issuer, aud: "special" });
    expect([store.takeRoundTrips(), signer.signatures]).toEqual([1, 1]);
    // An ID token hint, or a bearer of anything else, it is not (JWT-3, TOK-13).
    expect(await signer.verify(answer.jwt, "JWT")).toBeUndefined();
  },
);

test("userinfo is encrypted to the client's own key, signed inside where it registered both (OIDC Core §5.3.2)", async () => {
  const encrypted = { userinfo_encrypted_response_alg: "RSA-OAEP-256", jwks } as const;
  const plain = await setUpFor(encrypted).userinfo();
  if (plain.kind !== "jwt") throw new Error("expected a JWT");
  const outer = JSON.parse(plain.jwt) as { text: string };
  expect(outer).toMatchObject({ kid: "for enc", alg: "RSA-OAEP-256", enc: "A128CBC-HS256" });
  expect(outer).not.toHaveProperty("cty");
  expect(JSON.parse(outer.text)).toEqual(claims);
  const nested = await setUpFor({ ...encrypted, userinfo_signed_response_alg: "RS256" }).userinfo();
  if (nested.kind !== "jwt") throw new Error("expected a JWT");
  const { text, cty } = JSON.parse(nested.jwt) as { text: string; cty: string };
  expect(cty).toBe("JWT");
  expect(readJwtPart(text.split(".")[1])).toEqual({ ...claims, iss: issuer, aud: "special" });
});

test("an ID token is signed, then encrypted to the client's own key (OIDC Core §10.2)", async () => {
  const { redeem } = setUpFor({
    id_token_encrypted_response_alg: "RSA-OAEP-256",
    id_token_encrypted_response_enc: "A256GCM",
    jwks,
  });
  const { id_token } = await redeem();
  const { text, ...outer } = JSON.parse(id_token ?? "") as { text: string };
  expect(outer).toEqual({ kid: "for enc", alg: "RSA-OAEP-256", enc: "A256GCM", cty: "JWT" });
  expect(readJwtPart(text.split(".")[1])).toMatchObject({ sub: jane.id, aud: "special", nonce: "n" });
});

test("where no key can be encrypted to, nothing is sent in clear and the refusal says which is missing", async () => {
  const keys = { jwks: { keys: [jwks.keys[0] ?? {}] } };
  const { userinfo } = setUpFor({ userinfo_encrypted_response_alg: "RSA-OAEP-256", ...keys });
  const { redeem } = setUpFor({ id_token_encrypted_response_alg: "RSA-OAEP-256", ...keys });
  for (const attempt of [userinfo(), redeem()]) {
    const refusal = await refusalOf(attempt);
    expect(refusal).toMatchObject({ code: "invalid_client_metadata", status: 400 });
    expect(refusal.message).toContain("RSA-OAEP-256");
  }
});
