// Who may use the API of a worker: an admin, by an ID token that an admin client got; an admin client, by an access token
// that it got for itself (RFC 6749 §4.4); and everybody where it is about their own account.
import { ApiError, type ApiErrorCode } from "@dex/management";
import { ACCESS_TOKEN_JWT_TYP, type Client, type OwnTokenVerifier, type Revocations } from "@dex/oidc";
import { toEpochSeconds } from "@dex/runtime";
import type { User, UserDirectory } from "@dex/users";
import { z } from "zod";

/** What a route demands of its caller. Each route of the table names one (ADM-2). */
export const PERMISSIONS = ["admin", "own account or admin", "anybody"] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** The `typ` of an ID token's header. */
const ID_TOKEN_TYP = "JWT";
/** More audiences than any token of ours has. */
const MAX_AUDIENCES = 100;

// RFC 7519 NumericDate. Our own tokens carry whole seconds.
const ofAnyToken = { iss: z.string(), sub: z.string().min(1).max(255), exp: z.number() };
const idTokenClaims = z.object({
  ...ofAnyToken,
  aud: z.union([z.string().transform((one) => [one]), z.array(z.string()).min(1).max(MAX_AUDIENCES)]),
  iat: z.number(),
  auth_time: z.number().optional(),
});
const accessTokenClaims = z.object({
  ...ofAnyToken,
  aud: z.union([z.string(), z.tuple([z.string()])]),
  client_id: z.string(),
  jti: z.string().optional(),
  // The API takes bearer tokens: one that is bound to a key is none (DPO-2).
  cnf: z.undefined().optional(),
});

/** What an ID token says of its time, in whole seconds as it stands there. */
export interface IdTokenTimes {
  readonly issuedAtSeconds: number;
  readonly authTimeSeconds: number | undefined;
}

type Claims = Readonly<Record<string, unknown>> | undefined;

/** Whom a valid token stands for. */
export type Bearer =
  | {
      readonly kind: "user";
      readonly userId: string;
      readonly audience: readonly string[];
      readonly times: IdTokenTimes;
    }
  | { readonly kind: "client"; readonly clientId: string; readonly tokenId: string | undefined };

/**
 * Whom the verified claims of a token of this `typ` stand for; undefined for a token of another issuer, one that has
 * expired, and one that is for something else.
 */
export function decideBearer(typ: string, claims: Claims, issuer: string, now: Date): Bearer | undefined {
  const token = typ === ID_TOKEN_TYP ? readIdToken(claims) : readClientToken(claims);
  // RFC 8725 §3.8, RFC 9068 §4.
  if (token === undefined || token.iss !== issuer || token.exp * 1000 <= now.getTime()) return undefined;
  return token.bearer;
}

function readIdToken(claims: Claims) {
  const parsed = idTokenClaims.safeParse(claims);
  if (!parsed.success) return undefined;
  const { iss, exp, sub, aud, iat, auth_time } = parsed.data;
  const times = { issuedAtSeconds: iat, authTimeSeconds: auth_time };
  return { iss, exp, bearer: { kind: "user", userId: sub, audience: aud, times } as const };
}

function readClientToken(claims: Claims) {
  const parsed = accessTokenClaims.safeParse(claims);
  if (!parsed.success) return undefined;
  const { iss, exp, sub, aud, client_id, jti } = parsed.data;
  const audience = typeof aud === "string" ? aud : aud[0];
  // RFC 8725 §3.9. Subject, audience and client are one only when the client asked for itself: a token that a person's
  // sign-in produced names the person, whatever audience it has.
  return audience === sub && client_id === sub
    ? { iss, exp, bearer: { kind: "client", clientId: sub, tokenId: jti } as const }
    : undefined;
}

/** What the store says, now, of whom a token stands for. */
export type KnownBearer =
  | {
      readonly kind: "user";
      readonly user: User | undefined;
      /** Whatever was begun before is worth nothing. */
      readonly accessEndedAt: Date | undefined;
      readonly times: IdTokenTimes;
      /** In the order of the audience; undefined for a client that is not there any more. */
      readonly audience: readonly (Client | undefined)[];
    }
  | { readonly kind: "client"; readonly client: Client | undefined };

export type AccessDecision =
  /** `clients`: the admin clients through which it speaks. */
  | { readonly kind: "allowed"; readonly id: string; readonly clients: readonly Client[] }
  | { readonly kind: "refused"; readonly error: ApiError };

/** Whether the bearer may do what `permission` covers, in the account with the id `accountId` where it is about one. */
export function decideAccess(
  bearer: KnownBearer,
  asked: { readonly permission: Permission; readonly accountId: string | undefined },
  policy: { readonly clientCredentials: boolean },
): AccessDecision {
  return bearer.kind === "user" ? decideUser(bearer, asked) : decideClient(bearer.client, policy);
}

function decideUser(
  { user, accessEndedAt, times, audience }: Extract<KnownBearer, { kind: "user" }>,
  asked: { readonly permission: Permission; readonly accountId: string | undefined },
): AccessDecision {
  if (user === undefined || user.disabled) return unauthorized();
  if (accessEndedAt !== undefined && isFromBefore(times, toEpochSeconds(accessEndedAt))) return unauthorized();
  // Whoever got the token is trusted with what it opens: all of them must still be clients of ours.
  const clients = audience.filter((client) => client !== undefined);
  if (clients.length === 0 || clients.length < audience.length) return unauthorized();
  const admins = clients.filter(isAdminClient);
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
function isFromBefore({ issuedAtSeconds, authTimeSeconds }: IdTokenTimes, endedAtSeconds: number): boolean {
  if (issuedAtSeconds !== endedAtSeconds) return issuedAtSeconds < endedAtSeconds;
  return authTimeSeconds === undefined || authTimeSeconds < endedAtSeconds;
}

function decideClient(client: Client | undefined, policy: { readonly clientCredentials: boolean }): AccessDecision {
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

// One scheme, one token, nothing around it (RFC 6750 §2.1). 8 KiB is more than any token of ours.
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]{1,8192}=*)$/i;

/** The token of the one Authorization header there is; undefined when there is none, or more than one. */
export function readBearerToken(headers: readonly string[] | undefined): string | undefined {
  return headers?.length === 1 ? BEARER.exec(headers[0] ?? "")?.[1] : undefined;
}

/** Who was let in, and whether as a person or as a client. */
export interface Admitted {
  readonly kind: Bearer["kind"];
  readonly id: string;
  readonly clients: readonly Client[];
}

export interface AccessParts {
  readonly verifier: OwnTokenVerifier;
  /** Must know a client that was just deleted as unknown: a token outlives its client. */
  readonly clients: { find(clientId: string): Promise<Client | undefined> };
  /** Whether a client has given its token back (RFC 7009). */
  readonly accessTokens: StandingTokens;
  readonly users: Pick<UserDirectory, "findWithAccess">;
  /** The issuer exactly as in the `iss` of our tokens. */
  readonly issuer: string;
  /** --api-use-client-credentials: whether admin clients are let in by their own credentials. */
  readonly clientCredentials: boolean;
}

export type StandingTokens = Pick<Revocations, "stands">;

/** The client that a token stands for; undefined when it is gone, or has given the token back. */
export async function findClientOf(
  { clientId, tokenId }: Extract<Bearer, { kind: "client" }>,
  { clients, accessTokens }: Pick<AccessParts, "clients" | "accessTokens">,
): Promise<Client | undefined> {
  const stands = tokenId === undefined || (await accessTokens.stands({ id: tokenId, clientId }));
  return stands ? clients.find(clientId) : undefined;
}

/** Checks the Authorization headers of a request. Throws ApiError, the same one for everything that is no good token. */
export function makeAccessCheck(
  parts: AccessParts,
): (
  headers: readonly string[] | undefined,
  asked: { readonly permission: Permission; readonly accountId: string | undefined },
  now: Date,
) => Promise<Admitted> {
  async function readBearer(token: string, now: Date): Promise<Bearer | undefined> {
    // The header says what the token is, and the verifier takes it for nothing else (RFC 8725 §3.11).
    for (const typ of [ID_TOKEN_TYP, ACCESS_TOKEN_JWT_TYP]) {
      const claims = await parts.verifier.verify(token, typ);
      if (claims !== undefined) return decideBearer(typ, claims, parts.issuer, now);
    }
    return undefined;
  }

  async function look(bearer: Bearer): Promise<KnownBearer> {
    if (bearer.kind === "client") return { kind: "client", client: await findClientOf(bearer, parts) };
    const audience = await Promise.all(bearer.audience.map((id) => parts.clients.find(id)));
    const { times, userId } = bearer;
    const { user, accessEndedAt } = (await parts.users.findWithAccess(userId)) ?? {};
    return { kind: "user", user, accessEndedAt, times, audience };
  }

  return async (headers, asked, now) => {
    const token = readBearerToken(headers);
    const bearer = token === undefined ? undefined : await readBearer(token, now);
    if (bearer === undefined) throw unauthorized().error;
    const access = decideAccess(await look(bearer), asked, parts);
    if (access.kind === "refused") throw access.error;
    return { kind: bearer.kind, id: access.id, clients: access.clients };
  };
}

function unauthorized(message = "a valid ID token of an admin or access token of an admin client is required") {
  return refused("unauthorized", message);
}

function refused(code: Extract<ApiErrorCode, "unauthorized" | "forbidden">, message: string) {
  // RFC 6750 §3: every 401 carries the challenge.
  const headers: Record<string, string> = code === "unauthorized" ? { "WWW-Authenticate": "Bearer" } : {};
  return { kind: "refused", error: new ApiError(code, message, headers) } as const;
}
