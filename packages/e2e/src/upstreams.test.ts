// A person signs in through each kind of upstream, in Chromium, at a whole fleet: real servers of LDAP, SAML and OpenID
// Connect, and a strict stand-in for GitHub. What comes out is what a client that knows nothing of us makes of it.
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import {
  type FakeGithubPerson,
  type FakeOAuth2Server,
  type FakeUser,
  type Fleet,
  newClientWithDexctl,
  openBrowser,
  openFormBrowser,
  queryDatabase,
  type RealBrowser,
  type RunningOidcProvider,
  type RunningSimpleSaml,
  type RunningSlapd,
  repositoryRoot,
  runDexctl,
  startFakeGithub,
  startFleet,
  startOidcProvider,
  startSimpleSaml,
  startSlapd,
  submitPassword,
  waitPastConsent,
} from "@dex/testing";
import * as openid from "openid-client";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findLeaks } from "./log-leaks.ts";
import { offeredByWorkers } from "./offered-connectors.ts";
import { makeRelyingParty, type RelyingParty, type Tokens } from "./relying-party.ts";

const SCOPE = "openid email profile groups offline_access";
const SECRETS = {
  service: "canary-of-the-service-account",
  github: "canary-of-the-client-at-github",
  oidc: "canary-of-the-client-at-the-provider",
  person: "canary-of-the-password",
};
const PEOPLE = "ou=People,dc=example,dc=org";
const LDIF = `dn: ${PEOPLE}
objectClass: organizationalUnit
ou: People

dn: cn=service,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: service
userPassword: ${SECRETS.service}

dn: uid=ada,${PEOPLE}
objectClass: inetOrgPerson
uid: ada
cn: Ada Lovelace
sn: Lovelace
mail: ada@ldap.example
userPassword: ${SECRETS.person}

dn: cn=analysts,dc=example,dc=org
objectClass: groupOfNames
cn: analysts
member: uid=ada,${PEOPLE}
`;
const INTO_ENGINEERS = `dn: cn=engineers,dc=example,dc=org
changetype: add
objectClass: groupOfNames
cn: engineers
member: uid=ada,${PEOPLE}
`;

const GRACE: FakeGithubPerson = {
  id: 1,
  login: "grace",
  name: "Grace Hopper",
  emails: [{ email: "grace@github.example", verified: true, primary: true }],
  orgs: ["navy"],
  teams: [{ org: "navy", name: "Compilers", slug: "compilers" }],
};
const STRANGER: FakeGithubPerson = { ...GRACE, id: 2, login: "stranger", orgs: [], teams: [] };
const JOAN: FakeUser = {
  sub: "joan-1",
  claims: { email: "joan@provider.example", email_verified: true, name: "Joan Clarke", groups: ["bletchley"] },
};
const MARY = { uid: ["mary-1"], name: ["Mary Hawes"], mail: ["mary@saml.example"], groups: ["cobol"] };

let fleet: Fleet;
let browser: RealBrowser;
let party: RelyingParty;
let application: Server;
let slapd: RunningSlapd;
let saml: RunningSimpleSaml;
let github: FakeOAuth2Server<FakeGithubPerson>;
let provider: RunningOidcProvider;

beforeAll(async () => {
  // Asked at each refresh, so that a change upstream is seen at the next one.
  const workerEnv = { DEX_WORKER_UPSTREAM_REFRESH_INTERVAL: "0s", DEX_WORKER_LOG_DEBUG: "true" };
  [fleet, browser, slapd] = await Promise.all([
    startFleet({ workers: 2, workerEnv }),
    openBrowser(),
    startSlapd({ ldif: LDIF }),
  ]);
  const callback = (id: string) => `${fleet.facts.issuer}/auth/${id}/callback`;
  [github, provider, saml, application] = await Promise.all([
    startFakeGithub({
      clientId: "dex",
      clientSecret: SECRETS.github,
      redirectUris: [callback("github")],
      people: [GRACE, STRANGER],
    }),
    startOidcProvider({
      clients: [{ clientId: "dex", clientSecret: SECRETS.oidc, redirectUris: [callback("oidc")] }],
      users: [JOAN],
    }),
    startSimpleSaml({
      people: [
        { login: "mary", password: SECRETS.person, attributes: MARY },
        { login: "nell", password: SECRETS.person, attributes: { ...MARY, uid: ["nell-1"], groups: ["fortran"] } },
      ],
      clients: [{ entityId: callback("saml"), callbackUrl: callback("saml") }],
    }),
    startApplication(),
  ]);
  await addConnectors();
  const redirectUri = `${addressOf(application)}/callback`;
  party = await makeRelyingParty(fleet.facts, {
    ...(await newClientWithDexctl([redirectUri], fleet.facts.databaseUrl)),
    redirectUri,
  });
});
afterAll(async () => {
  await browser?.close();
  await Promise.all([github?.close(), provider?.close(), saml?.close(), slapd?.close(), fleet?.stop()]);
  application?.close();
});

async function addConnectors(): Promise<void> {
  const { databaseUrl } = fleet.facts;
  const add = async (
    connector: { id: string; [member: string]: unknown },
    secret?: { member: string; value: string },
  ) => {
    const more = secret === undefined ? [] : ["--secret-env", `${secret.member}=OF_THE_UPSTREAM`];
    const run = await runDexctl(["connectors", "add", "-", ...more], {
      env: { DEXCTL_DB_URL: databaseUrl, ...(secret === undefined ? {} : { OF_THE_UPSTREAM: secret.value }) },
      stdin: JSON.stringify(connector),
    });
    expect(run).toMatchObject({ status: 0, stdout: `added connector ${connector.id}\n` });
  };
  const ldap = {
    host: `localhost:${slapd.tlsPort}`,
    rootCA: slapd.files.ca,
    bindDN: "cn=service,dc=example,dc=org",
    userSearch: { baseDN: PEOPLE, username: "uid", idAttr: "uid", nameAttr: "cn" },
    groupSearch: {
      baseDN: "dc=example,dc=org",
      userMatchers: [{ userAttr: "DN", groupAttr: "member" }],
      nameAttr: "cn",
    },
  };
  await add({ id: "ldap", type: "ldap", name: "Directory", ...ldap }, { member: "bindPW", value: SECRETS.service });
  const atGithub = { clientID: "dex", baseURL: github.url, apiURL: `${github.url}/api`, orgs: [{ name: "navy" }] };
  await add(
    { id: "github", type: "github", name: "GitHub", ...atGithub },
    { member: "clientSecret", value: SECRETS.github },
  );
  const scopes = ["profile", "email", "groups", "offline_access"];
  const atProvider = { issuer: provider.issuer, clientID: "dex", scopes, insecureEnableGroups: true };
  await add(
    { id: "oidc", type: "oidc", name: "Provider", trustedEmailProvider: true, ...atProvider },
    { member: "clientSecret", value: SECRETS.oidc },
  );
  const atSaml = {
    ssoURL: saml.ssoUrl,
    ssoIssuer: saml.entityId,
    caData: Buffer.from(saml.certificate).toString("base64"),
  };
  const names = { usernameAttr: "name", emailAttr: "mail", groupsAttr: "groups", allowedGroups: ["cobol"] };
  await add({ id: "saml", type: "saml", name: "Corporate", enableCachedRefresh: true, ...atSaml, ...names });
}

/** The client's own page: where dex sends the browser in the end. */
async function startApplication(): Promise<Server> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html" }).end('<!doctype html><p id="arrived">Signed in</p>');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the application has no port");
  return `http://127.0.0.1:${address.port}`;
}

const picture = (page: Page, name: string) =>
  page.screenshot({ path: join(repositoryRoot, "screenshots", `upstreams-${name}.png`), fullPage: true });

/** A visitor who has begun to sign in at the client, and has chosen a way. */
async function choose(connectorId: string, hint?: string) {
  // Any worker may get any request, and each learns of a change within two seconds by itself.
  await expect.poll(() => offeredByWorkers(fleet, connectorId)).toEqual(fleet.workerOrigins.map(() => true));
  const { url, checks } = await party.begin(SCOPE);
  if (hint !== undefined) url.searchParams.set("login_hint", hint);
  const page = await browser.newVisitor();
  await page.goto(url.href);
  await page.locator(`#connector-${connectorId}`).click();
  return { page, checks };
}

/** The tokens, ID token verified, that a sign-in ends with whose forms `atUpstream` fills. */
async function signIn(connectorId: string, atUpstream: (page: Page) => Promise<void>): Promise<Tokens> {
  const { page, checks } = await choose(connectorId);
  await atUpstream(page);
  await waitPastConsent(page, "#arrived");
  return party.redeem(new URL(page.url()), checks);
}

const refresh = async ({ refresh_token = "" }: Tokens) => {
  expect(refresh_token).not.toBe("");
  return openid.refreshTokenGrant(party.configuration, refresh_token);
};
const groupsOf = (tokens: Tokens) => tokens.claims()?.groups;

/** What is said to whoever is refused, on a page of ours with a way back to the other ways. */
async function expectRefused(page: Page, words: string): Promise<void> {
  expect(new URL(page.url()).origin).toBe(new URL(fleet.facts.issuer).origin);
  await page.locator("[role=alert]").waitFor();
  expect(await page.locator("[role=alert]").textContent()).toContain(words);
  await page.locator("#back, #other-ways").first().click();
  await page.locator("#connector-local").waitFor();
}

describe("through a directory (LDAP)", () => {
  const typePassword = (password: string) => (page: Page) => submitPassword(page, { email: "ada", password });

  test("a person gets a verified ID token with groups, and a new group at the next refresh", async () => {
    const tokens = await signIn("ldap", typePassword(SECRETS.person));
    expect(tokens.claims()).toMatchObject({ name: "Ada Lovelace", email: "ada@ldap.example", email_verified: true });
    expect(groupsOf(tokens)).toEqual(["analysts"]);
    slapd.modify(INTO_ENGINEERS);
    const refreshed = await refresh(tokens);
    expect(groupsOf(refreshed)).toEqual(["analysts", "engineers"]);
    expect(refreshed.claims()?.sub).toBe(tokens.claims()?.sub);
  });

  test("a wrong password is refused, on the same form", async () => {
    const { page } = await choose("ldap");
    await picture(page, "ldap-form");
    await typePassword("wrong")(page);
    await page.locator("#message").waitFor();
    await picture(page, "ldap-refused");
    await expectRefused(page, "not right");
  });
});

describe("through GitHub", () => {
  test("a person gets a verified ID token with groups, and another team at the next refresh", async () => {
    const tokens = await signIn("github", async () => undefined);
    expect(tokens.claims()).toMatchObject({ name: "Grace Hopper", email: "grace@github.example" });
    expect(groupsOf(tokens)).toEqual(["navy:Compilers"]);
    github.replace(GRACE, { ...GRACE, teams: [{ org: "navy", name: "Admirals", slug: "admirals" }] });
    expect(groupsOf(await refresh(tokens))).toEqual(["navy:Admirals"]);
    expect(github.violations).toEqual([]);
  });

  test("who is in none of the organisations is refused", async () => {
    const { page } = await choose("github", "stranger");
    await picture(page, "github-refused");
    await expectRefused(page, "none of the groups");
  });
});

describe("through an OpenID provider (oidc-provider)", () => {
  test("a person gets a verified ID token with groups, and another group at the next refresh", async () => {
    const tokens = await signIn("oidc", async () => undefined);
    expect(tokens.claims()).toMatchObject({
      name: "Joan Clarke",
      email: "joan@provider.example",
      email_verified: true,
    });
    expect(groupsOf(tokens)).toEqual(["bletchley"]);
    provider.users[0] = { ...JOAN, claims: { ...JOAN.claims, groups: ["hut 8"] } };
    const refreshed = await refresh(tokens);
    expect(groupsOf(refreshed)).toEqual(["hut 8"]);
    // The upstream's own refresh token was replaced meanwhile: the new one is used for the next.
    expect(groupsOf(await refresh(refreshed))).toEqual(["hut 8"]);
    expect(provider.refusals).toEqual([]);
  });

  test("who is denied there is refused", async () => {
    const everybody = provider.users.splice(0);
    const { page } = await choose("oidc");
    await picture(page, "oidc-refused");
    await expectRefused(page, "did not sign you in");
    provider.users.push(...everybody);
  });
});

describe("through an identity provider (SimpleSAMLphp)", () => {
  const signInThere = (login: string, password: string) => async (page: Page) => {
    await page.locator('[name="username"]').fill(login);
    await page.locator('[name="password"]').fill(password);
    await page.locator('[name="password"]').press("Enter");
  };

  test("a person gets a verified ID token with groups, and the same at the next refresh", async () => {
    const tokens = await signIn("saml", signInThere("mary", SECRETS.person));
    expect(tokens.claims()).toMatchObject({ name: "Mary Hawes", email: "mary@saml.example" });
    expect(groupsOf(tokens)).toEqual(["cobol"]);
    // SAML has nothing to ask again with: what the last sign-in said holds.
    expect(groupsOf(await refresh(tokens))).toEqual(["cobol"]);
  });

  test("who is in none of the groups is refused", async () => {
    const { page } = await choose("saml");
    await page.locator('[name="username"]').waitFor();
    await picture(page, "saml-upstream");
    await signInThere("nell", SECRETS.person)(page);
    await page.locator("#back").waitFor();
    await picture(page, "saml-refused");
    await expectRefused(page, "none of the groups");
  });
});

test("a worker that starts while none of them can be opened serves, is ready, and says so (C 5, C 6)", async () => {
  const [worker] = fleet.workers;
  await worker?.stop();
  const changed = "UPDATE connector SET type = 'of another build' RETURNING id";
  const ids = (await queryDatabase<{ id: string }>(fleet.facts.databaseUrl, changed)).map(({ id }) => id);
  expect(ids.sort()).toEqual(["github", "ldap", "local", "oidc", "saml"]);
  worker?.restart();
  await fleet.workerIsBack(0);
  const origin = fleet.workerOrigins[0] ?? "";
  expect((await fetch(`${origin}/dex/health`)).status).toBe(200);
  expect((await fetch(`${origin}/dex/keys`)).status).toBe(200);
  const { url } = await party.begin(SCOPE);
  const alone = openFormBrowser({ route: (one) => new URL(one.pathname + one.search, origin) });
  const chooser = await alone.open(url);
  expect(chooser.status).toBe(200);
  const lines = worker?.logs().split("\n") ?? [];
  for (const id of ids) {
    expect(chooser.text).toContain(`unavailable" id="connector-${id}"`);
    const line = lines.find((one) => one.includes("connector cannot be opened") && one.includes(`"${id}"`));
    expect(line, id).toContain("of another build");
  }
});

test("no log of the fleet tells a secret or a password of any of them (LOG-1)", () => {
  expect(findLeaks(fleet.logDirectory, SECRETS)).toEqual([]);
});
