// An upstream of every kind that has a server of its own, with one person in it and what makes that person unwelcome.
import { generateKeyPairSync } from "node:crypto";
import type { JsonObject } from "@dex/runtime";
import {
  type FakeGitlabPerson,
  startFakeApple,
  startFakeCrowd,
  startFakeDiscord,
  startFakeFacebook,
  startFakeGitea,
  startFakeGitlab,
  startFakeGoogle,
  startFakeLinkedin,
  startFakeMicrosoft,
  startFakeOauth,
  startFakeOpenIdProvider,
  startFakeOpenshift,
  startKeystone,
} from "@dex/testing";

/** What ends at our callback with this address. */
export interface Registration {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUris: string[];
}

export interface Upstream {
  readonly config: JsonObject;
  /** Members that keep the person out. */
  readonly closed: JsonObject | undefined;
  /** Typed into our form, for kinds that ask for a password. */
  readonly typed?: { readonly login: string; readonly password: string };
  /** What the ID token says. */
  readonly claims: JsonObject;
  /** Makes the upstream say no to everything of the person from now on; undefined where it cannot be told to. */
  readonly dismiss?: () => void | Promise<void>;
  readonly violations: () => readonly string[];
  close(): Promise<void>;
}

const TENANT = "9b5ce5cc-1f2e-4a11-8f1b-7d2f0a1b2c3d";
const oneOf = (registration: Registration) => ({
  clientID: registration.clientId,
  clientSecret: registration.clientSecret,
});

/** Kinds on OAuth 2.0 have fakes that are told apart by their people alone. */
interface OAuth2Fake<Person> {
  readonly url: string;
  readonly people: Person[];
  readonly violations: string[];
  close(): Promise<void>;
}

function ofOAuth2<Person>(
  fake: OAuth2Fake<Person>,
  given: Pick<Upstream, "config" | "closed" | "claims"> & { readonly dismissed?: Person },
): Upstream {
  const { dismissed, ...upstream } = given;
  return {
    ...upstream,
    ...(dismissed === undefined ? {} : { dismiss: () => void fake.people.splice(0, fake.people.length, dismissed) }),
    violations: () => fake.violations,
    close: () => fake.close(),
  };
}

const JOE: FakeGitlabPerson = {
  ...{ id: 12345678, username: "joebloggs", name: "Joe Bloggs", email: "joe@example.com" },
  direct: ["team-1", "team-2"],
};

/** By type. Each is started for the callback of the connector that has this type as its id. */
export const UPSTREAMS: Readonly<Record<string, (registration: Registration) => Promise<Upstream>>> = {
  async gitlab(registration) {
    const fake = await startFakeGitlab({ ...registration, people: [JOE] });
    return {
      config: { ...oneOf(registration), baseURL: fake.url },
      closed: { groups: ["nobody"] },
      claims: { name: "Joe Bloggs", email: "joe@example.com", email_verified: true, groups: ["team-1", "team-2"] },
      violations: () => fake.violations,
      close: () => fake.close(),
    };
  },
  async gitea(registration) {
    const emails = [{ email: "jane@gitea.example", verified: true, primary: true }];
    const jane = { id: 7, login: "jane", full_name: "Jane Doe", email: "jane@gitea.example", emails };
    const fake = await startFakeGitea({
      ...registration,
      people: [{ ...jane, teams: [{ org: "org", name: "owners" }] }],
    });
    return ofOAuth2(fake, {
      config: { ...oneOf(registration), baseURL: fake.url, loadAllGroups: true },
      closed: { orgs: [{ name: "elsewhere" }] },
      claims: { name: "Jane Doe", preferred_username: "jane", email_verified: true, groups: ["org", "org:owners"] },
    });
  },
  async openshift(registration) {
    const people = [{ uid: "uid-2", name: "jane@openshift.example", groups: ["developers"] }];
    const fake = await startFakeOpenshift({ ...registration, people });
    return ofOAuth2(fake, {
      config: { ...oneOf(registration), issuer: fake.url },
      closed: { groups: ["nobody"] },
      claims: { email: "jane@openshift.example", email_verified: false, groups: ["developers"] },
    });
  },
  async oauth(registration) {
    const ann = {
      id: 1000,
      user_name: "Ann",
      preferred_username: "ann",
      email: "ann@oauth.example",
      groups: ["b", "a"],
    };
    const fake = await startFakeOauth({ ...registration, people: [{ ...ann, email_verified: true }] });
    const urls = { authorizationURL: `${fake.url}/authorize`, tokenURL: `${fake.url}/token` };
    return ofOAuth2(fake, {
      config: { ...oneOf(registration), ...urls, userInfoURL: `${fake.url}/userinfo` },
      closed: undefined,
      claims: { name: "Ann", preferred_username: "ann", email_verified: false, groups: ["b", "a"] },
    });
  },
  async discord(registration) {
    const nel = { id: "80351110224678912", username: "nelly", global_name: "Nelly", email: "nelly@discord.example" };
    const guilds = ["197038439483310086"];
    const fake = await startFakeDiscord({ ...registration, people: [{ ...nel, verified: true, guilds }] });
    return ofOAuth2(fake, {
      config: { ...oneOf(registration), baseURL: fake.url },
      closed: { guilds: ["81384788765712384"] },
      claims: { name: "Nelly", preferred_username: "nelly", email_verified: true, groups: guilds },
    });
  },
  async facebook(registration) {
    const people = [{ id: "10158000000000001", name: "Ella F.", email: "ella@facebook.example" }];
    const fake = await startFakeFacebook({ ...registration, people });
    return ofOAuth2(fake, {
      config: { ...oneOf(registration), baseURL: fake.url, apiURL: fake.url, graphVersion: "v23.0" },
      closed: undefined,
      claims: { name: "Ella F.", email: "ella@facebook.example", email_verified: false },
    });
  },
  async linkedin(registration) {
    const ada = { id: "a1B2", firstName: "Ada", lastName: "Byron", emails: ["ada@linkedin.example"] };
    const fake = await startFakeLinkedin({ ...registration, people: [{ ...ada, emailVerified: true }] });
    return ofOAuth2(fake, {
      config: { ...oneOf(registration), baseURL: fake.url, apiURL: `${fake.url}/api` },
      closed: undefined,
      claims: { name: "Ada Byron", email: "ada@linkedin.example", email_verified: true },
    });
  },
  async microsoft(registration) {
    const ada = { id: "S56767889", displayName: "Ada L", userPrincipalName: "ada@microsoft.example" };
    const names = { mailNickname: "ada", onPremisesSamAccountName: "EXAMPLE-ada" };
    const groups = [{ id: "id-c", displayName: "c" }];
    const fake = await startFakeMicrosoft({ ...registration, people: [{ ...ada, ...names, groups }], tenant: TENANT });
    return ofOAuth2(fake, {
      config: { ...oneOf(registration), tenant: TENANT, apiURL: fake.url, graphURL: `${fake.url}/graph` },
      closed: { groups: ["nobody"] },
      claims: { name: "Ada L", email: "ada@microsoft.example", email_verified: true, groups: ["c"] },
    });
  },
  async google(registration) {
    const claims = { email: "user@dexidp.example", email_verified: true, name: "User One", hd: "dexidp.example" };
    const users = [{ sub: "110169484474386276334", claims }];
    const fake = await startFakeGoogle({ ...registration, users, refreshTokens: true, admins: {}, memberships: {} });
    return {
      config: { ...oneOf(registration), issuer: fake.provider.issuer, directoryURL: fake.directory.url },
      closed: { hostedDomains: ["other.example"] },
      claims: { name: "User One", email: "user@dexidp.example", email_verified: true },
      violations: () => [...fake.provider.violations, ...fake.directory.violations],
      close: () => fake.close(),
    };
  },
  async okta(registration) {
    const claims = { email: "jane@okta.example", email_verified: true, name: "Jane", groups: ["dev"] };
    const fake = await startFakeOpenIdProvider({
      ...registration,
      ...{ path: "/oauth2/default", clientAuthentication: "client_secret_post", refreshTokens: true },
      scopes: ["openid", "profile", "email", "groups", "offline_access"],
      users: [{ sub: "jane-1", claims }],
    });
    const place = { domain: "acme.okta.com", authorizationServer: "default", baseURL: fake.url };
    return {
      config: { ...oneOf(registration), ...place, insecureEnableGroups: true, trustedEmailProvider: true },
      closed: { allowedGroups: ["ops"] },
      claims: { name: "Jane", email: "jane@okta.example", email_verified: true, groups: ["dev"] },
      violations: () => fake.violations,
      close: () => fake.close(),
    };
  },
  async apple({ redirectUris }) {
    const key = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
    const privateKey = key.export({ type: "pkcs8", format: "pem" }).toString();
    const ids = { teamId: "TEAM123456", keyId: "KEY1234567" };
    const jane = { sub: "000123.jane", email: "jane@apple.example", firstName: "Jane", lastName: "Doe" };
    const fake = await startFakeApple({ clientId: "org.example.dex", ...ids, privateKey, redirectUris, users: [jane] });
    const config = { clientID: "org.example.dex", teamID: ids.teamId, keyID: ids.keyId, privateKey };
    return {
      config: { ...config, baseURL: fake.issuer },
      closed: undefined,
      claims: { name: "Jane Doe", email: "jane@apple.example", email_verified: true },
      violations: () => fake.violations,
      close: () => fake.close(),
    };
  },
  async "atlassian-crowd"({ clientId, clientSecret }) {
    const ada = { key: "32769:1001", name: "ada", password: "right & proper ü", email: "ada@crowd.example" };
    const fake = await startFakeCrowd({ clientId, clientSecret, people: [{ ...ada, groups: ["staff"] }] });
    return {
      config: { clientID: clientId, clientSecret, baseURL: `${fake.url}/crowd/` },
      closed: { groups: ["nobody"] },
      typed: { login: "ada", password: ada.password },
      claims: { name: "ada", email: "ada@crowd.example", email_verified: true, groups: ["staff"] },
      violations: () => fake.violations,
      close: () => fake.close(),
    };
  },
  async keystone() {
    const keystone = await startKeystone();
    const user = { name: "jane", password: "right & proper ü", email: "jane@keystone.example", domain_id: "default" };
    const made = await keystone.call("POST", "/v3/users", { user });
    const { name: keystoneUsername, password: keystonePassword } = keystone.admin;
    const admin = { keystoneUsername, keystonePassword };
    return {
      config: { keystoneHost: keystone.url, domain: "default", ...admin },
      closed: undefined,
      typed: { login: "jane", password: user.password },
      claims: { name: "jane", email: user.email, email_verified: true },
      dismiss: async () => void (await keystone.call("DELETE", `/v3/users/${String(made.user?.id)}`)),
      violations: () => [],
      close: () => keystone.close(),
    };
  },
};
