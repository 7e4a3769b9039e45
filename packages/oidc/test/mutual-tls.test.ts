// Tokens that are bound to the certificate of the connection, RFC 8705 §3, at the token endpoint and at userinfo.
import { X509Certificate } from "node:crypto";
import { makeClientAuthority } from "@dex/testing";
import { afterAll, describe, expect, test } from "vitest";
import { type Client, type ClientCertificate, clientCertificateOf, statusAtResource } from "../src/index.ts";
import { makeDpopKey, makeProof, USERINFO_URL } from "./dpop.ts";
import { client, jane, now, publicClient, secretOfClient } from "./fakes.ts";
import { challengeOfVerifier, claimsOf, refusalOf, setUp, tokensOf, verifier } from "./token-endpoint.ts";

const authority = makeClientAuthority();
afterAll(() => authority.remove());
const made = () => clientCertificateOf(new X509Certificate(authority.selfSigned().cert));
const certificate = made();
const other = made();

const details = { tls_client_certificate_bound_access_tokens: true };
const bound: Client = { ...client, id: "client-bound", details };
const native: Client = { ...publicClient, id: "native-bound", details };
type Fields = Readonly<Record<string, string>>;

function open(...more: readonly Client[]) {
  const parts = setUp({ clients: [bound, native, ...more] });
  const query = new URLSearchParams();

  async function post(by: Client, fields: Fields, clientCertificate?: ClientCertificate, dpop: readonly string[] = []) {
    const secret: Fields = by.public ? {} : { client_secret: secretOfClient };
    const body = new URLSearchParams({ client_id: by.id, ...secret, ...fields });
    const form = {
      authorization: undefined,
      contentType: "application/x-www-form-urlencoded",
      query,
      body,
      source: "",
    };
    return tokensOf(await parts.endpoint.handle({ ...form, dpop, clientCertificate }, now));
  }

  function codeOf(by: Client): Fields {
    const code = parts.issueCode({ client: by, scope: "openid offline_access", codeChallenge: challengeOfVerifier });
    const redirectUri = by.redirectUris[0] ?? "";
    return { grant_type: "authorization_code", code, redirect_uri: redirectUri, code_verifier: verifier };
  }
  const refreshOf = (token: unknown): Fields => ({ grant_type: "refresh_token", refresh_token: String(token) });
  const ask = async (authorization: string, clientCertificate?: ClientCertificate, dpop: readonly string[] = []) =>
    claimsOf(await parts.userinfo.handle({ authorization, query, clientCertificate, dpop, method: "GET" }, now));
  return { ...parts, post, codeOf, refreshOf, ask };
}

describe("a client that registered for bound tokens", () => {
  test("gets one that its certificate alone can use, with no round trip and no signature more (RFC 8705 §3)", async () => {
    const { post, codeOf, ask, store, signer } = open();
    const code = codeOf(bound);
    store.takeRoundTrips();
    signer.signatures = 0;
    const { access_token: token, token_type: type } = await post(bound, code, certificate);
    expect([type, store.takeRoundTrips(), signer.signatures]).toEqual(["Bearer", 1, 1]);
    expect(await ask(`Bearer ${token}`, certificate)).toMatchObject({ sub: jane.id });
    expect(store.takeRoundTrips()).toBe(1);
    for (const wrong of [undefined, other]) {
      const refusal = await refusalOf(ask(`Bearer ${token}`, wrong));
      expect([refusal.code, statusAtResource(refusal)]).toEqual(["invalid_token", 401]);
    }
    expect((await refusalOf(ask(`DPoP ${token}`, certificate))).code).toBe("invalid_token");
  });

  test("gets none without a certificate, and keeps its code and its refresh token (cert 11 ensure-holder-of-key-required)", async () => {
    const { post, codeOf, refreshOf } = open();
    const code = codeOf(bound);
    expect(await refusalOf(post(bound, code))).toMatchObject({ code: "invalid_request", status: 400 });
    const proof = [makeProof(makeDpopKey())];
    expect(await refusalOf(post(bound, code, undefined, proof))).toMatchObject({ code: "invalid_request" });
    const { refresh_token: first } = await post(bound, code, certificate);
    expect(await refusalOf(post(bound, refreshOf(first)))).toMatchObject({ code: "invalid_request" });
    expect(await refusalOf(post(bound, { grant_type: "client_credentials" }))).toMatchObject({
      code: "invalid_request",
    });
    expect(await post(bound, refreshOf(first), certificate)).toMatchObject({ token_type: "Bearer" });
  });

  test("gets its own tokens with the thumbprint in them (RFC 8705 §3.1)", async () => {
    const { access_token: token } = await open().post(bound, { grant_type: "client_credentials" }, certificate);
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    expect(claims.cnf).toEqual({ "x5t#S256": certificate.thumbprint });
  });

  test("gets no other tokens under FAPI 1.0, also where what it registered says nothing of them (Part 2 section 5.2.2)", async () => {
    const held: Client = { ...bound, id: "client-held", details: { profile: "fapi1-advanced" } };
    const { post, codeOf } = open(held);
    for (const shown of [undefined, certificate]) {
      for (const dpop of [[], [makeProof(makeDpopKey())]]) {
        const refusal = await refusalOf(post(held, codeOf(held), shown, dpop));
        expect(refusal.code).toBe("invalid_request");
        expect(refusal.message).toMatch(/\(FAPI 1\.0 Part 2 section 5\.2\.2\)$/);
      }
    }
  });

  test("may come with another certificate at a refresh, since it authenticates (RFC 8705 §7.1)", async () => {
    const { post, codeOf, refreshOf, ask } = open();
    const { refresh_token: first } = await post(bound, codeOf(bound), certificate);
    const { access_token: token } = await post(bound, refreshOf(first), other);
    expect(await ask(`Bearer ${token}`, other)).toMatchObject({ sub: jane.id });
    expect((await refusalOf(ask(`Bearer ${token}`, certificate))).code).toBe("invalid_token");
  });

  test("has its refresh tokens bound where it is public (RFC 8705 §4, §7.1)", async () => {
    const { post, codeOf, refreshOf } = open();
    const { refresh_token: first } = await post(native, codeOf(native), certificate);
    expect((await refusalOf(post(native, refreshOf(first), other))).code).toBe("invalid_grant");
    const { refresh_token: second } = await post(native, refreshOf(first), certificate);
    expect((await refusalOf(post(native, refreshOf(second), other))).code).toBe("invalid_grant");
  });

  test("has its refresh tokens bound also when it no longer asks for that, and usable with the certificate (RFC 8705 §7.1)", async () => {
    const changing: Client & { details: Client["details"] } = { ...native, id: "native-changing" };
    const { post, codeOf, refreshOf, ask } = open(changing);
    const { refresh_token: first } = await post(changing, codeOf(changing), certificate);
    changing.details = {};
    for (const wrong of [undefined, other]) {
      expect((await refusalOf(post(changing, refreshOf(first), wrong))).code).toBe("invalid_grant");
    }
    const { access_token: token, refresh_token: second } = await post(changing, refreshOf(first), certificate);
    expect(await ask(`Bearer ${token}`, certificate)).toMatchObject({ sub: jane.id });
    expect((await refusalOf(ask(`Bearer ${token}`))).code).toBe("invalid_token");
    expect(await post(changing, refreshOf(second), certificate)).toHaveProperty("access_token");
    const { refresh_token: plain } = await post(changing, codeOf(changing), certificate);
    expect(await post(changing, refreshOf(plain))).toHaveProperty("access_token");
  });

  test("has them bound to certificate and key where it shows both (RFC 9449 §7.1, RFC 8705 §3)", async () => {
    const { post, codeOf, ask } = open();
    const key = makeDpopKey();
    const { access_token: token, token_type: type } = await post(bound, codeOf(bound), certificate, [makeProof(key)]);
    expect(type).toBe("DPoP");
    const proof = () => [makeProof(key, { claims: { htm: "GET", htu: USERINFO_URL }, accessToken: token })];
    expect(await ask(`DPoP ${token}`, certificate, proof())).toMatchObject({ sub: jane.id });
    expect((await refusalOf(ask(`DPoP ${token}`, other, proof()))).code).toBe("invalid_token");
    expect((await refusalOf(ask(`Bearer ${token}`, certificate))).code).toBe("invalid_token");
  });
});

test("a client that did not register for it has plain bearer tokens, whatever certificate is shown (RFC 8705 §3.4)", async () => {
  const { post, codeOf, ask, refreshOf } = open();
  const { access_token: token, refresh_token: first } = await post(client, codeOf(client), certificate);
  expect(await ask(`Bearer ${token}`)).toMatchObject({ sub: jane.id });
  expect(await ask(`Bearer ${token}`, other)).toMatchObject({ sub: jane.id });
  expect(await post(client, refreshOf(first))).toMatchObject({ token_type: "Bearer" });
});
