import type { Identity } from "@dex/connectors";
import { describe, expect, test } from "vitest";
import { decideSignIn, type SignInPolicy } from "./sign-in-decision.ts";
import type { IdentityOwner, User } from "./user.ts";

const now = new Date("2030-01-01T00:00:00Z");
const identity: Identity = {
  connectorId: "corp",
  remoteId: "r-1",
  email: "Jane@Example.com",
  emailVerified: true,
  displayName: "Jane",
  preferredUsername: undefined,
  groups: undefined,
  authTime: undefined,
  amr: [],
};
const jane: User = {
  id: "u-1",
  email: "jane@example.com",
  emailVerified: true,
  displayName: "Jane",
  admin: true,
  disabled: false,
  createdAt: now,
};
const nobody: IdentityOwner = { user: undefined, userWithSameEmail: undefined, consentedScope: undefined };
const open: SignInPolicy = { automaticRegistration: true, localConnectorId: "local" };
const closed: SignInPolicy = { ...open, automaticRegistration: false };

test("the owner of the remote identity signs in, whatever the upstream now says of the address (ACC-14)", () => {
  const owner = { ...nobody, user: jane };
  for (const email of [identity.email, undefined, "other@example.com", "not an address"]) {
    expect(decideSignIn({ ...identity, email }, owner, closed, now)).toEqual({ kind: "sign in", user: jane });
  }
});

describe("a new identity", () => {
  test.each([true, false])(
    "registers a user with the word of the connector on the address: %s (ACC-12)",
    (emailVerified) => {
      expect(decideSignIn({ ...identity, emailVerified }, nobody, open, now)).toEqual({
        kind: "register",
        user: { email: "jane@example.com", emailVerified, displayName: "Jane", admin: false, createdAt: now },
      });
    },
  );

  const withSame = (user: Partial<User>): IdentityOwner => ({ ...nobody, userWithSameEmail: { ...jane, ...user } });
  const taken = "email belongs to another account";
  const rows: {
    when: string;
    identity?: Partial<Identity>;
    owner?: IdentityOwner;
    policy?: SignInPolicy;
    reason: string;
  }[] = [
    { when: "its user is disabled", owner: { ...nobody, user: { ...jane, disabled: true } }, reason: "disabled" },
    { when: "nobody registers by themselves", policy: closed, reason: "no account" },
    { when: "it comes from the local connector", identity: { connectorId: "local" }, reason: "no account" },
    { when: "it has no address", identity: { email: undefined }, reason: "email missing" },
    { when: "its address has two @", identity: { email: "jane@evil.example@example.com" }, reason: "email missing" },
    { when: "its address is a list", identity: { email: "jane@example.com,x@example.com" }, reason: "email missing" },
    { when: "another user has the address", owner: withSame({}), reason: taken },
    { when: "another user has it, both verified", owner: withSame({ emailVerified: true }), reason: taken },
    { when: "another user has it, unverified", owner: withSame({ emailVerified: false }), reason: taken },
    { when: "a disabled user has it", owner: withSame({ disabled: true }), reason: taken },
  ];
  test.each(rows)("is refused when $when (ACC-12, ACC-14)", (row) => {
    const decision = decideSignIn({ ...identity, ...row.identity }, row.owner ?? nobody, row.policy ?? open, now);
    expect(decision).toEqual({ kind: "refused", reason: row.reason });
  });

  test("with somebody's address learns nothing of them where nobody registers (ACC-12)", () => {
    expect(decideSignIn(identity, withSame({}), closed, now)).toEqual({ kind: "refused", reason: "no account" });
  });
});
