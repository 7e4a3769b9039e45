import type { Client } from "../clients/client.ts";
import { idTokenEncryptionOf } from "../clients/encryption-key.ts";
import type { TokenSigner } from "../ports.ts";
import type { EncryptToClient } from "./encrypt-to-client.ts";
import { ID_TOKEN_TYP, type IdTokenInput, idTokenClaims } from "./id-token.ts";
import { lifetimesFor, secondsUntil, type TokenLifetimes } from "./lifetimes.ts";
import { type Subjects, sectorOf } from "./subject.ts";

export interface IdTokenOrder extends Pick<IdTokenInput, "grant" | "scope" | "nonce" | "userClaims" | "beside"> {
  readonly client: Client;
  /** It never lives beyond this; undefined: as long as the client's do. */
  readonly notAfter?: Date | undefined;
}

/** Makes the ID token that a client gets, wherever it gets it: at the token endpoint and at the authorization endpoint. */
export type IssueIdToken = (order: IdTokenOrder, now: Date) => Promise<string>;

/** One signature each, with the algorithm that the client registered, and sealed to its key where it asked for that. */
export function makeIssueIdToken(parts: {
  issuer: string;
  signer: TokenSigner;
  lifetimes: TokenLifetimes;
  encryptToClient: EncryptToClient;
  subjects: Subjects;
}): IssueIdToken {
  const { issuer, signer, lifetimes, encryptToClient, subjects } = parts;
  return async ({ client, notAfter, ...order }, now) => {
    const algorithm = client.idTokenSigningAlgorithm;
    const subject = subjects.of(order.grant, sectorOf(client));
    const userClaims = leavesToUserinfo(client, order) ? "none" : order.userClaims;
    const claims = idTokenClaims(
      {
        ...order,
        issuer,
        subject,
        algorithm,
        userClaims,
        lifetimeSeconds: secondsUntil(notAfter, lifetimesFor(client, lifetimes).idTokenSeconds, now),
      },
      now,
    );
    const signed = await signer.sign(claims, { typ: ID_TOKEN_TYP, algorithm });
    const encryption = idTokenEncryptionOf(client.details);
    return encryption === undefined ? signed : encryptToClient(client, { text: signed, cty: "JWT" }, encryption, now);
  };
}

/**
 * OIDC Core §5.4 has what a scope releases at userinfo alone where an access token leads there. Clients of dex (kubectl, proxies)
 * never ask there, so a client says when it is content with that.
 */
function leavesToUserinfo({ details }: Client, { beside }: Pick<IdTokenInput, "beside">): boolean {
  return details.id_token_claims === "requested" && beside.accessToken !== undefined;
}
