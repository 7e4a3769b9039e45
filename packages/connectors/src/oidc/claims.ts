// From the claims of a verified ID token, and of userinfo where asked for, to an identity. Pure; every claim is hostile.
import type { Identity } from "../connector.ts";
import type { MappingTrace } from "../connector-kind.ts";
import { ClaimRefused, type Claims, own, readText } from "./claim-values.ts";
import { decideGroups } from "./groups.ts";
import type { ClaimSource, OidcSettings } from "./settings.ts";

export type { Claims };

/** What the login asked for and when, kept from its first half. */
export interface Expected {
  readonly connectorId: string;
  readonly startedAt: Date;
  readonly reauthenticate: boolean;
  readonly maxAgeSeconds: number | undefined;
  readonly now: Date;
  /** `login` when absent. An ID token of a refresh says nothing new of how the person proved who they are. */
  readonly occasion?: "login" | "refresh" | "subject token";
  readonly trace?: ((event: MappingTrace) => void) | undefined;
}

export type ClaimsDecision =
  | { readonly kind: "identity"; readonly identity: Identity }
  | { readonly kind: "not permitted"; readonly detail: string }
  | { readonly kind: "refused"; readonly detail: string };

/** Tolerated difference between the upstream's clock and ours. */
const SKEW_SECONDS = 60;
const MAX_TEXT = 255;
/** RFC 5321 §4.5.3.1.3 */
const MAX_EMAIL = 254;
const MAX_AMR = 16;

/**
 * `idToken` was verified: signature, iss, aud, exp, nonce, and azp where aud has several members. Undefined where there is
 * none: then all claims are userinfo's.
 */
export function decideClaims(
  idToken: Claims | undefined,
  userInfo: Claims | undefined,
  settings: OidcSettings,
  expected: Expected,
): ClaimsDecision {
  const problem = idToken && checkProtocolClaims(idToken, settings, expected);
  if (problem !== undefined) return { kind: "refused", detail: problem };
  try {
    return readIdentity(idToken ?? {}, userInfo ?? {}, settings, expected);
  } catch (error) {
    if (error instanceof ClaimRefused) return { kind: "refused", detail: error.message };
    throw error;
  }
}

function checkProtocolClaims(idToken: Claims, settings: OidcSettings, expected: Expected): string | undefined {
  const now = expected.now.getTime() / 1000;
  // OIDC Core §3.1.3.7: whom it was issued to, when it says so.
  const azp = own(idToken, "azp");
  if (azp !== undefined && azp !== settings.clientId && !isAllowedSubject(azp, settings, expected)) {
    return "azp is another client";
  }
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
    // A refresh lowers nothing by not repeating how the login went.
    const unsaid = acr === undefined && expected.occasion === "refresh";
    if (!unsaid && (typeof acr !== "string" || !settings.acrValues.split(" ").includes(acr))) {
      return "acr is none of those asked for";
    }
  }
  return undefined;
}

function isAllowedSubject(azp: unknown, { subjectTokenAudiences }: OidcSettings, { occasion }: Expected): boolean {
  return occasion === "subject token" && typeof azp === "string" && subjectTokenAudiences.includes(azp);
}

function readIdentity(
  idToken: Claims,
  userInfo: Claims,
  settings: OidcSettings,
  { connectorId, trace }: Expected,
): ClaimsDecision {
  // What is said about the token stays the token's, whatever userinfo says.
  const merged: Claims = { ...idToken, ...userInfo };
  const find = (source: ClaimSource) => own(merged, chooseClaim(merged, source));
  const remoteId = readText(own(idToken, settings.remoteIdClaim) ?? own(userInfo, settings.remoteIdClaim), MAX_TEXT);
  if (remoteId === undefined) throw new ClaimRefused(`claim ${settings.remoteIdClaim} is missing`);
  const email = readEmail(idToken, userInfo, chooseClaim(merged, settings.emailClaim));
  const verified = email.verified ?? settings.assumeEmailVerified;
  const authTime = own(idToken, "auth_time");
  const decided = decideGroups(
    {
      claim: settings.groupsEnabled ? find(settings.groupsClaim) : undefined,
      find: (name) => own(userInfo, name) ?? own(idToken, name),
      trace,
    },
    settings.groupRules,
  );
  if (decided.kind === "not permitted") return decided;
  const identity = {
    connectorId,
    remoteId,
    email: email.address,
    emailVerified: email.address !== undefined && verified && settings.trustedEmailProvider,
    displayName: readText(find(settings.nameClaim), MAX_TEXT),
    preferredUsername: readText(find(settings.preferredUsernameClaim), MAX_TEXT),
    groups: decided.groups,
    authTime: typeof authTime === "number" ? new Date(authTime * 1000) : undefined,
    amr: readAmr(own(idToken, "amr")),
  };
  if (trace !== undefined) traceMapping(merged, settings, { said: email.verified, identity }, trace);
  return { kind: "identity", identity };
}

/** The name of the claim that a value is taken from. */
function chooseClaim(claims: Claims, { name, mapped, override }: ClaimSource): string {
  if (mapped === undefined || own(claims, mapped) === undefined) return name;
  return override || own(claims, name) === undefined ? mapped : name;
}

interface FoundEmail {
  readonly address: string | undefined;
  /** Undefined where nothing is said about this address. */
  readonly verified: boolean | undefined;
}

/** An address and the word about it must come from the same document. */
function readEmail(idToken: Claims, userInfo: Claims, claim: string): FoundEmail {
  const from = own(userInfo, claim) === undefined ? idToken : userInfo;
  const address = readText(own(from, claim), MAX_EMAIL);
  const verified = readVerified(own(from, "email_verified"));
  // OIDC Core §5.1: the word is about `email`. Where that is another address, nothing was said about this one.
  const other = own(from, "email");
  return { address, verified: other === undefined || other === address ? verified : undefined };
}

/** What an operator wonders about when an identity is not what they expected. */
function traceMapping(
  merged: Claims,
  settings: OidcSettings,
  { said, identity }: { readonly said: boolean | undefined; readonly identity: Identity },
  trace: NonNullable<Expected["trace"]>,
): void {
  const rule = (name: string, before: unknown, after: unknown) => {
    if (before !== after) trace({ kind: "rule", rule: name, before, after });
  };
  rule("userIDKey", own(merged, "sub"), identity.remoteId);
  rule("userNameKey", own(merged, "name"), identity.displayName);
  rule("claimMapping.preferred_username", own(merged, "preferred_username"), identity.preferredUsername);
  rule("claimMapping.email", own(merged, "email"), identity.email);
  if (identity.email === undefined) return;
  if (said === undefined) rule("insecureSkipEmailVerified", undefined, settings.assumeEmailVerified);
  rule("trustedEmailProvider", said ?? settings.assumeEmailVerified, identity.emailVerified);
}

/** Some providers send the boolean as text. Anything else that is not a boolean is a refusal, not a guess. */
function readVerified(value: unknown): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  if (value === "true") return true;
  if (value === "false") return false;
  throw new ClaimRefused("email_verified is not a boolean");
}

function readAmr(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > MAX_AMR) throw new ClaimRefused("amr is not a short list");
  return value.map((member) => readText(member, 64)).filter((member) => member !== undefined);
}
