import type { TokenGrant, TokenUser } from "@dex/oidc";
import { orUndefined } from "./stored-text.ts";

/** What tokens may say of a user, as statements select it. */
export interface TokenUserRow {
  readonly user_id: string;
  readonly email: string;
  readonly email_verified: boolean;
  readonly display_name: string | null;
  readonly groups: readonly string[] | null;
  readonly preferred_username: string | null;
}

export interface TokenGrantRow extends TokenUserRow {
  readonly family_id: string;
  readonly client_id: string;
  readonly connector_id: string;
  readonly session_hash: Buffer;
  readonly scope: readonly string[];
  readonly nonce: string | null;
  readonly auth_time: Date;
  readonly amr: readonly string[];
}

/** The columns of a TokenGrantRow, where `grant` names the row of the code or family and the user is `u`. */
export function grantColumns(grant: string, familyId: string): string {
  const own = [
    ...["client_id", "connector_id", "session_hash", "scope", "nonce", "auth_time", "amr"],
    ...["groups", "preferred_username"],
  ];
  return [
    `${familyId} AS family_id`,
    ...own.map((column) => `${grant}.${column}`),
    "u.id AS user_id",
    "u.email",
    "u.email_verified",
    "u.display_name",
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
    nonce: orUndefined(row.nonce),
    authTime: row.auth_time,
    amr: row.amr,
  };
}
