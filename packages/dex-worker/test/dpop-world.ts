// A client's side of DPoP in tests over HTTP: keys, proofs that are right but for what a test changes, and requests with them.
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { expect } from "vitest";
import { REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

/** A key of a client's. */
export interface Key {
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
  readonly privateJwk: JWK;
  readonly jkt: string;
}

export async function makeKey(alg = "ES256"): Promise<Key> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return { alg, privateKey, jwk, privateJwk: await exportJWK(privateKey), jkt: await calculateJwkThumbprint(jwk) };
}

export type Members = Readonly<Record<string, unknown>>;

export const seconds = (ahead: number) => Math.floor(Date.now() / 1000) + ahead;

async function hashOf(text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(text))).toString("base64url");
}

export interface Answer {
  readonly status: number;
  readonly body: {
    access_token: string;
    refresh_token: string;
    token_type: string;
    request_uri: string;
    error: string;
    sub?: string;
  };
  readonly headers: Headers;
}

async function answerOf(response: Response): Promise<Answer> {
  return { status: response.status, body: (await response.json()) as Answer["body"], headers: response.headers };
}

export const formOf = (code: string) => ({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });

/** Requests to `worker`. */
export function makeDpopRequests(worker: TestWorker) {
  /** The claims of a proof of a request to the token endpoint, or with an access token of a GET to userinfo. */
  async function claimsOf(accessToken: string | undefined, changes: Members = {}): Promise<Members> {
    const target =
      accessToken === undefined
        ? { htm: "POST", htu: `${worker.issuer}/token` }
        : { htm: "GET", htu: `${worker.issuer}/userinfo`, ath: await hashOf(accessToken) };
    return { jti: crypto.randomUUID(), iat: seconds(0), ...target, ...changes };
  }

  async function prove(by: Key, changes: { header?: Members; claims?: Members; accessToken?: string } = {}) {
    const header = { typ: "dpop+jwt", alg: by.alg, jwk: by.jwk, ...changes.header };
    return new SignJWT(await claimsOf(changes.accessToken, changes.claims))
      .setProtectedHeader(header)
      .sign(by.privateKey);
  }

  /** A token request of `client`, or without authentication, with these proofs. */
  async function post(
    form: Readonly<Record<string, string>>,
    proofs: readonly string[],
    client: TestClient | undefined = worker.client,
    url = `${worker.issuer}/token`,
  ): Promise<Answer> {
    const headers = new Headers(proofs.map((proof) => ["DPoP", proof] as [string, string]));
    if (client.secret !== "")
      headers.set("Authorization", `Basic ${btoa(`${encodeURIComponent(client.id)}:${client.secret}`)}`);
    const body = new URLSearchParams(client.secret === "" ? { ...form, client_id: client.id } : form);
    return answerOf(await fetch(url, { method: "POST", headers, body }));
  }

  async function codeFor(client: TestClient, more: Readonly<Record<string, string>> = {}): Promise<string> {
    const end = await worker.signIn(worker.browser(), {
      client_id: client.id,
      scope: "openid offline_access",
      ...more,
    });
    return end.searchParams.get("code") ?? expect.fail(`no code in ${end}`);
  }

  /** Tokens of `client` that are bound to `key`. */
  async function boundTokens(key: Key, client = worker.client): Promise<Answer["body"]> {
    const { status, body } = await post(formOf(await codeFor(client)), [await prove(key)], client);
    expect([status, body.token_type]).toEqual([200, "DPoP"]);
    return body;
  }

  const ask = async (authorization: string, ...proofs: readonly string[]): Promise<Answer> =>
    answerOf(
      await fetch(`${worker.issuer}/userinfo`, {
        headers: [["Authorization", authorization], ...proofs.map((proof): [string, string] => ["DPoP", proof])],
      }),
    );

  return { claimsOf, prove, post, codeFor, boundTokens, ask };
}
