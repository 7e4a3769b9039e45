import { addSeconds, decodeBase64Url, type Random, sha256 } from "@dex/runtime";
import { OUT_OF_BAND } from "../clients/redirect-uri.ts";
import { nameForOneAnswer } from "../endpoints/one-answer.ts";
import type { LoginState } from "../login-state/login-state.ts";
import type { GrantTerms, NewCode, NewSession, Session } from "../ports.ts";
import type { TokenLifetimes } from "./lifetimes.ts";

const PREFIX = "dxc_";
const RANDOM_BYTES = 32;

/** An authorization code: `value` goes to the client, `stored` to the database, which never sees the value (AUT-14). */
export interface IssuedCode {
  readonly value: string;
  readonly stored: NewCode;
}

/** A fresh code for the request of `state` and the person of `session`. RFC 6749 §4.1.2. */
export function newCode(input: {
  state: LoginState;
  session: Session | NewSession;
  random: Random;
  now: Date;
  lifetimes: TokenLifetimes;
}): IssuedCode {
  const { state, session, now, lifetimes } = input;
  const { request } = state;
  const value = PREFIX + input.random(RANDOM_BYTES).toString("base64url");
  return {
    value,
    stored: {
      hash: sha256(value),
      loginStateId: nameForOneAnswer(request) ?? state.id,
      ...(request.requestObject === undefined ? {} : { keepUntil: request.requestObject.until }),
      clientId: request.clientId,
      userId: "user" in session ? session.user.id : session.userId,
      connectorId: session.connectorId,
      sessionHash: session.hash,
      redirectUri: request.redirectUri,
      scope: request.scope,
      nonce: request.nonce,
      ...(request.claims === undefined ? {} : { claims: request.claims }),
      codeChallenge: request.codeChallenge,
      ...termsOf(request),
      authTime: session.authTime,
      amr: session.amr,
      issuedAt: now,
      expiresAt: addSeconds(
        now,
        request.redirectUri === OUT_OF_BAND ? lifetimes.outOfBandCodeSeconds : lifetimes.codeSeconds,
      ),
    },
  };
}

function termsOf({ dpopJkt: codeJkt, resources, authorizationDetails }: LoginState["request"]): {
  readonly terms?: GrantTerms;
} {
  if (codeJkt === undefined && resources === undefined && authorizationDetails === undefined) return {};
  return {
    terms: {
      ...(codeJkt === undefined ? {} : { codeJkt }),
      ...(resources === undefined ? {} : { resources }),
      ...(authorizationDetails === undefined ? {} : { authorizationDetails }),
    },
  };
}

/** The stored hash of a code, or undefined when the text is none of ours (AUT-15). */
export function hashOfCode(text: string): Buffer | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  return decodeBase64Url(text.slice(PREFIX.length))?.length === RANDOM_BYTES ? sha256(text) : undefined;
}
