// From an authorization code to an access token (RFC 6749 §4.1.3), with the PKCE verifier (RFC 7636 §4.5).
import type { BoundedFetch } from "../bounded-fetch.ts";
import { invalidAnswer, unavailable } from "../login-refused.ts";
import { parseTokenAnswer } from "./token-answer.ts";

export interface CodeToRedeem {
  readonly code: string;
  readonly codeVerifier: string;
  /** As it was in the authorization request; absent if it was absent there. */
  readonly redirect_uri?: string;
}

/** Throws LoginRefused or UpstreamUnreachable when there is no token. */
export type CodeExchange = (given: CodeToRedeem, signal: AbortSignal) => Promise<string>;

export function makeCodeExchange(parts: {
  readonly fetch: BoundedFetch;
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly clientAuthentication: "client_secret_basic" | "client_secret_post";
}): CodeExchange {
  const { fetch, tokenEndpoint, clientId, clientSecret, clientAuthentication } = parts;
  return async ({ codeVerifier, ...given }, signal) => {
    const body = new URLSearchParams({ grant_type: "authorization_code", ...given, code_verifier: codeVerifier });
    const headers: Record<string, string> = {
      accept: "application/json",
      "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
    };
    if (clientAuthentication === "client_secret_basic") {
      headers.authorization = basicCredentials(clientId, clientSecret);
    } else {
      body.set("client_id", clientId);
      body.set("client_secret", clientSecret);
    }
    const response = await fetch(tokenEndpoint, { method: "POST", headers, body: body.toString(), signal });
    if (response.status >= 500) throw unavailable(`token endpoint: status ${response.status}`);
    const type = response.headers.get("content-type") ?? "";
    const answer = parseTokenAnswer(response.status, type, await response.text());
    if (answer.kind === "token") return answer.accessToken;
    throw answer.ourFault ? unavailable(answer.detail) : invalidAnswer(answer.detail);
  };
}

/** RFC 6749 §2.3.1: both halves form-encoded, and nothing that need not be: not every server decodes them. */
function basicCredentials(clientId: string, clientSecret: string): string {
  const encode = (text: string) => new URLSearchParams([["", text]]).toString().slice(1);
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString("base64")}`;
}
