import type { Identity } from "@dex/connectors";
import { expect, test } from "vitest";
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
const closed: SignInPolicy = {
  wish: "sign in",
  automaticRegistration: false,
  registration: false,
  localConnectorId: "local",
};
const automatic: SignInPolicy = { ...closed, automaticRegistration: true };
const offered: SignInPolicy = { ...closed, registration: true };
const registering: SignInPolicy = { ...offered, wish: "register" };
const withSame = (user: Partial<User> = {}): IdentityOwner => ({ ...nobody, userWithSameEmail: { ...jane, ...user } });

test("the owner of the remote identity signs in, whatever the upstream now says of the address (ACC-14, v1 L01)", () => {
  const owner = { ...nobody, user: jane };
  for (const email of [identity.email, undefined, "other@example.com", "not an address"]) {
    for (const policy of [closed, automatic, offered]) {
      expect(decideSignIn({ ...identity, email }, owner, policy, now)).toEqual({ kind: "sign in", user: jane });
    }
  }
});

interface Row {
  when: string;
  identity?: Partial<Identity>;
  owner?: IdentityOwner;
  policy: SignInPolicy;
  decision: string;
  by: string;
}
const unvouched = { emailVerified: false };
const rows: Row[] = [
  {
    when: "its owner wants a new account",
    owner: { ...nobody, user: jane },
    policy: registering,
    decision: "registered already",
    by: "v1 P05",
  },
  {
    when: "its user is disabled",
    owner: { ...nobody, user: { ...jane, disabled: true } },
    policy: automatic,
    decision: "refused: disabled",
    by: "v1 L07",
  },
  {
    when: "its disabled user wants a new account",
    owner: { ...nobody, user: { ...jane, disabled: true } },
    policy: registering,
    decision: "refused: disabled",
    by: "v1 L07",
  },
  { when: "nobody registers by themselves", policy: closed, decision: "refused: no account", by: "v1 L04" },
  {
    when: "it comes from the local connector",
    identity: { connectorId: "local" },
    policy: automatic,
    decision: "refused: no account",
    by: "v1 L05",
  },
  {
    when: "it comes from the local connector",
    identity: { connectorId: "local" },
    policy: offered,
    decision: "refused: no account",
    by: "v1 L05",
  },
  { when: "users are made at first sight", policy: automatic, decision: "register", by: "v1 L04" },
  {
    when: "users are made at first sight, unvouched",
    identity: unvouched,
    policy: automatic,
    decision: "register",
    by: "v1 L04",
  },
  {
    when: "users are made at first sight, without an address",
    identity: { email: undefined },
    policy: automatic,
    decision: "refused: email missing",
    by: "ACC-14",
  },
  {
    when: "its address has two @",
    identity: { email: "jane@evil.example@example.com" },
    policy: automatic,
    decision: "refused: email missing",
    by: "ACC-14",
  },
  {
    when: "its address is a list",
    identity: { email: "jane@example.com,x@example.com" },
    policy: automatic,
    decision: "refused: email missing",
    by: "ACC-14",
  },
  {
    when: "another user has the address",
    owner: withSame(),
    policy: automatic,
    decision: "account exists",
    by: "ACC-12, v1 L02",
  },
  {
    when: "another user has it, unverified",
    owner: withSame({ emailVerified: false }),
    policy: automatic,
    decision: "account exists",
    by: "ACC-12",
  },
  {
    when: "a disabled user has it",
    owner: withSame({ disabled: true }),
    policy: automatic,
    decision: "account exists",
    by: "ACC-12",
  },
  {
    when: "another user has the address",
    owner: withSame(),
    policy: closed,
    decision: "account exists",
    by: "ACC-12, v1 L02",
  },
  {
    when: "another user has the address",
    owner: withSame(),
    policy: registering,
    decision: "account exists",
    by: "ACC-12, v1 P11",
  },
  {
    when: "nobody vouches for the address that another user has",
    identity: unvouched,
    owner: withSame(),
    policy: automatic,
    decision: "refused: no account",
    by: "ACC-2",
  },
  {
    when: "nobody vouches for the address that another user has",
    identity: unvouched,
    owner: withSame(),
    policy: closed,
    decision: "refused: no account",
    by: "ACC-2",
  },
  {
    when: "nobody vouches for the address that another user has",
    identity: unvouched,
    owner: withSame(),
    policy: offered,
    decision: "no account yet",
    by: "ACC-2",
  },
  {
    when: "nobody vouches for the address that another user has",
    identity: unvouched,
    owner: withSame(),
    policy: registering,
    decision: "ask for address",
    by: "ACC-2",
  },
  { when: "people may register", policy: offered, decision: "no account yet", by: "v1 L04" },
  {
    when: "people may register, unvouched",
    identity: unvouched,
    policy: offered,
    decision: "no account yet",
    by: "v1 L04",
  },
  { when: "a new account is wanted", policy: registering, decision: "register", by: "v1 P02" },
  {
    when: "a new account is wanted, unvouched",
    identity: unvouched,
    policy: registering,
    decision: "ask for address",
    by: "v1 P04",
  },
  {
    when: "a new account is wanted, without an address",
    identity: { email: undefined },
    policy: registering,
    decision: "ask for address",
    by: "v1 P04",
  },
  {
    when: "a new account is wanted, with an invalid address",
    identity: { email: "jane" },
    policy: registering,
    decision: "ask for address",
    by: "v1 P04",
  },
];
test.each(rows)("when $when: $decision ($by)", (row) => {
  const decision = decideSignIn({ ...identity, ...row.identity }, row.owner ?? nobody, row.policy, now);
  expect(decision.kind === "refused" ? `refused: ${decision.reason}` : decision.kind).toBe(row.decision);
});

test.each([true, false])(
  "a new user has the name and the word of the connector on the address: %s (ACC-12, v1 L08)",
  (emailVerified) => {
    expect(decideSignIn({ ...identity, emailVerified }, nobody, automatic, now)).toEqual({
      kind: "register",
      user: { email: "jane@example.com", emailVerified, displayName: "Jane", admin: false, createdAt: now },
    });
  },
);
