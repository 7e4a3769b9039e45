// Who may use the API of a worker: an admin, by an ID token or an access token for the API that an admin client got; an admin
// client, by an access token that it got for itself (RFC 6749 §4.4); and everybody where it is about their own account.
import { ApiError, type ApiErrorCode } from "@dex/management";
import {
  BearerTokenMissing,
  type Client,
  OAuthError,
  type ProveSender,
  proveBearer,
  type Revocations,
  resourceMetadataUrl,
  type SenderEvidence,
  type SignInDemand,
  StepUpRequired,
  type TokenFamilies,
} from "@dex/oidc";
import { toEpochSeconds } from "@dex/runtime";
import type { User, UserDirectory } from "@dex/users";
import { challengesAtResource } from "../middleware/error-reply.ts";
import {
  type Bearer,
  type BearerParts,
  makeReadBearer,
  openGrant,
  readShownToken,
  type ShownToken,
  type SignInFacts,
} from "./bearer.ts";

/** What a route demands of its caller. Each route of the table names one (ADM-2). */
export const PERMISSIONS = ["admin", "own account or admin", "anybody"] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** What the store says, now, of whom a token stands for. */
export type KnownBearer =
  | {
      readonly kind: "user";
      readonly user: User | undefined;
      /** Whatever was begun before is worth nothing. */
      readonly accessEndedAt: Date | undefined;
      /** Somebody else acts for them. */
      readonly delegated: boolean;
      readonly madeFor: Extract<Bearer, { kind: "user" }>["madeFor"];
      readonly signIn: SignInFacts;
      /** In the order of the audience; undefined for a client that is not there any more. */
      readonly audience: readonly (Client | undefined)[];
    }
  | { readonly kind: "client"; readonly client: Client | undefined };

export type AccessDecision =
  /** `clients`: the admin clients through which it speaks. */
  | { readonly kind: "allowed"; readonly id: string; readonly clients: readonly Client[] }
  | { readonly kind: "refused"; readonly error: ApiError };

export interface AccessPolicy {
  /** --api-use-client-credentials: whether admin clients are let in by their own credentials. */
  readonly clientCredentials: boolean;
  /** How people must have signed in (RFC 9470). A client's own token has no sign-in behind it. */
  readonly signIn: SignInDemand;
}

/** Whether the bearer may do what `permission` covers, in the account with the id `accountId` where it is about one. */
export function decideAccess(
  bearer: KnownBearer,
  asked: { readonly permission: Permission; readonly accountId: string | undefined },
  policy: AccessPolicy,
  now: Date,
): AccessDecision {
  if (bearer.kind === "client") return decideClient(bearer.client, policy);
  const decision = decideUser(bearer, asked);
  // Last: who may not do it however they sign in is not sent to sign in again.
  if (decision.kind === "refused" || meets(bearer.signIn, policy.signIn, toEpochSeconds(now))) return decision;
  return refused("insufficient_user_authentication", "the person must sign in again for this");
}

/** Whether the sign-in is as recent and as sure as demanded. Of one that nobody knows the time of, nobody can say so. */
function meets({ authTimeSeconds, acr }: SignInFacts, demand: SignInDemand, nowSeconds: number): boolean {
  const { maxAgeSeconds, acrValues } = demand;
  const recent =
    maxAgeSeconds === undefined || (authTimeSeconds !== undefined && nowSeconds - authTimeSeconds <= maxAgeSeconds);
  return recent && (acrValues === undefined || (acr !== undefined && acrValues.includes(acr)));
}

function decideUser(
  { user, accessEndedAt, delegated, madeFor, signIn, audience }: Extract<KnownBearer, { kind: "user" }>,
  asked: { readonly permission: Permission; readonly accountId: string | undefined },
): AccessDecision {
  if (user === undefined || user.disabled) return unauthorized();
  if (accessEndedAt !== undefined && isFromBefore(signIn, toEpochSeconds(accessEndedAt))) return unauthorized();
  // Whoever got the token is trusted with what it opens: all of them must still be clients of ours.
  const clients = audience.filter((client) => client !== undefined);
  if (clients.length === 0 || clients.length < audience.length) return unauthorized();
  // What a person may do here is not handed on: nothing says for what of it somebody was to act for them.
  if (delegated) return refused("forbidden", "a token by which somebody acts for another opens nothing here");
  const admins = clients.filter(isAdminClient);
  // Who signs in to a client that registered itself has not allowed it anything here.
  if (madeFor === "sign-in" && clients.some((client) => client.dynamic && !isAdminClient(client))) {
    return refused("forbidden", "this token was not issued to a client that an administrator registered");
  }
  if (asked.permission === "own account or admin" && asked.accountId === user.id) {
    return { kind: "allowed", id: user.id, clients: admins };
  }
  // First, so that a client which is no admin's learns nothing of its users.
  if (admins.length === 0) return refused("forbidden", "this token was not issued to an admin client");
  return user.admin ? { kind: "allowed", id: user.id, clients: admins } : unauthorized();
}

/**
 * Whether the token is older than the end of its user's access, such as a new password (ACC-16): an ID token cannot be called
 * back, but here it need not be taken. It tells whole seconds alone, and in the second of the end it may be of before or of
 * after. It is taken for one of after when its user signed in that late too: whoever comes back by mail does, while somebody
 * who goes on getting tokens from an older sign-in does not. A browser that stayed signed in while it changed the password is
 * refused a token of that very second, and is given a good one in the next.
 */
function isFromBefore({ issuedAtSeconds, authTimeSeconds }: SignInFacts, endedAtSeconds: number): boolean {
  if (issuedAtSeconds !== endedAtSeconds) return issuedAtSeconds < endedAtSeconds;
  return authTimeSeconds === undefined || authTimeSeconds < endedAtSeconds;
}

function decideClient(client: Client | undefined, policy: Pick<AccessPolicy, "clientCredentials">): AccessDecision {
  if (client === undefined) return unauthorized();
  if (!policy.clientCredentials) {
    return unauthorized(
      "client credentials are not accepted here: dex-worker runs without --api-use-client-credentials",
    );
  }
  if (!isAdminClient(client)) return refused("forbidden", "this client is not an admin client");
  return { kind: "allowed", id: client.id, clients: [client] };
}

/** A public client cannot hold credentials, so nobody can speak for it. */
function isAdminClient(client: Client): boolean {
  return client.admin && !client.public;
}

/** A request as far as it says who sent it. */
export interface ApiRequest {
  /** Each Authorization header. */
  readonly authorization: readonly string[] | undefined;
  readonly evidence: SenderEvidence;
  readonly method: string;
  /** Of the route, as clients know it. */
  readonly url: string;
}

/** Who was let in, and whether as a person or as a client. */
export interface Admitted {
  readonly kind: KnownBearer["kind"];
  readonly id: string;
  readonly clients: readonly Client[];
  /** For the header DPoP-Nonce, RFC 9449 §8.2. */
  readonly dpopNonce: string | undefined;
}

export interface AccessParts extends BearerParts, AccessPolicy {
  /** Must know a client that was just deleted as unknown: a token outlives its client. */
  readonly clients: { find(clientId: string): Promise<Client | undefined> };
  /** Whether a client has given its token back (RFC 7009). */
  readonly accessTokens: StandingTokens;
  readonly families: Pick<TokenFamilies, "findLive">;
  readonly users: Pick<UserDirectory, "findWithAccess">;
  readonly proveSender: ProveSender;
}

export type StandingTokens = Pick<Revocations, "stands">;

/** The client that a token stands for; undefined when it is gone, or has given the token back. */
export async function findClientOf(
  { clientId, tokenId }: Pick<Extract<Bearer, { kind: "client" }>, "clientId" | "tokenId">,
  { clients, accessTokens }: Pick<AccessParts, "clients" | "accessTokens">,
): Promise<Client | undefined> {
  const stands = tokenId === undefined || (await accessTokens.stands({ id: tokenId, clientId }));
  return stands ? clients.find(clientId) : undefined;
}

/**
 * Checks who sent a request. Throws ApiError, the same one for everything that is no good token, and the OAuthError of a proof
 * that is not good (RFC 9449 §7.1).
 */
export function makeAccessCheck(
  parts: AccessParts,
): (
  request: ApiRequest,
  asked: { readonly permission: Permission; readonly accountId: string | undefined },
  now: Date,
) => Promise<Admitted> {
  const metadataUrl = resourceMetadataUrl(parts.resource);
  const readBearer = makeReadBearer(parts);

  /** What is wrong with who was refused, in the words of RFC 6750 §3.1 and RFC 9470 §3; every 401 and 403 carries it. */
  function challenged({ code, message }: ApiError, authorization: string | undefined): ApiError {
    const error =
      code === "insufficient_user_authentication"
        ? new StepUpRequired(parts.signIn)
        : new OAuthError(code === "forbidden" ? "insufficient_scope" : "invalid_token", message);
    const told = /^(?:bearer|dpop)\b/i.test(authorization ?? "") ? error : new BearerTokenMissing();
    const challenges = challengesAtResource(told, authorization, metadataUrl);
    return new ApiError(code, message, { "WWW-Authenticate": challenges.join(", ") });
  }

  /** Uses the proof up, where there is one (DPO-1, DPO-2). Undefined where the token is not the sender's. */
  async function prove(shown: ShownToken, bearer: Bearer, request: ApiRequest, now: Date) {
    try {
      const sender = proveBearer(
        { ...shown, boundTo: bearer.confirmation },
        { evidence: request.evidence, target: { method: request.method, url: request.url } },
        parts.proveSender,
        now,
      );
      await sender.spend();
      return sender;
    } catch (error) {
      if (error instanceof OAuthError && error.code === "invalid_token") return undefined;
      throw error;
    }
  }

  async function look(shown: Bearer, now: Date): Promise<KnownBearer | undefined> {
    if (shown.kind === "client") return { kind: "client", client: await findClientOf(shown, parts) };
    const bearer = shown.kind === "grant" ? await openGrant(shown.token, parts.families, now) : shown;
    if (bearer === undefined) return undefined;
    const { signIn, userId, delegated, madeFor } = bearer;
    const audience = await Promise.all(bearer.audience.map((id) => parts.clients.find(id)));
    const { user, accessEndedAt } = (await parts.users.findWithAccess(userId)) ?? {};
    return { kind: "user", user, accessEndedAt, delegated, madeFor, signIn, audience };
  }

  return async (request, asked, now) => {
    const [authorization] = request.authorization ?? [];
    const shown = readShownToken(request.authorization);
    const bearer = shown === undefined ? undefined : await readBearer(shown.token, now);
    const sender = shown === undefined || bearer === undefined ? undefined : await prove(shown, bearer, request, now);
    const known = bearer === undefined || sender === undefined ? undefined : await look(bearer, now);
    if (known === undefined) throw challenged(unauthorized().error, authorization);
    const access = decideAccess(known, asked, parts, now);
    if (access.kind === "refused") throw challenged(access.error, authorization);
    return { kind: known.kind, id: access.id, clients: access.clients, dpopNonce: sender?.dpopNonce };
  };
}

function unauthorized(message = "a valid ID token of an admin or access token of an admin client is required") {
  return refused("unauthorized", message);
}

function refused(
  code: Extract<ApiErrorCode, "unauthorized" | "forbidden" | "insufficient_user_authentication">,
  message: string,
) {
  return { kind: "refused", error: new ApiError(code, message) } as const;
}
