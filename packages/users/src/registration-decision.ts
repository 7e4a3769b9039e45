// Whether somebody may ask for an account with what they typed. Pure.
import { canonicalEmail } from "./email-address.ts";
import { decidePassword, type PasswordRefusal } from "./password-policy.ts";
import { PASSWORD_MAX_BYTES } from "./password-text.ts";

export interface RegistrationPolicy {
  /** Only addresses of exactly these domains, lower case; empty allows all. */
  readonly emailDomains: readonly string[];
  /** What must not make up a password. */
  readonly serviceName: string;
}

export type RegistrationDecision =
  /** `email` is canonical. */
  | { readonly kind: "accepted"; readonly email: string }
  | {
      readonly kind: "refused";
      readonly email: "not an address" | "domain not allowed" | undefined;
      readonly password: "missing" | PasswordRefusal | undefined;
    };

/**
 * Decides on what was typed. `password` is undefined where an identity takes its place. Nothing here knows which addresses
 * belong to users (ACC-2).
 */
export function decideRegistration(
  typed: { readonly email: string; readonly password: string | undefined },
  policy: RegistrationPolicy,
): RegistrationDecision {
  const email = canonicalEmail(typed.email);
  const emailProblem =
    email === undefined ? "not an address" : isAllowed(email, policy.emailDomains) ? undefined : "domain not allowed";
  const passwordProblem = typed.password === undefined ? undefined : problemOf(typed.password, email ?? "", policy);
  if (email !== undefined && emailProblem === undefined && passwordProblem === undefined) {
    return { kind: "accepted", email };
  }
  return { kind: "refused", email: emailProblem, password: passwordProblem };
}

// ACC-14: a canonical address has one @, and what follows it is the domain; a subdomain is another one.
function isAllowed(email: string, domains: readonly string[]): boolean {
  return domains.length === 0 || domains.includes(email.slice(email.indexOf("@") + 1));
}

function problemOf(
  password: string,
  email: string,
  { serviceName }: RegistrationPolicy,
): "missing" | PasswordRefusal | undefined {
  if (password === "") return "missing";
  // As it was typed: nothing longer is hashed, however short its normal form is (ACC-7).
  if (Buffer.byteLength(password) > PASSWORD_MAX_BYTES) return "too long";
  const decision = decidePassword(password, { email, serviceName });
  return decision.kind === "refused" ? decision.reason : undefined;
}
