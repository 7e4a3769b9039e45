import { sha256 } from "@dex/runtime";
import { describe, expect, test } from "vitest";
import { makeDpopKey, makeProof, TOKEN_URL, USERINFO_URL } from "../../test/dpop.ts";
import { later, now } from "../../test/fakes.ts";
import { checkDpopProof } from "./dpop-proof.ts";
import { thumbprintOf } from "./jwk-thumbprint.ts";

const key = makeDpopKey();
const other = makeDpopKey();
const atToken = { method: "POST", url: TOKEN_URL };
const accessToken = "dxa_token";
const atUserinfo = { method: "GET", url: USERINFO_URL, accessToken };

const seconds = (ahead: number) => Math.floor(later(ahead).getTime() / 1000);
const { d: _own, ...publicMembers } = key.privateKey.export({ format: "jwk" });
const privateJwk = key.privateKey.export({ format: "jwk" });
const withHeader = (header: Readonly<Record<string, unknown>>) => makeProof(key, { header });
const withClaims = (claims: Readonly<Record<string, unknown>>) => makeProof(key, { claims });
const parts = makeProof(key).split(".");

const refusals: readonly (readonly [string, string])[] = [
  ["it is empty", ""],
  ["it is no JWT", "proof"],
  ["it has no signature", parts.slice(0, 2).join(".")],
  ["its signature is empty", `${parts[0]}.${parts[1]}.`],
  ["there are two in one header", `${makeProof(key)}, ${makeProof(key)}`],
  ["it is spelt otherwise", `${makeProof(key)}=`],
  ["it is endless", withClaims({ more: "x".repeat(10_000) })],
  ["typ is missing", withHeader({ typ: undefined })],
  ["typ is JWT", withHeader({ typ: "JWT" })],
  ["typ is at+jwt", withHeader({ typ: "at+jwt" })],
  ["typ is no text", withHeader({ typ: 1 })],
  ["alg is missing", withHeader({ alg: undefined })],
  ["alg is none", withHeader({ alg: "none" })],
  ["alg is of a MAC", withHeader({ alg: "HS256" })],
  ["alg is another one than the key's", withHeader({ alg: "PS256" })],
  ["alg is RS256", makeProof(makeDpopKey("RS256"))],
  ["jwk is missing", withHeader({ jwk: undefined })],
  ["jwk is null", withHeader({ jwk: null })],
  ["jwk is a list", withHeader({ jwk: [key.jwk] })],
  ["jwk is a text", withHeader({ jwk: JSON.stringify(key.jwk) })],
  ["jwk is empty", withHeader({ jwk: {} })],
  ["jwk is private", withHeader({ jwk: privateJwk })],
  ["jwk is symmetric", withHeader({ jwk: { kty: "oct", k: "c2VjcmV0" }, alg: "HS256" })],
  ["jwk is another key", withHeader({ jwk: other.jwk })],
  ["jwk is no point", withHeader({ jwk: { ...key.jwk, y: key.jwk.x } })],
  ["jwk is spelt otherwise", withHeader({ jwk: { ...key.jwk, x: `${key.jwk.x}=` } })],
  ["jwk is for encryption", withHeader({ jwk: { ...key.jwk, use: "enc" } })],
  ["jwk is weak", makeProof(makeDpopKey("PS256", 1024))],
  ["the key comes by address", withHeader({ jku: "https://a.example/keys" })],
  ["it demands what is not known", withHeader({ crit: ["x"], x: 1 })],
  ["the signature is of another text", `${makeProof(key).split(".").slice(0, 2).join(".")}.${parts[2]}`],
  ["jti is missing", withClaims({ jti: undefined })],
  ["jti is empty", withClaims({ jti: "" })],
  ["jti is endless", withClaims({ jti: "x".repeat(256) })],
  ["jti is no text", withClaims({ jti: 7 })],
  ["htm is missing", withClaims({ htm: undefined })],
  ["htm is another method", withClaims({ htm: "GET" })],
  ["htm is in small letters", withClaims({ htm: "post" })],
  ["htu is missing", withClaims({ htu: undefined })],
  ["htu is another endpoint", withClaims({ htu: USERINFO_URL })],
  ["htu is another host", withClaims({ htu: "https://id.example.net/dex/token" })],
  ["htu has another scheme", withClaims({ htu: "http://id.example/dex/token" })],
  ["htu has another port", withClaims({ htu: "https://id.example:8443/dex/token" })],
  ["htu has a user", withClaims({ htu: "https://a@id.example/dex/token" })],
  ["htu goes on", withClaims({ htu: `${TOKEN_URL}/` })],
  ["htu has another case in its path", withClaims({ htu: "https://id.example/dex/TOKEN" })],
  ["htu is a path", withClaims({ htu: "/dex/token" })],
  ["htu is no address", withClaims({ htu: `${TOKEN_URL}\n` })],
  ["iat is missing", withClaims({ iat: undefined })],
  ["iat is no number", withClaims({ iat: String(seconds(0)) })],
  ["iat is an hour ago", withClaims({ iat: seconds(-3600) })],
  ["iat is 61 seconds ago", withClaims({ iat: seconds(-61) })],
  ["iat is 60 seconds ahead", withClaims({ iat: seconds(60) })],
  ["iat is an hour ahead", withClaims({ iat: seconds(3600) })],
  ["iat is past all numbers", withClaims({ iat: 1e300 })],
  ["nbf is 60 seconds ahead", withClaims({ nbf: seconds(60) })],
  ["exp is a minute ago", withClaims({ exp: seconds(-60) })],
  ["exp is no number", withClaims({ exp: "soon" })],
  ["nonce is no text", withClaims({ nonce: 7 })],
];

describe("a proof is refused", () => {
  test.each(refusals)("when %s (DPO-1, RFC 9449 §4.3)", (_when, proof) => {
    expect(checkDpopProof(proof, atToken, now)).toMatchObject({ kind: "refused" });
  });

  const ofTokens: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ["ath is missing", { ath: undefined }],
    ["ath is empty", { ath: "" }],
    ["ath is the token", { ath: accessToken }],
    ["ath is of another token", { ath: sha256("dxa_other").toString("base64url") }],
    ["ath is spelt otherwise", { ath: sha256(accessToken).toString("base64") }],
  ];
  test.each(ofTokens)("at a resource when %s (DPO-1, RFC 9449 §4.3)", (_when, claims) => {
    const proof = makeProof(key, { accessToken, claims });
    expect(checkDpopProof(proof, atUserinfo, now)).toMatchObject({ kind: "refused" });
  });
});

test("a proof is refused when it is cut, extended or altered in any place (DPO-1, JWT-9)", () => {
  const proof = makeProof(key);
  const mutants = [`${proof}A`, `${proof}=`, ` ${proof}`, proof.toUpperCase(), proof.toLowerCase()];
  for (let place = 0; place < proof.length; place += 1) {
    mutants.push(proof.slice(0, place));
    mutants.push(proof.slice(0, place) + (proof[place] === "A" ? "B" : "A") + proof.slice(place + 1));
  }
  for (const mutant of mutants) expect(checkDpopProof(mutant, atToken, now).kind).toBe("refused");
});

const accepted: readonly (readonly [string, string])[] = [
  ["it is as it should be", makeProof(key)],
  ["the key says what it is for", withHeader({ jwk: { ...key.jwk, use: "sig", alg: "ES256", kid: "one" } })],
  ["typ is written in full", withHeader({ typ: "application/dpop+jwt" })],
  ["it says more", withClaims({ more: { of: "this" } })],
  ["iat is ten seconds ago", withClaims({ iat: seconds(-10) })],
  ["iat is a minute ago", withClaims({ iat: seconds(-60) })],
  ["iat is ten seconds ahead", withClaims({ iat: seconds(10) })],
  ["it has nbf and exp", withClaims({ nbf: seconds(0), exp: seconds(60) })],
  ["nbf is eight seconds ahead", withClaims({ nbf: seconds(8) })],
  ["htu has a query", withClaims({ htu: `${TOKEN_URL}?a=b` })],
  ["htu has a fragment", withClaims({ htu: `${TOKEN_URL}#a` })],
  ["htu has other letters in scheme and host", withClaims({ htu: "HTTPS://ID.Example/dex/token" })],
  ["htu names the default port", withClaims({ htu: "https://id.example:443/dex/token" })],
];

describe("a proof is taken", () => {
  test.each(accepted)("when %s (RFC 9449 §4.3)", (_when, proof) => {
    expect(checkDpopProof(proof, atToken, now)).toMatchObject({ kind: "proof", proof: { jkt: key.jkt } });
  });

  test.each(["ES256", "PS256", "EdDSA", "Ed25519"] as const)("when it is signed with %s (RFC 9449 §4.2)", (alg) => {
    const signer = makeDpopKey(alg);
    const decision = checkDpopProof(makeProof(signer, { accessToken }), atUserinfo, now);
    expect(decision).toMatchObject({ kind: "proof", proof: { jkt: signer.jkt } });
  });
});

test("a proof may name the other address of the endpoint, and no third one (RFC 8705 §5)", () => {
  const alias = "https://mtls.id.example/dex/token";
  const kindFor = (htu: string) => checkDpopProof(withClaims({ htu }), { ...atToken, alias }, now).kind;
  expect([TOKEN_URL, alias].map(kindFor)).toEqual(["proof", "proof"]);
  expect(["https://mtls.id.example/dex/userinfo", "https://other.example/dex/token"].map(kindFor)).toEqual([
    "refused",
    "refused",
  ]);
});

test("the private key of the table is the one that signs, so nothing but it is what is refused", () => {
  expect(publicMembers).toEqual(key.jwk);
  expect(checkDpopProof(withHeader({ jwk: publicMembers }), atToken, now).kind).toBe("proof");
});

test("a proof is remembered until nobody takes it any more (RFC 9449 §11.1)", () => {
  for (const ahead of [-60, 0, 30]) {
    const proof = withClaims({ iat: seconds(ahead) });
    const decision = checkDpopProof(proof, atToken, now);
    const until = decision.kind === "proof" ? decision.proof.goodUntil : now;
    expect(checkDpopProof(proof, atToken, until).kind).toBe("refused");
  }
});

test("the thumbprint is that of the examples (RFC 7638 §3.1, RFC 8037 A.3)", () => {
  const n =
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
  expect(thumbprintOf({ kty: "RSA", n, e: "AQAB", alg: "RS256", kid: "2011-04-29" })).toBe(
    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
  );
  const x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
  expect(thumbprintOf({ kty: "OKP", crv: "Ed25519", x })).toBe("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
});
