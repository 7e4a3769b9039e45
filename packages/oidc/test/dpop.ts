// A client's side of DPoP: keys, and proofs that are right but for what a test changes.
import {
  constants,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomUUID,
  type SigningOptions,
  sign,
} from "node:crypto";
import { sha256, toEpochSeconds } from "@dex/runtime";
import { thumbprintOf } from "../src/sender-constraint/jwk-thumbprint.ts";
import { issuer, now } from "./fakes.ts";

export interface DpopKey {
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly jwk: Readonly<Record<string, string>>;
  readonly jkt: string;
}

type Algorithm = "ES256" | "PS256" | "RS256" | "EdDSA" | "Ed25519";

export function makeDpopKey(alg: Algorithm = "ES256", bits = 2048): DpopKey {
  const { publicKey, privateKey } = generate(alg, bits);
  const jwk = Object.fromEntries(Object.entries(publicKey.export({ format: "jwk" }) as JsonWebKey)) as DpopKey["jwk"];
  return { alg, privateKey, jwk, jkt: thumbprintOf(jwk) ?? "" };
}

function generate(alg: Algorithm, bits: number) {
  if (alg === "ES256") return generateKeyPairSync("ec", { namedCurve: "P-256" });
  if (alg === "PS256" || alg === "RS256") return generateKeyPairSync("rsa", { modulusLength: bits });
  return generateKeyPairSync("ed25519");
}

type Members = Readonly<Record<string, unknown>>;
export interface ProofChanges {
  readonly header?: Members;
  readonly claims?: Members;
  /** The token that it is shown beside. */
  readonly accessToken?: string;
  readonly at?: Date;
}

export const TOKEN_URL = `${issuer}/token`;
export const USERINFO_URL = `${issuer}/userinfo`;

/** A proof of a request to the token endpoint, or with an access token of a GET to userinfo. Undefined leaves a member out. */
export function makeProof(key: DpopKey, changes: ProofChanges = {}): string {
  const { accessToken, at = now } = changes;
  const header = { typ: "dpop+jwt", alg: key.alg, jwk: key.jwk, ...changes.header };
  const ath = accessToken === undefined ? undefined : sha256(accessToken).toString("base64url");
  const target = ath === undefined ? { htm: "POST", htu: TOKEN_URL } : { htm: "GET", htu: USERINFO_URL, ath };
  const claims = { jti: randomUUID(), iat: toEpochSeconds(at), ...target, ...changes.claims };
  const signedText = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${signedText}.${signatureOf(key, signedText).toString("base64url")}`;
}

function signatureOf({ alg, privateKey: key }: DpopKey, text: string): Buffer {
  const data = Buffer.from(text);
  if (alg === "EdDSA" || alg === "Ed25519") return sign(null, data, key);
  const options: Readonly<Record<string, SigningOptions>> = {
    ES256: { dsaEncoding: "ieee-p1363" },
    PS256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  };
  return sign("sha256", data, { key, ...options[alg] });
}
