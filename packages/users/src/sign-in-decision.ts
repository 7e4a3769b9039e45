// Who a proved identity is to us. Pure.
import type { Identity } from "@dex/connectors";
import { canonicalEmail } from "./email-address.ts";
import type { IdentityOwner, NewUser, User } from "./user.ts";

export interface SignInPolicy {
  /** Whether a first sign-in through a connector makes a new user. Never for the local connector. */
  readonly automaticRegistration: boolean;
  /** The connector whose identities are our own users; undefined where there is none. */
  readonly localConnectorId: string | undefined;
}

export type SignInRefusal = "disabled" | "no account" | "email belongs to another account" | "email missing";

export type SignInDecision =
  | { readonly kind: "sign in"; readonly user: User }
  /** The caller gives it an id; `Users.register` has the last word on whether the address is free. */
  | { readonly kind: "register"; readonly user: Omit<NewUser, "id"> }
  | { readonly kind: "refused"; readonly reason: SignInRefusal };

/**
 * Decides by (connector, remote id) alone. An email address never finds a user: whoever runs an upstream, or once owned
 * an address, could otherwise take over an account (ACC-12, ACC-14). An identity with somebody's address is refused until
 * its owner proves the account first.
 */
export function decideSignIn(
  identity: Identity,
  owner: IdentityOwner,
  policy: SignInPolicy,
  now: Date,
): SignInDecision {
  if (owner.user !== undefined) {
    return owner.user.disabled ? refused("disabled") : { kind: "sign in", user: owner.user };
  }
  if (!policy.automaticRegistration || identity.connectorId === policy.localConnectorId) return refused("no account");
  const email = identity.email === undefined ? undefined : canonicalEmail(identity.email);
  if (email === undefined) return refused("email missing");
  if (owner.userWithSameEmail !== undefined) return refused("email belongs to another account");
  return {
    kind: "register",
    user: {
      email,
      emailVerified: identity.emailVerified,
      displayName: identity.displayName,
      admin: false,
      createdAt: now,
    },
  };
}

function refused(reason: SignInRefusal): SignInDecision {
  return { kind: "refused", reason };
}
