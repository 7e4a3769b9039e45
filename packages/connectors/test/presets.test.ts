// OpenID providers that are configured by a few words.
import type { JsonObject } from "@dex/runtime";
import { type FakeOpenIdProvider, type FakeOpenIdProviderOptions, startFakeOpenIdProvider } from "@dex/testing";
import { afterEach, describe, expect, test } from "vitest";
import { parseConnectorConfigs } from "../src/registry.ts";
import { callbackUrl, openFor, proved, signInFor, visitByRedirect } from "./connector-login.ts";

const OFFLINE = { groups: true, offlineAccess: true };
const clientSecret = "a secret / with odd % characters";
const registration = { clientID: "dex", clientSecret };

let provider: FakeOpenIdProvider | undefined;
afterEach(() => provider?.close());

async function start(options: Partial<FakeOpenIdProviderOptions>): Promise<FakeOpenIdProvider> {
  const base = { clientId: "dex", clientSecret, redirectUris: [callbackUrl], refreshTokens: true };
  provider = await startFakeOpenIdProvider({ ...base, ...options });
  return provider;
}

const signIn = (type: string, config: JsonObject, asked = OFFLINE) =>
  signInFor(openFor(type, { ...registration, ...config }), { visit: visitByRedirect, asked });

const jane = { sub: "jane-1", claims: { email: "jane@example.com", email_verified: true, name: "Jane" } };

test("okta: the issuer is the domain's, the secret goes into the body, and groups are asked for", async () => {
  const { requests, violations, url } = await start({
    path: "/oauth2/default",
    clientAuthentication: "client_secret_post",
    scopes: ["openid", "profile", "email", "groups", "offline_access"],
    users: [{ ...jane, claims: { ...jane.claims, groups: ["Everyone", "dev"] } }],
  });
  const config = { domain: "acme.okta.com", authorizationServer: "default", baseURL: url, insecureEnableGroups: true };
  const allowed = { claimModifications: { filterGroupClaims: { groupsFilter: "^[a-z]" } }, allowedGroups: ["dev"] };
  expect(await signIn("okta", { ...config, ...allowed })).toMatchObject({
    kind: "identity",
    identity: { remoteId: "jane-1", groups: ["dev"] },
    grant: { sub: "jane-1" },
  });
  expect(violations).toEqual([]);
  expect(requests.find(({ endpoint }) => endpoint === "authorization")?.parameters.scope).toContain("groups");
  expect(await signIn("okta", { ...config, allowedGroups: ["ops"] })).toMatchObject({ reason: "not permitted" });
});

test("auth0: the issuer ends in a slash, and only members of the organization are let in", async () => {
  const { behaviours, requests, url } = await start({
    path: "/",
    users: [{ ...jane, claims: { ...jane.claims, org_id: "org_acme", "https://acme/roles": ["admin"] } }],
  });
  const config = { domain: "acme.eu.auth0.com", baseURL: url, organization: "org_acme" };
  const groups = { insecureEnableGroups: true, claimMapping: { groups: "https://acme/roles" } };
  expect(await signIn("auth0", { ...config, ...groups })).toMatchObject({ identity: { groups: ["admin"] } });
  expect(requests.find(({ endpoint }) => endpoint === "authorization")?.parameters.organization).toBe("org_acme");
  for (const org_id of ["org_other", undefined]) {
    behaviours.idTokenClaims = { org_id };
    expect(await signIn("auth0", config)).toMatchObject({ kind: "refused", reason: "not permitted" });
  }
});

test("keycloak: the issuer is the realm's", async () => {
  const { violations, url } = await start({ path: "/auth/realms/my%20realm", users: [jane] });
  const outcome = await signIn("keycloak", { baseURL: `${url}/auth`, realm: "my realm", trustedEmailProvider: true });
  expect(outcome).toMatchObject({ identity: { remoteId: "jane-1", email: "jane@example.com", emailVerified: true } });
  expect(violations).toEqual([]);
});

test("zitadel: roles in the project are groups", async () => {
  const roles = { admin: { "1234": "acme.zitadel.cloud" }, viewer: { "1234": "acme.zitadel.cloud" } };
  const { url } = await start({
    users: [{ ...jane, claims: { ...jane.claims, "urn:zitadel:iam:org:project:roles": roles } }],
  });
  const config = { domain: "acme.zitadel.cloud", baseURL: url };
  const groups = { insecureEnableGroups: true };
  expect(await signIn("zitadel", { ...config, ...groups })).toMatchObject({
    identity: { groups: ["admin", "viewer"] },
  });
  expect(await signIn("zitadel", { ...config, ...groups, allowedGroups: ["ops"] })).toMatchObject({
    reason: "not permitted",
  });
  expect(await signIn("zitadel", config)).toMatchObject({ identity: { groups: undefined } });
});

describe("slack", () => {
  const claims = { ...jane.claims, "https://slack.com/team_id": "T0ACME" };
  const user = { sub: "U0JANE", claims };

  test("a person is workspace and user, since users' ids repeat (ACC-14)", async () => {
    const { behaviours, url } = await start({ users: [user] });
    const connector = openFor("slack", { ...registration, baseURL: url });
    const { identity, grant } = await proved(signInFor(connector, { visit: visitByRedirect, asked: OFFLINE }));
    expect(identity).toMatchObject({ remoteId: "T0ACME/U0JANE", displayName: "Jane", emailVerified: false });
    // A refresh there gives no ID token: userinfo tells it all.
    behaviours.tokenResponse = { id_token: undefined };
    const given = { grant, remoteId: identity.remoteId, asked: OFFLINE, now: new Date(0), keep: async () => undefined };
    expect(await connector.refresh?.(given)).toMatchObject({ identity: { remoteId: "T0ACME/U0JANE" } });
  });

  test("only the workspace's members are let in, and nobody without a workspace", async () => {
    const { behaviours, requests, url } = await start({ users: [user] });
    const config = { baseURL: url, teamID: "T0ACME" };
    expect(await signIn("slack", config)).toMatchObject({ kind: "identity" });
    expect(requests.find(({ endpoint }) => endpoint === "authorization")?.parameters.team).toBe("T0ACME");
    behaviours.idTokenClaims = { "https://slack.com/team_id": "T0OTHER" };
    expect(await signIn("slack", config)).toMatchObject({ kind: "refused", reason: "not permitted" });
    behaviours.idTokenClaims = { "https://slack.com/team_id": undefined };
    behaviours.userInfoClaims = { "https://slack.com/team_id": undefined };
    expect(await signIn("slack", { baseURL: url })).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });
});

describe("a configuration is refused", () => {
  const rows: { when: string; type: string; config: JsonObject; names: RegExp }[] = [
    { when: "a domain is a URL", type: "okta", config: { domain: "https://acme.okta.com" }, names: /domain/ },
    { when: "a domain has a path", type: "auth0", config: { domain: "acme.example/evil" }, names: /domain/ },
    { when: "a domain is missing", type: "zitadel", config: {}, names: /domain/ },
    {
      when: "a realm climbs",
      type: "keycloak",
      config: { baseURL: "https://k.example", realm: "../x" },
      names: /realm/,
    },
    { when: "a realm is missing", type: "keycloak", config: { baseURL: "https://k.example" }, names: /realm/ },
    { when: "a workspace is a name", type: "slack", config: { teamID: "acme" }, names: /teamID/ },
    {
      when: "groups are allowed that are never read",
      type: "okta",
      config: { domain: "a.okta.com", allowedGroups: ["x"] },
      names: /allowedGroups/,
    },
    {
      when: "a person would be known by an address (ACC-14)",
      type: "auth0",
      config: { domain: "a.auth0.com", userIDKey: "email" },
      names: /userIDKey/,
    },
  ];
  test.each(rows)("when $when", ({ type, config, names }) => {
    const parsed = parseConnectorConfigs([{ id: "corp", type, ...registration, ...config }]);
    expect(parsed).toMatchObject({ kind: "refused", reason: expect.stringMatching(names) });
  });
});
