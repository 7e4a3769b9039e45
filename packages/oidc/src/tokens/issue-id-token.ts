import type { Client } from "../clients/client.ts";
import type { TokenSigner } from "../ports.ts";
import { ID_TOKEN_TYP, type IdTokenInput, idTokenClaims } from "./id-token.ts";
import type { TokenLifetimes } from "./lifetimes.ts";

export interface IdTokenOrder extends Pick<IdTokenInput, "grant" | "scope" | "nonce" | "userClaims" | "beside"> {
  readonly client: Client;
}

/** Makes the ID token that a client gets, wherever it gets it: at the token endpoint and at the authorization endpoint. */
export type IssueIdToken = (order: IdTokenOrder, now: Date) => Promise<string>;

/** One signature each, with the algorithm that the client registered. */
export function makeIssueIdToken(parts: {
  issuer: string;
  signer: TokenSigner;
  lifetimes: TokenLifetimes;
}): IssueIdToken {
  const { issuer, signer, lifetimes } = parts;
  return ({ client, ...order }, now) => {
    const algorithm = client.idTokenSigningAlgorithm;
    const claims = idTokenClaims({ ...order, issuer, algorithm, lifetimeSeconds: lifetimes.idTokenSeconds }, now);
    return signer.sign(claims, { typ: ID_TOKEN_TYP, algorithm });
  };
}
