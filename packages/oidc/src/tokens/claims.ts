import type { Json } from "@dex/runtime";
import type { TokenUser } from "../ports.ts";

/**
 * The claims about a user that a scope releases, OIDC Core §5.4. A claim without a value is left out, never empty. There
 * is no object to take a `sub` from: who the subject is, is not a matter of scope.
 */
export function userClaims(user: TokenUser, scope: readonly string[]): { readonly [claim: string]: Json } {
  return {
    ...(scope.includes("email") ? { email: user.email, email_verified: user.emailVerified } : {}),
    ...(scope.includes("profile")
      ? filled({ name: user.displayName, preferred_username: user.preferredUsername })
      : {}),
    ...(scope.includes("groups") && user.groups !== undefined ? { groups: user.groups } : {}),
  };
}

function filled(claims: Readonly<Record<string, string | undefined>>): { readonly [claim: string]: string } {
  const present: Record<string, string> = {};
  for (const [name, value] of Object.entries(claims))
    if (value !== undefined && value.trim() !== "") present[name] = value;
  return present;
}
