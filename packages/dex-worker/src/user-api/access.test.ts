import type { Client } from "@dex/oidc";
import type { User } from "@dex/users";
import { describe, expect, test } from "vitest";
import { decideAccess, type KnownBearer, type Permission } from "./access.ts";
import { decideBearer } from "./bearer.ts";

const ISSUER = "https://dex.example";
const HERE = { issuer: ISSUER, resource: `${ISSUER}/api/v1` };
const now = new Date("2030-01-01T00:00:00Z");
const seconds = now.getTime() / 1000;

describe("whom a token stands for", () => {
  const ofUser = { iss: ISSUER, sub: "7e2f9c6e", aud: "app", exp: seconds + 60, iat: seconds };
  const ofClient = { ...ofUser, sub: "admin", aud: "admin", client_id: "admin" };

  test("an ID token stands for its user, through every client of its audience (v1 X04)", () => {
    expect(decideBearer("JWT", { ...ofUser, auth_time: seconds - 9 }, HERE, now)).toEqual({
      kind: "user",
      userId: "7e2f9c6e",
      audience: ["app"],
      delegated: false,
      madeFor: "sign-in",
      signIn: { issuedAtSeconds: seconds, authTimeSeconds: seconds - 9 },
    });
    expect(decideBearer("JWT", { ...ofUser, aud: ["app", "admin"] }, HERE, now)).toMatchObject({
      audience: ["app", "admin"],
    });
  });

  test.each([{ sub: "robot" }, { sub: "robot", act: { sub: "other" } }, "robot", null])(
    "one with act %o stands for somebody who acts for its user, whatever that says (RFC 8693 §4.1)",
    (act) => {
      expect(decideBearer("JWT", { ...ofUser, act }, HERE, now)).toMatchObject({ delegated: true });
    },
  );

  test("an access token that a client got for itself stands for that client (RFC 6749 §4.4)", () => {
    expect(decideBearer("at+jwt", ofClient, HERE, now)).toEqual({ kind: "client", clientId: "admin" });
    expect(decideBearer("at+jwt", { ...ofClient, aud: ["admin"] }, HERE, now)).toMatchObject({ clientId: "admin" });
  });

  test("one that it got for this API too, and one that is bound to a key, which is to be shown (RFC 8707 §2, DPO-2)", () => {
    const cnf = { jkt: "thumbprint" };
    expect(decideBearer("at+jwt", { ...ofClient, aud: HERE.resource, cnf }, HERE, now)).toEqual({
      ...{ kind: "client", clientId: "admin", confirmation: cnf },
    });
    const elsewhere = { issuer: ISSUER, resource: undefined };
    expect(decideBearer("at+jwt", { ...ofClient, aud: HERE.resource }, elsewhere, now)).toBeUndefined();
  });

  const { client_id: _, ...withoutClientId } = ofClient;
  const refusals = [
    { when: "it did not verify", typ: "JWT", claims: undefined },
    { when: "it holds nothing", typ: "JWT", claims: {} },
    { when: "another issuer made it", typ: "JWT", claims: { ...ofUser, iss: "https://dex.example/" } },
    { when: "it is for no audience", typ: "JWT", claims: { ...ofUser, aud: [] } },
    { when: "its audience is a number", typ: "JWT", claims: { ...ofUser, aud: 7 } },
    { when: "one of its audiences is no text", typ: "JWT", claims: { ...ofUser, aud: ["app", null] } },
    { when: "its subject is empty", typ: "JWT", claims: { ...ofUser, sub: "" } },
    { when: "its subject is missing", typ: "JWT", claims: { ...ofUser, sub: undefined } },
    { when: "its subject is an object", typ: "JWT", claims: { ...ofUser, sub: { toString: "admin" } } },
    { when: "it has expired this second", typ: "JWT", claims: { ...ofUser, exp: seconds } },
    { when: "it never expires", typ: "JWT", claims: { ...ofUser, exp: undefined } },
    { when: "its expiry is text", typ: "JWT", claims: { ...ofUser, exp: String(seconds + 60) } },
    { when: "it does not say when it was issued", typ: "JWT", claims: { ...ofUser, iat: undefined } },
    { when: "it was issued at a text", typ: "JWT", claims: { ...ofUser, iat: String(seconds) } },
    { when: "another issuer made it", typ: "at+jwt", claims: { ...ofClient, iss: "https://other.example" } },
    { when: "it is about a user", typ: "at+jwt", claims: { ...ofClient, sub: "7e2f9c6e" } },
    { when: "it is for another audience", typ: "at+jwt", claims: { ...ofClient, aud: "other" } },
    { when: "it is for several audiences", typ: "at+jwt", claims: { ...ofClient, aud: ["admin", "other"] } },
    { when: "another client got it", typ: "at+jwt", claims: { ...ofClient, client_id: "other" } },
    { when: "it names no client", typ: "at+jwt", claims: withoutClientId },
    { when: "a person's sign-in made it", typ: "at+jwt", claims: { ...ofClient, aud: HERE.resource, sub: "7e2f9c6e" } },
    { when: "it is bound to nothing", typ: "at+jwt", claims: { ...ofClient, cnf: {} } },
    { when: "it is bound to what nobody knows", typ: "at+jwt", claims: { ...ofClient, cnf: { jkt: "x", kid: "x" } } },
    { when: "it has expired this second", typ: "at+jwt", claims: { ...ofClient, exp: seconds } },
  ];
  test.each(refusals)("a token ($typ) stands for nobody when $when (ADM-1, RFC 8725 §3)", ({ typ, claims }) => {
    expect(decideBearer(typ, claims, HERE, now)).toBeUndefined();
  });
});

const client: Client = {
  id: "app",
  name: undefined,
  logoUri: undefined,
  clientUri: undefined,
  redirectUris: [],
  public: false,
  admin: false,
  trusted: false,
  requirePkce: false,
  grantTypes: ["client_credentials"],
  scopes: undefined,
  trustedPeers: [],
  allowedConnectors: undefined,
  idTokenSigningAlgorithm: "RS256",
  secret: undefined,
  dynamic: false,
  details: {},
  createdAt: now,
};
const adminClient: Client = { ...client, id: "admin", admin: true };
const publicAdminClient: Client = { ...adminClient, public: true };
const admin: User = {
  id: "ada",
  email: "ada@example.com",
  emailVerified: true,
  displayName: undefined,
  admin: true,
  disabled: false,
  createdAt: now,
};
const person: User = { ...admin, id: "bob", admin: false };
const dynamicClient: Client = { ...client, id: "stranger", dynamic: true };
const byUser = (user: User | undefined, ...audience: (Client | undefined)[]): UserBearer => ({
  kind: "user",
  user,
  accessEndedAt: undefined,
  delegated: false,
  madeFor: "sign-in",
  signIn: { issuedAtSeconds: seconds, authTimeSeconds: seconds, acr: "1" },
  audience,
});
const byClient = (one: Client | undefined): KnownBearer => ({ kind: "client", client: one });

type UserBearer = Extract<KnownBearer, { kind: "user" }>;
/** Somebody else who acts for them, RFC 8693 §4.1. */
const actingFor = (bearer: UserBearer): KnownBearer => ({ ...bearer, delegated: true });

type Row = readonly [
  who: string,
  bearer: KnownBearer,
  clientCredentials: boolean,
  onAdmin: string,
  onOwnAccount: string,
  onOtherAccount: string,
];
// Of each caller: what an admin's route answers, what their own account does, and what somebody else's.
const TABLE: readonly Row[] = [
  ["an admin through an admin client", byUser(admin, adminClient), false, "allowed", "allowed", "allowed"],
  [
    "an admin through several, one of them admin",
    byUser(admin, client, adminClient),
    false,
    "allowed",
    "allowed",
    "allowed",
  ],
  ["an admin through a client that is no admin", byUser(admin, client), false, "forbidden", "allowed", "forbidden"],
  ["an admin through a public client", byUser(admin, publicAdminClient), false, "forbidden", "allowed", "forbidden"],
  [
    "an admin through a deleted client",
    byUser(admin, undefined),
    false,
    "unauthorized",
    "unauthorized",
    "unauthorized",
  ],
  [
    "an admin through a deleted client and another",
    byUser(admin, adminClient, undefined),
    false,
    "unauthorized",
    "unauthorized",
    "unauthorized",
  ],
  [
    "a disabled admin",
    byUser({ ...admin, disabled: true }, adminClient),
    false,
    "unauthorized",
    "unauthorized",
    "unauthorized",
  ],
  ["a deleted user", byUser(undefined, adminClient), false, "unauthorized", "unauthorized", "unauthorized"],
  ["somebody who is no admin", byUser(person, adminClient), false, "unauthorized", "allowed", "unauthorized"],
  ["somebody through a client that is no admin", byUser(person, client), false, "forbidden", "allowed", "forbidden"],
  [
    "somebody disabled",
    byUser({ ...person, disabled: true }, client),
    false,
    "unauthorized",
    "unauthorized",
    "unauthorized",
  ],
  ["a user for no audience", byUser(admin), false, "unauthorized", "unauthorized", "unauthorized"],
  [
    "somebody who acts for an admin",
    actingFor(byUser(admin, adminClient)),
    false,
    "forbidden",
    "forbidden",
    "forbidden",
  ],
  ["somebody who acts for another", actingFor(byUser(person, client)), false, "forbidden", "forbidden", "forbidden"],
  [
    "somebody who acts for a disabled admin",
    actingFor(byUser({ ...admin, disabled: true }, adminClient)),
    false,
    "unauthorized",
    "unauthorized",
    "unauthorized",
  ],
  [
    "somebody through a client that nobody registered",
    byUser(person, dynamicClient),
    false,
    "forbidden",
    "forbidden",
    "forbidden",
  ],
  [
    "somebody through a client that nobody registered, with a token for the API",
    { ...byUser(person, dynamicClient), madeFor: "API" },
    false,
    "forbidden",
    "allowed",
    "forbidden",
  ],
  [
    "an admin through a client that nobody registered, with a token for the API",
    { ...byUser(admin, dynamicClient), madeFor: "API" },
    false,
    "forbidden",
    "allowed",
    "forbidden",
  ],
  [
    "an admin through a client that nobody registered and another",
    byUser(admin, client, dynamicClient),
    false,
    "forbidden",
    "forbidden",
    "forbidden",
  ],
  [
    "an admin through one that nobody registered and was made an admin client",
    byUser(admin, { ...dynamicClient, admin: true }),
    false,
    "allowed",
    "allowed",
    "allowed",
  ],
  ["an admin client", byClient(adminClient), true, "allowed", "allowed", "allowed"],
  ["an admin client without the flag", byClient(adminClient), false, "unauthorized", "unauthorized", "unauthorized"],
  ["a client that is no admin", byClient(client), true, "forbidden", "forbidden", "forbidden"],
  ["a public client", byClient(publicAdminClient), true, "forbidden", "forbidden", "forbidden"],
  ["a deleted client", byClient(undefined), true, "unauthorized", "unauthorized", "unauthorized"],
];

describe("what the caller may do is decided by what they are now (ADM-2, v1 X02, v1 X03, v1 X12)", () => {
  test.each(TABLE)("%s", (_who, bearer, clientCredentials, onAdmin, onOwnAccount, onOtherAccount) => {
    const own = bearer.kind === "user" ? bearer.user?.id : "ada";
    const outcome = (permission: Permission, accountId: string | undefined) => {
      const decision = decideAccess(bearer, { permission, accountId }, { clientCredentials, signIn: {} }, now);
      return decision.kind === "allowed" ? "allowed" : decision.error.code;
    };
    expect({
      onAdmin: outcome("admin", undefined),
      onAdminOfOwn: outcome("admin", own),
      onOwnAccount: outcome("own account or admin", own),
      onOtherAccount: outcome("own account or admin", "somebody else"),
      onNoAccount: outcome("own account or admin", undefined),
    }).toEqual({ onAdmin, onAdminOfOwn: onAdmin, onOwnAccount, onOtherAccount, onNoAccount: onOtherAccount });
  });

  test("only the admin clients of an audience are spoken through (v1 X04)", () => {
    const asked = { permission: "admin", accountId: undefined } as const;
    expect(
      decideAccess(byUser(admin, client, adminClient), asked, { clientCredentials: false, signIn: {} }, now),
    ).toEqual({
      kind: "allowed",
      id: "ada",
      clients: [adminClient],
    });
  });

  test("every 401 carries the same words (ADM-1)", () => {
    const asked = { permission: "admin", accountId: undefined } as const;
    const errors = [byUser(undefined, adminClient), byUser(person, adminClient), byUser(admin, undefined)].map(
      (bearer) => {
        const decision = decideAccess(bearer, asked, { clientCredentials: true, signIn: {} }, now);
        return decision.kind === "refused" ? decision.error.message : undefined;
      },
    );
    expect(new Set(errors.map((error) => JSON.stringify(error))).size).toBe(1);
  });
});

describe("a sign-in that is not what is demanded (RFC 9470 §3)", () => {
  const rows = [
    { demand: {}, authTime: undefined, acr: undefined, expected: "allowed" },
    { demand: { maxAgeSeconds: 60 }, authTime: -60, acr: "1", expected: "allowed" },
    { demand: { maxAgeSeconds: 60 }, authTime: -61, acr: "2", expected: "insufficient_user_authentication" },
    { demand: { maxAgeSeconds: 60 }, authTime: undefined, acr: "2", expected: "insufficient_user_authentication" },
    { demand: { acrValues: ["2"] }, authTime: -61, acr: "2", expected: "allowed" },
    { demand: { acrValues: ["2"] }, authTime: 0, acr: "1", expected: "insufficient_user_authentication" },
    { demand: { acrValues: ["2"] }, authTime: 0, acr: undefined, expected: "insufficient_user_authentication" },
    { demand: { acrValues: ["1", "2"] }, authTime: 0, acr: "1", expected: "allowed" },
  ];
  test.each(rows)("of $authTime s with acr $acr where $demand is: $expected", ({ demand, authTime, acr, expected }) => {
    const authTimeSeconds = authTime === undefined ? undefined : seconds + authTime;
    const signIn = { issuedAtSeconds: seconds, authTimeSeconds, acr };
    const policy = { clientCredentials: true, signIn: demand };
    const outcome = (bearer: KnownBearer) => {
      const decision = decideAccess(bearer, { permission: "admin", accountId: undefined }, policy, now);
      return decision.kind === "allowed" ? "allowed" : decision.error.code;
    };
    const of = (user: User): KnownBearer => ({
      ...{
        kind: "user",
        user,
        accessEndedAt: undefined,
        delegated: false,
        madeFor: "sign-in",
        signIn,
        audience: [adminClient],
      },
    });
    expect([outcome(of(admin)), outcome(of(person))]).toEqual([expected, "unauthorized"]);
    expect(outcome(byClient(adminClient))).toBe("allowed");
  });
});

describe("a token of before the end of its user's access, such as a new password, is refused (ACC-16)", () => {
  const endedAt = new Date(now.getTime() + 400); // within the second that tokens call `seconds`
  const rows = [
    { issuedAt: -1, signedInAt: -60, expected: "refused" },
    { issuedAt: -1, signedInAt: 0, expected: "refused" },
    { issuedAt: 0, signedInAt: -60, expected: "refused" },
    { issuedAt: 0, signedInAt: -1, expected: "refused" },
    { issuedAt: 0, signedInAt: undefined, expected: "refused" },
    { issuedAt: 0, signedInAt: 0, expected: "allowed" },
    { issuedAt: 1, signedInAt: -60, expected: "allowed" },
    { issuedAt: 1, signedInAt: undefined, expected: "allowed" },
  ];
  test.each(rows)(
    "issued $issuedAt s after its second, of a sign-in $signedInAt s after it: $expected",
    ({ issuedAt, signedInAt, expected }) => {
      const authTimeSeconds = signedInAt === undefined ? undefined : seconds + signedInAt;
      const signIn = { issuedAtSeconds: seconds + issuedAt, authTimeSeconds, acr: "1" };
      const bearer: KnownBearer = {
        kind: "user",
        user: admin,
        audience: [adminClient],
        accessEndedAt: endedAt,
        delegated: false,
        madeFor: "sign-in",
        signIn,
      };
      for (const permission of ["admin", "own account or admin"] as const) {
        const decision = decideAccess(
          bearer,
          { permission, accountId: admin.id },
          { clientCredentials: false, signIn: {} },
          now,
        );
        expect(decision).toMatchObject(
          expected === "allowed" ? { kind: "allowed" } : { kind: "refused", error: { code: "unauthorized" } },
        );
      }
    },
  );
});
