// Answers of the authorization endpoint as the client asked to have them: as plain parameters, or all of them in one JWT that
// shows who made them and for whom (JARM, JWT Secured Authorization Response Mode).
import { addSeconds, toEpochSeconds } from "@dex/runtime";
import type { Client } from "../clients/client.ts";
import { responseEncryptionOf } from "../clients/encryption-key.ts";
import { defaultAlgorithmFor } from "../clients/profile.ts";
import { OAuthError } from "../errors.ts";
import type { Clients, TokenSigner } from "../ports.ts";
import type { EncryptToClient } from "../tokens/encrypt-to-client.ts";
import type { AuthorizationRequest } from "./authorization-request.ts";
import {
  type AuthorizationResponse,
  errorMembers,
  type ResponseMembers,
  type ResponseTarget,
  renderAuthorizationResponse,
  renderMembers,
} from "./authorization-response.ts";

/** The `typ` of such a JWT: it is taken for no other of ours, an ID token above all (JWT-3). */
export const RESPONSE_JWT_TYP = "oauth-authz-resp+jwt";
/** JARM §2.1 recommends ten minutes at most. */
const LIFETIME_SECONDS = 600;

/** Where an answer goes, and whether as a JWT. */
export type AnswerTarget = ResponseTarget & Pick<AuthorizationRequest, "clientId" | "responseInJwt">;

export interface AuthorizationResponses {
  /** Takes what was asked for to the client. One signature where it goes in a JWT. */
  answer(target: AnswerTarget, members: ResponseMembers, now: Date): Promise<AuthorizationResponse>;
  /** Takes an error to the client the same way, RFC 6749 §4.1.2.1, with what else is said beside it. */
  refuse(target: AnswerTarget, error: OAuthError, now: Date, beside?: ResponseMembers): Promise<AuthorizationResponse>;
}

export function makeAuthorizationResponses(parts: {
  issuer: string;
  clients: Clients;
  signer: TokenSigner;
  encryptToClient: EncryptToClient;
}): AuthorizationResponses {
  const { issuer, clients } = parts;

  async function answer(target: AnswerTarget, members: ResponseMembers, now: Date): Promise<AuthorizationResponse> {
    if (target.responseInJwt !== true) return renderAuthorizationResponse(target, members, issuer);
    const client = await clients.find(target.clientId);
    if (client === undefined) throw new OAuthError("invalid_request", "the application is no longer registered");
    const jwt = await inJwt({ ...target, state: target.state }, members, client, now);
    return renderMembers(target, [["response", jwt]]);
  }

  /** JARM §2.1: issuer, audience and expiry, and every parameter of the answer as a claim. */
  async function inJwt(
    { state }: ResponseTarget,
    members: ResponseMembers,
    client: Client,
    now: Date,
  ): Promise<string> {
    const claims = {
      ...Object.fromEntries(members),
      ...(state === undefined ? {} : { state }),
      iss: issuer,
      aud: client.id,
      exp: toEpochSeconds(addSeconds(now, LIFETIME_SECONDS)),
    };
    const algorithm = client.details.authorization_signed_response_alg ?? defaultAlgorithmFor(client.details);
    const signed = await parts.signer.sign(claims, { typ: RESPONSE_JWT_TYP, algorithm });
    const encryption = responseEncryptionOf(client.details);
    return encryption === undefined
      ? signed
      : parts.encryptToClient(client, { text: signed, cty: "JWT" }, encryption, now);
  }

  return {
    answer,
    refuse: (target, error, now, beside = []) => answer(target, [...errorMembers(error), ...beside], now),
  };
}
