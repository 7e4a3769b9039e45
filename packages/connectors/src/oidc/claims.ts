// From the claims of a verified ID token, and of userinfo where asked for, to an identity. Pure; every claim is hostile.
import type { Identity } from "../connector.ts";
import type { ClaimSource, OidcSettings } from "./config.ts";

export type Claims = Readonly<Record<string, unknown>>;

/** What the login asked for and when, kept from its first half. */
export interface Expected {
  readonly connectorId: string;
  readonly startedAt: Date;
  readonly reauthenticate: boolean;
  readonly maxAgeSeconds: number | undefined;
  readonly now: Date;
}

export type ClaimsDecision =
  | { readonly kind: "identity"; readonly identity: Identity }
  | { readonly kind: "refused"; readonly detail: string };

/** Tolerated difference between the upstream's clock and ours. */
const SKEW_SECONDS = 60;
const MAX_TEXT = 255;
/** RFC 5321 §4.5.3.1.3 */
const MAX_EMAIL = 254;
const MAX_GROUPS = 1000;
const MAX_AMR = 16;
const PRINTABLE = /^\P{Cc}*$/u;

/** `idToken` was verified: signature, iss, aud, exp, nonce, and azp where aud has several members. */
export function decideClaims(
  idToken: Claims,
  userInfo: Claims | undefined,
  settings: OidcSettings,
  expected: Expected,
): ClaimsDecision {
  const problem = checkProtocolClaims(idToken, settings, expected);
  if (problem !== undefined) return { kind: "refused", detail: problem };
  try {
    return { kind: "identity", identity: readIdentity(idToken, userInfo ?? {}, settings, expected.connectorId) };
  } catch (error) {
    if (error instanceof ClaimRefused) return { kind: "refused", detail: error.message };
    throw error;
  }
}

function checkProtocolClaims(idToken: Claims, settings: OidcSettings, expected: Expected): string | undefined {
  const now = expected.now.getTime() / 1000;
  // OIDC Core §3.1.3.7: whom it was issued to, when it says so.
  const azp = own(idToken, "azp");
  if (azp !== undefined && azp !== settings.clientId) return "azp is another client";
  const iat = own(idToken, "iat");
  if (typeof iat !== "number" || iat > now + SKEW_SECONDS) return "iat is missing or in the future";
  const authTime = own(idToken, "auth_time");
  if (authTime !== undefined) {
    if (typeof authTime !== "number" || authTime < 0 || authTime > now + SKEW_SECONDS) return "auth_time is impossible";
    const started = expected.startedAt.getTime() / 1000;
    // OIDC Core §3.1.2.1. The upstream was asked for fresh credentials; its own statement shows whether it obeyed.
    if (expected.reauthenticate && authTime < started - SKEW_SECONDS) return "auth_time is before the login began";
    if (expected.maxAgeSeconds !== undefined && authTime < started - expected.maxAgeSeconds - SKEW_SECONDS) {
      return "auth_time is older than max_age";
    }
  }
  if (settings.acrValues !== undefined) {
    const acr = own(idToken, "acr");
    if (typeof acr !== "string" || !settings.acrValues.split(" ").includes(acr))
      return "acr is none of those asked for";
  }
  return undefined;
}

function readIdentity(idToken: Claims, userInfo: Claims, settings: OidcSettings, connectorId: string): Identity {
  // What is said about the token stays the token's, whatever userinfo says.
  const find = (source: ClaimSource) => findClaim(userInfo, source) ?? findClaim(idToken, source);
  const remoteId = readText(own(idToken, settings.remoteIdClaim) ?? own(userInfo, settings.remoteIdClaim), MAX_TEXT);
  if (remoteId === undefined) throw new ClaimRefused(`claim ${settings.remoteIdClaim} is missing`);
  // An address and the word about it must come from the same document.
  const emailFrom = findClaim(userInfo, settings.emailClaim) === undefined ? idToken : userInfo;
  const email = readText(findClaim(emailFrom, settings.emailClaim), MAX_EMAIL);
  const verified = readVerified(own(emailFrom, "email_verified")) ?? settings.assumeEmailVerified;
  const authTime = own(idToken, "auth_time");
  return {
    connectorId,
    remoteId,
    email,
    emailVerified: email !== undefined && verified && settings.trustedEmailProvider,
    displayName: readText(find(settings.nameClaim), MAX_TEXT),
    preferredUsername: readText(find(settings.preferredUsernameClaim), MAX_TEXT),
    groups: settings.groupsEnabled ? readGroups(find(settings.groupsClaim)) : undefined,
    authTime: typeof authTime === "number" ? new Date(authTime * 1000) : undefined,
    amr: readAmr(own(idToken, "amr")),
  };
}

/** A claim that is not what it must be. Never leaves this file. */
class ClaimRefused extends Error {}

/** JSON null says nothing, like absence. Only own members: `constructor` is no claim. */
function own(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? (claims[name] ?? undefined) : undefined;
}

function findClaim(claims: Claims, { name, mapped, override }: ClaimSource): unknown {
  const standard = own(claims, name);
  const other = mapped === undefined ? undefined : own(claims, mapped);
  return override ? (other ?? standard) : (standard ?? other);
}

function readText(value: unknown, maxLength: number): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw new ClaimRefused(`a claim is ${kindOf(value)}, expected text`);
  if (value.length > maxLength) throw new ClaimRefused(`a claim is longer than ${maxLength} characters`);
  if (!PRINTABLE.test(value) || !value.isWellFormed()) throw new ClaimRefused("a claim holds control characters");
  return value;
}

/** Some providers send the boolean as text. Anything else that is not a boolean is a refusal, not a guess. */
function readVerified(value: unknown): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  if (value === "true") return true;
  if (value === "false") return false;
  throw new ClaimRefused("email_verified is not a boolean");
}

function readGroups(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const members: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (members.length > MAX_GROUPS) throw new ClaimRefused(`more than ${MAX_GROUPS} groups`);
  const names = members.map((member) =>
    readText(typeof member === "object" && member !== null ? own({ ...member }, "name") : member, MAX_TEXT),
  );
  return [...new Set(names.filter((name) => name !== undefined))];
}

function readAmr(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > MAX_AMR) throw new ClaimRefused("amr is not a short list");
  return value.map((member) => readText(member, 64)).filter((member) => member !== undefined);
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "a list" : `of type ${typeof value}`;
}
