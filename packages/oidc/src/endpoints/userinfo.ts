import { type JsonObject, toEpochSeconds } from "@dex/runtime";
import type { Client } from "../clients/client.ts";
import { userinfoEncryptionOf } from "../clients/encryption-key.ts";
import { BearerTokenMissing, OAuthError } from "../errors.ts";
import type { ClientCertificate } from "../mutual-tls/client-certificate.ts";
import type { Clients, OwnTokenVerifier, TokenFamilies, TokenSigner } from "../ports.ts";
import type { EngineSealers } from "../sealers.ts";
import { parsePresentedToken, proveBearer } from "../sender-constraint/presented-token.ts";
import type { ProveSender } from "../sender-constraint/prove-sender.ts";
import { type AccessToken, makeAccessTokenOpener } from "../tokens/access-token.ts";
import { userClaims } from "../tokens/claims.ts";
import type { EncryptToClient } from "../tokens/encrypt-to-client.ts";
import { federatedClaims } from "../tokens/federated-claims.ts";
import { ACCESS_TOKEN_JWT_TYP, toFamilyAccessToken } from "../tokens/jwt-access-token.ts";
import { liveGrantOf } from "../tokens/live-grant.ts";
import { type Subjects, sectorOf } from "../tokens/subject.ts";
import { endpointUrl } from "./discovery.ts";

/** The `typ` of a signed answer: it can be taken for no other JWT of ours, an ID token above all (JWT-3). */
export const USERINFO_JWT_TYP = "userinfo+jwt";

/** A request to a protected resource as it came. `body` is the form of a POST that has one. */
export interface UserinfoRequest {
  readonly authorization: string | undefined;
  readonly query: URLSearchParams;
  readonly body?: URLSearchParams | undefined;
  /** The header DPoP, each time it was sent, and the method that its proof must name. */
  readonly dpop?: readonly string[] | undefined;
  readonly method?: string | undefined;
  /** Of the TLS connection that the client made (RFC 8705). */
  readonly clientCertificate?: ClientCertificate | undefined;
}

/** The claims as the client registered to get them, OIDC Core §5.3.2: `jwt` is an answer of the type application/jwt. */
export type UserinfoAnswer = (
  | { readonly kind: "json"; readonly claims: JsonObject }
  | { readonly kind: "jwt"; readonly jwt: string }
) & {
  /** For the header DPoP-Nonce, RFC 9449 §8.2. */
  readonly dpopNonce?: string | undefined;
};

export interface UserinfoEndpoint {
  /** The claims about the token's user. Throws an OAuthError, whose challenges renderResourceChallenges writes. */
  handle(request: UserinfoRequest, now: Date): Promise<UserinfoAnswer>;
}

export interface UserinfoParts {
  readonly issuer: string;
  readonly families: Pick<TokenFamilies, "findLive">;
  readonly sealers: Pick<EngineSealers, "accessToken">;
  /** Tells a client's own JWT access token from a bad one. */
  readonly accessTokenVerifier: OwnTokenVerifier;
  readonly clients: Clients;
  readonly signer: TokenSigner;
  readonly encryptToClient: EncryptToClient;
  readonly subjects: Subjects;
  readonly proveSender: ProveSender;
}

/**
 * The userinfo endpoint, OIDC Core §5.3. One statement, and one more for a token that is bound to a key; a signature where the
 * client registered for one.
 */
export function makeUserinfoEndpoint(parts: UserinfoParts): UserinfoEndpoint {
  const { families, issuer } = parts;
  const accessTokens = makeAccessTokenOpener(parts.sealers.accessToken);

  const url = endpointUrl(issuer, "/userinfo");

  async function openToken(text: string, now: Date): Promise<AccessToken> {
    const token = accessTokens.open(text, now);
    if (token !== undefined) return token;
    const claims = text.includes(".") ? await parts.accessTokenVerifier.verify(text, ACCESS_TOKEN_JWT_TYP) : undefined;
    const { iss, exp, cnf } = claims ?? {};
    const ofFamily = claims === undefined || iss !== issuer ? undefined : toFamilyAccessToken(claims, now);
    if (ofFamily !== undefined) return ofFamily;
    if (iss === issuer && isUnexpired(exp, now) && cnf === undefined) {
      throw new OAuthError("insufficient_scope", "this access token speaks for a client, not for a user");
    }
    throw new OAuthError("invalid_token", "the access token is not valid");
  }

  return {
    async handle(request, now) {
      const presented = parsePresentedToken(request);
      if (presented.kind === "missing") throw new BearerTokenMissing(presented.detail);
      if (presented.kind === "refused") throw presented.error;
      const token = await openToken(presented.token, now);
      if (token.audience?.includes(url) === false) {
        // RFC 8707 §2: whoever a token for another resource was shown to must not read the person's profile with it.
        throw new OAuthError("invalid_token", "the access token is for another resource");
      }
      const sender = proveBearer(
        { ...presented, boundTo: token.confirmation },
        { evidence: request, target: { method: request.method ?? "GET", url } },
        parts.proveSender,
        now,
      );
      await sender.spend();
      const live = await liveGrantOf(token, families, now);
      if (live === undefined) {
        throw new OAuthError("invalid_token", "the access token is not valid", { detail: "it or its grant has ended" });
      }
      const { grant, scope } = live;
      if (!token.scope.includes("openid")) {
        throw new OAuthError("insufficient_scope", "the access token lacks the scope openid");
      }
      const client = await parts.clients.find(grant.clientId);
      if (client === undefined) {
        throw new OAuthError("invalid_token", "the access token is not valid", { detail: "its client is gone" });
      }
      const sub = parts.subjects.of(grant, sectorOf(client));
      const released = userClaims(grant.user, scope, grant.claims?.userinfo);
      const claims = { ...released, ...federatedClaims(grant, scope), sub };
      return { ...(await renderAnswer(claims, client, parts, now)), dpopNonce: sender.dpopNonce };
    },
  };
}

/** Signed claims name who says so and for whom, so that no other client takes them for its own. */
async function renderAnswer(
  claims: JsonObject,
  client: Client,
  { issuer, signer, encryptToClient }: Pick<UserinfoParts, "issuer" | "signer" | "encryptToClient">,
  now: Date,
): Promise<UserinfoAnswer> {
  const algorithm = client.details.userinfo_signed_response_alg;
  const encryption = userinfoEncryptionOf(client.details);
  const signed =
    algorithm === undefined
      ? undefined
      : await signer.sign({ ...claims, iss: issuer, aud: client.id }, { typ: USERINFO_JWT_TYP, algorithm });
  if (encryption === undefined) return signed === undefined ? { kind: "json", claims } : { kind: "jwt", jwt: signed };
  const what =
    signed === undefined ? { text: JSON.stringify(claims), cty: undefined } : ({ text: signed, cty: "JWT" } as const);
  return { kind: "jwt", jwt: await encryptToClient(client, what, encryption, now) };
}

function isUnexpired(exp: unknown, now: Date): boolean {
  return typeof exp === "number" && exp > toEpochSeconds(now);
}
