// Who a proved identity is to us. Pure.
import type { Identity } from "@dex/connectors";
import { canonicalEmail } from "./email-address.ts";
import type { IdentityOwner, NewUser, User } from "./user.ts";

export interface SignInPolicy {
  /** What the person came for. */
  readonly wish: "sign in" | "register";
  /** Whether a first sign-in through a connector makes a new user. Never for the local connector. */
  readonly automaticRegistration: boolean;
  /** Whether people may make themselves an account. */
  readonly registration: boolean;
  /** The connector whose identities are our own users; undefined where there is none. */
  readonly localConnectorId: string | undefined;
}

export type SignInRefusal = "disabled" | "no account" | "email missing";

export type SignInDecision =
  | { readonly kind: "sign in"; readonly user: User }
  /** The person wants a new account and has one: they say what they meant. */
  | { readonly kind: "registered already"; readonly user: User }
  /** The caller gives it an id; `Users.register` has the last word on whether the address is free. */
  | { readonly kind: "register"; readonly user: Omit<NewUser, "id"> }
  /** Nobody vouches for an address: the person names one and confirms it. */
  | { readonly kind: "ask for address" }
  | { readonly kind: "no account yet" }
  /** Its owner may link the identity, after signing in to the account in the usual way (ACC-12). */
  | { readonly kind: "account exists" }
  | { readonly kind: "refused"; readonly reason: SignInRefusal };

/**
 * Decides by (connector, remote id) alone. An email address never finds a user: whoever runs an upstream, or once owned
 * an address, could otherwise take over an account (ACC-12, ACC-14). That there is an account with the address is told
 * only to those of whom the connector vouches that the address is theirs (ACC-2).
 */
export function decideSignIn(
  identity: Identity,
  owner: IdentityOwner,
  policy: SignInPolicy,
  now: Date,
): SignInDecision {
  if (owner.user !== undefined) {
    if (owner.user.disabled) return refused("disabled");
    return { kind: policy.wish === "register" ? "registered already" : "sign in", user: owner.user };
  }
  if (identity.connectorId === policy.localConnectorId) return refused("no account");
  const email = identity.email === undefined ? undefined : canonicalEmail(identity.email);
  const vouchedFor = vouchedEmail(identity);
  if (vouchedFor !== undefined && owner.userWithSameEmail !== undefined) return { kind: "account exists" };
  const { displayName, emailVerified } = identity;
  const register = (address: string): SignInDecision => ({
    kind: "register",
    user: { email: address, emailVerified, displayName, admin: false, createdAt: now },
  });
  if (policy.automaticRegistration) {
    if (email === undefined) return refused("email missing");
    return owner.userWithSameEmail === undefined ? register(email) : refused("no account");
  }
  if (!policy.registration) return refused("no account");
  if (policy.wish === "sign in") return { kind: "no account yet" };
  return vouchedFor === undefined ? { kind: "ask for address" } : register(vouchedFor);
}

/** The canonical address that the connector says is the person's, or undefined. */
export function vouchedEmail({ email, emailVerified }: Pick<Identity, "email" | "emailVerified">): string | undefined {
  return email !== undefined && emailVerified ? canonicalEmail(email) : undefined;
}

function refused(reason: SignInRefusal): SignInDecision {
  return { kind: "refused", reason };
}
