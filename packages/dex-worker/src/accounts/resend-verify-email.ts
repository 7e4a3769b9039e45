// A client has the mail sent again by which a user of its own confirms the address (dex v1 §2.12). The client speaks for
// itself, and shows by an ID token that the user signed in to it.
import { ApiError, readJson, sendApiError, USER_API } from "@dex/management";
import { ACCESS_TOKEN_JWT_TYP, type Client, matchRedirectUri, type OwnTokenVerifier } from "@dex/oidc";
import { decodeBase64Url } from "@dex/runtime";
import type { AccountLinks, User } from "@dex/users";
import { z } from "zod";
import { findClientOf, type StandingTokens } from "../user-api/access.ts";
import { decideBearer, readShownToken } from "../user-api/bearer.ts";
import type { PageRoute, Visit } from "../visit.ts";

const ID_TOKEN_TYP = "JWT";

/** As dex v1 has it, a token that was issued to others too is refused under the code of one that is not valid. */
const CONVENTIONS = { ...USER_API, codes: { ...USER_API.codes, forbidden: "access_denied" } } as const;

export interface ResendVerifyEmailParts {
  /** The issuer exactly as in the `iss` of our tokens. */
  readonly issuer: string;
  readonly verifier: OwnTokenVerifier;
  /** Must know a client that was just deleted as unknown: a token outlives its client. */
  readonly clients: { find(clientId: string): Promise<Client | undefined> };
  /** Whether a client has given its token back (RFC 7009). */
  readonly accessTokens: StandingTokens;
  readonly users: { find(userId: string): Promise<User | undefined> };
  readonly links: Pick<AccountLinks, "requestVerification">;
}

const bodyShape = z.object({ token: z.string().optional(), redirectURI: z.string().optional() });

/** What of a verified ID token of ours is looked at; `sub` may be anything, to be refused by its own rule. */
const claimsShape = z.object({
  iss: z.string(),
  exp: z.number(),
  aud: z.union([z.string(), z.array(z.string())]),
  sub: z.string().optional(),
});
type Claims = z.infer<typeof claimsShape>;

export function resendVerifyEmailRoute(parts: ResendVerifyEmailParts): PageRoute {
  return {
    path: "/resend-verify-email",
    reply: "token",
    async POST(visit) {
      try {
        await resend(parts, visit);
        visit.response.status(200).json({});
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        sendApiError(visit.response, error, CONVENTIONS);
      }
    },
  };
}

/** Throws ApiError, the checks in the order of dex v1: what a client gets to know does not depend on our build. */
async function resend(parts: ResendVerifyEmailParts, { request, now }: Visit): Promise<void> {
  const client = await authenticate(parts, request.headersDistinct.authorization, now);
  const body = bodyShape.safeParse(await readJson(request, USER_API));
  if (!body.success) throw new ApiError("invalid_request", "expected an object with token and redirectURI");
  const { token, redirectURI } = body.data;
  if (token === undefined || token === "") throw new ApiError("invalid_request", "token is missing");
  if (!looksLikeJwt(token)) throw new ApiError("invalid_request", "token is no JWT");
  const claims = await readIdToken(parts, token, client, now);
  if (claims === undefined) throw new ApiError("access_denied", "token is not a valid ID token of this client");
  if (claims.sub === undefined || claims.sub === "") throw new ApiError("invalid_request", "token names no user");
  const user = await parts.users.find(claims.sub);
  if (user === undefined || user.disabled) throw new ApiError("invalid_request", "there is no such user");
  if (user.emailVerified) throw new ApiError("invalid_request", "the address of this user is verified already");
  // What others hold too says less about whose wish this is.
  if (claims.aud !== client.id) throw new ApiError("forbidden", "token was not issued to this client alone");
  const redirectUri = redirectURI === undefined ? undefined : matchRedirectUri(client, redirectURI);
  if (redirectUri === undefined) {
    throw new ApiError("invalid_request", "redirectURI must be one that is registered for this client");
  }
  const origin = { clientId: client.id, redirectUri, flowId: undefined, locale: undefined };
  const outcome = await parts.links.requestVerification(user.id, origin, now);
  // Deleted, disabled or confirmed since it was looked up.
  if (outcome !== "promised") throw new ApiError("invalid_request", "there is nothing to confirm for this user");
}

/** The client whose own access token came with the request. Throws the same ApiError for everything that is none. */
async function authenticate(
  { issuer, verifier, clients, accessTokens }: ResendVerifyEmailParts,
  headers: readonly string[] | undefined,
  now: Date,
): Promise<Client> {
  const shown = readShownToken(headers);
  const claims = shown?.scheme === "Bearer" ? await verifier.verify(shown.token, ACCESS_TOKEN_JWT_TYP) : undefined;
  const bearer = decideBearer(ACCESS_TOKEN_JWT_TYP, claims, { issuer, resource: undefined }, now);
  // Bearer tokens are taken here: one that is bound to a key is none (DPO-2).
  const client =
    bearer?.kind === "client" && bearer.confirmation === undefined
      ? await findClientOf(bearer, { clients, accessTokens })
      : undefined;
  // A public client cannot hold credentials, so nobody can speak for it.
  if (client === undefined || client.public) {
    throw new ApiError("access_denied", "a valid access token of a client is required", {
      "WWW-Authenticate": "Bearer",
    });
  }
  return client;
}

/** The claims of an ID token of ours that has not expired and is for this client, maybe among others. */
async function readIdToken(
  { issuer, verifier }: ResendVerifyEmailParts,
  token: string,
  client: Client,
  now: Date,
): Promise<Claims | undefined> {
  const parsed = claimsShape.safeParse(await verifier.verify(token, ID_TOKEN_TYP));
  if (!parsed.success) return undefined;
  const { iss, exp, aud } = parsed.data;
  const ours = iss === issuer && exp * 1000 > now.getTime();
  return ours && [aud].flat().includes(client.id) ? parsed.data : undefined;
}

/** RFC 7515 §7.1. Whether it is a good one is found out with the keys. */
function looksLikeJwt(token: string): boolean {
  const parts = token.split(".", 4);
  return parts.length === 3 && parts.every((part) => part !== "" && decodeBase64Url(part) !== undefined);
}
