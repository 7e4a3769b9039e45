import type { Json } from "@dex/runtime";
import type { TokenUser } from "../ports.ts";

/** Which claims a scope releases, OIDC Core §5.4 and, for groups, our own. */
const CLAIMS_OF_SCOPE = {
  profile: [
    ...["name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture"],
    ...["website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"],
  ],
  email: ["email", "email_verified"],
  address: ["address"],
  phone: ["phone_number", "phone_number_verified"],
  groups: ["groups"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

const SCOPE_OF_CLAIM: ReadonlyMap<string, string> = new Map(
  Object.entries(CLAIMS_OF_SCOPE).flatMap(([scope, claims]) => claims.map((claim) => [claim, scope] as const)),
);

/** Every claim about a user that a client can ask for. */
export const USER_CLAIMS: readonly string[] = [...SCOPE_OF_CLAIM.keys()];

/** The scope that releases the claim: who may ask for the one may ask for the other. Undefined: not a claim of ours. */
export function scopeOfClaim(claim: string): string | undefined {
  return SCOPE_OF_CLAIM.get(claim);
}

/** What ID tokens of dex have always told beside an access token. The rest of a profile is at the userinfo endpoint. */
const CLAIMS_IN_ID_TOKENS: readonly string[] = [...["name", "preferred_username", "email", "email_verified", "groups"]];

/** The claims that a scope releases where an access token comes along, for an ID token. */
export function idTokenUserClaims(user: TokenUser, scope: readonly string[]): { readonly [claim: string]: Json } {
  return pick(user, (claim) => CLAIMS_IN_ID_TOKENS.includes(claim) && released(claim, scope));
}

/**
 * The claims about a user that a scope releases, OIDC Core §5.4, and those that were `asked` for by name (§5.5). A claim
 * without a value is left out, never empty. There is no object to take a `sub` from: who the subject is, is not a matter of
 * scope.
 */
export function userClaims(
  user: TokenUser,
  scope: readonly string[],
  asked: readonly string[] = [],
): { readonly [claim: string]: Json } {
  return pick(user, (claim) => asked.includes(claim) || released(claim, scope));
}

function released(claim: string, scope: readonly string[]): boolean {
  const releasing = SCOPE_OF_CLAIM.get(claim);
  return releasing !== undefined && scope.includes(releasing);
}

function pick(user: TokenUser, wanted: (claim: string) => boolean): { readonly [claim: string]: Json } {
  const { profile = {} } = user;
  const known: Readonly<Record<string, Json | undefined>> = {
    ...profile,
    email: user.email,
    email_verified: user.emailVerified,
    name: user.displayName,
    preferred_username: user.preferredUsername ?? profile.preferred_username,
    groups: user.groups,
  };
  const told: Record<string, Json> = {};
  for (const claim of USER_CLAIMS) {
    const value = known[claim];
    if (value !== undefined && wanted(claim) && !isEmpty(value)) told[claim] = value;
  }
  // It would be about nothing.
  if (told.phone_number === undefined && profile.phone_number === undefined) delete told.phone_number_verified;
  return told;
}

function isEmpty(value: Json): boolean {
  if (typeof value === "string") return value.trim() === "";
  return value === null || (typeof value === "object" && !Array.isArray(value) && Object.keys(value).length === 0);
}
