import type { GrantTerms, RequestedClaims, TokenGrant, TokenUser } from "@dex/oidc";
import type { JsonObject } from "@dex/runtime";
import { orUndefined } from "./stored-text.ts";
import { withProfile } from "./users.ts";

/** What tokens may say of a user, as statements select it. */
export interface TokenUserRow {
  readonly user_id: string;
  readonly email: string;
  readonly email_verified: boolean;
  readonly display_name: string | null;
  readonly groups: readonly string[] | null;
  readonly preferred_username: string | null;
  readonly profile: JsonObject;
  readonly remote_id: string | null;
}

export interface TokenGrantRow extends TokenUserRow {
  readonly family_id: string;
  readonly client_id: string;
  readonly connector_id: string;
  readonly session_hash: Buffer;
  readonly scope: readonly string[];
  readonly claims: RequestedClaims | null;
  readonly terms: GrantTerms | null;
  readonly nonce: string | null;
  readonly auth_time: Date;
  readonly amr: readonly string[];
}

/** Who a user is at a connector. Of several identities there it is the first, so that it stays the same when one is added. */
export function remoteIdOf(userId: string, connectorId: string): string {
  return `(SELECT r.remote_id FROM remote_identity r WHERE r.user_id = ${userId} AND r.connector_id = ${connectorId}
      ORDER BY r.created_at, r.remote_id LIMIT 1)`;
}

/** The columns of a TokenGrantRow, where `grant` names the row of the code or family and the user is `u`. */
export function grantColumns(grant: string, familyId: string): string {
  const own = [
    ...["client_id", "connector_id", "session_hash", "scope", "claims", "terms", "nonce", "auth_time", "amr"],
    ...["groups", "preferred_username"],
  ];
  return [
    `${familyId} AS family_id`,
    ...own.map((column) => `${grant}.${column}`),
    "u.id AS user_id",
    "u.email",
    "u.email_verified",
    "u.display_name",
    "u.profile",
    `${remoteIdOf("u.id", `${grant}.connector_id`)} AS remote_id`,
  ].join(", ");
}

/** The row as the user of a token. */
export function toTokenUser(row: TokenUserRow): TokenUser {
  return {
    id: row.user_id,
    email: row.email,
    emailVerified: row.email_verified,
    displayName: orUndefined(row.display_name),
    preferredUsername: orUndefined(row.preferred_username),
    groups: orUndefined(row.groups),
    ...withProfile(row.profile),
    remoteId: orUndefined(row.remote_id),
  };
}

/** The row as what a code or refresh token entitles to. */
export function toTokenGrant(row: TokenGrantRow): TokenGrant {
  return {
    familyId: row.family_id,
    clientId: row.client_id,
    user: toTokenUser(row),
    connectorId: row.connector_id,
    sessionHash: row.session_hash,
    scope: row.scope,
    claims: orUndefined(row.claims),
    terms: orUndefined(row.terms),
    nonce: orUndefined(row.nonce),
    authTime: row.auth_time,
    amr: row.amr,
  };
}
