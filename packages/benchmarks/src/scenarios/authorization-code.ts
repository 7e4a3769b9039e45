// What every sign-in has in common: the authorization request, and the code that becomes verified tokens.
import { createHash, randomBytes } from "node:crypto";
import { type HttpClient, textOf } from "../http-client.ts";
import type { Proof } from "../scenario.ts";
import type { BenchmarkUser, System } from "../system.ts";
import { requestToken } from "./token-request.ts";

export interface AuthorizationAttempt {
  readonly url: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export interface SignedIn {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly proof: Proof;
}

/** A new authorization request with state, nonce and PKCE, as a careful client sends it. */
export function newAttempt({ issuer, clients }: System, scope: string): AuthorizationAttempt {
  const [state, nonce, verifier] = [random(), random(), random()];
  const params = new URLSearchParams({
    response_type: "code",
    client_id: clients.web.id,
    redirect_uri: clients.web.redirectUri,
    scope,
    state,
    nonce,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  return { url: `${issuer}/auth?${params}`, state, nonce, verifier };
}

/** Takes the authorization response, RFC 6749 §4.1.2, to the token endpoint. */
export async function redeemCode(
  parts: { system: System; http: HttpClient; user: BenchmarkUser },
  attempt: AuthorizationAttempt,
  response: URL,
): Promise<SignedIn> {
  const { system, http, user } = parts;
  const { web } = system.clients;
  const code = response.searchParams.get("code");
  if (!response.href.startsWith(`${web.redirectUri}?`) || code === null) {
    throw new Error(`found ${response.pathname} with ${response.searchParams.get("error")}, expected a code`);
  }
  if (response.searchParams.get("state") !== attempt.state) throw new Error("the response has another state");
  const answer = await requestToken(http, system.issuer, web, {
    grant_type: "authorization_code",
    code,
    redirect_uri: web.redirectUri,
    code_verifier: attempt.verifier,
  });
  const accessToken = textOf(answer, "access_token");
  const idToken = textOf(answer, "id_token");
  const expected = { clientId: web.id, userId: user.id, nonce: attempt.nonce, accessToken };
  return {
    accessToken,
    refreshToken: typeof answer.refresh_token === "string" ? answer.refresh_token : undefined,
    proof: () => system.tokens.verifyIdToken(idToken, expected),
  };
}

function random(): string {
  return randomBytes(32).toString("base64url");
}
