import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject, LogFields, Logger } from "@dex/runtime";
import { type FakeMicrosoftPerson, type FakeOAuth2Server, startFakeMicrosoft } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { AskedOfUpstream } from "../src/connector.ts";
import { openConnector, parseConnectorConfigs } from "../src/registry.ts";
import {
  begin,
  callbackOf,
  FAKE,
  openOAuth2Connector,
  REGISTRATION,
  secondsFromNow,
  signIn,
  signInForRefresh,
} from "./oauth2-login.ts";

const TENANT = "9b5ce5cc-1f2e-4a11-8f1b-7d2f0a1b2c3d";
const GROUPS: AskedOfUpstream = { groups: true, offlineAccess: false };
const ADA: FakeMicrosoftPerson = {
  id: "S56767889",
  displayName: "Ada Lovelace",
  userPrincipalName: "Ada.Lovelace@Example.com",
  mailNickname: "ada",
  onPremisesSamAccountName: "EXAMPLE-ada",
  groups: [
    { id: "id-c", displayName: "c" },
    { id: "id-d", displayName: "d" },
    { id: "id-mail", displayName: "mail list", security: false },
  ],
};
const manyGroups = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `id-${index}`, displayName: `group ${index}` }));

let microsoft: FakeOAuth2Server<FakeMicrosoftPerson>;
beforeAll(async () => {
  microsoft = await startFakeMicrosoft({ ...FAKE, people: [ADA], tenant: TENANT });
});
afterAll(() => microsoft.close());
beforeEach(() => {
  microsoft.reset();
  microsoft.people.splice(0, microsoft.people.length, ADA);
});
afterEach(() => expect(microsoft.violations).toEqual([]));

const open = (config: JsonObject = {}, { url } = microsoft) =>
  openOAuth2Connector("microsoft", { tenant: TENANT, apiURL: `${url}/`, graphURL: `${url}/graph/`, ...config });
const connect = (config: JsonObject = {}) => callbackOf(open(config));
const graphCalls = ({ requests } = microsoft) =>
  requests.map(({ path }) => path).filter((path) => path.startsWith("/graph/v1.0/") && path !== "/graph/v1.0/me");
const parse = (config: JsonObject) =>
  parseConnectorConfigs([{ id: "m", type: "microsoft", ...REGISTRATION, ...config }]);

/** A fake that calls itself by one of the names for many tenants. */
async function withMany<Result>(
  tenant: string,
  use: (url: string, server: FakeOAuth2Server<FakeMicrosoftPerson>) => Promise<Result>,
) {
  const server = await startFakeMicrosoft({ ...FAKE, people: [ADA], tenant });
  try {
    return await use(server.url, server);
  } finally {
    expect(server.violations).toEqual([]);
    await server.close();
  }
}

describe("a person of one tenant", () => {
  test("is read with exactly the five fields; the address is userPrincipalName (C 177)", async () => {
    // The fake refuses any other $select.
    expect(await signIn(connect())).toMatchObject({
      kind: "identity",
      identity: {
        remoteId: "S56767889",
        displayName: "Ada Lovelace",
        email: "Ada.Lovelace@Example.com",
        emailVerified: true,
        preferredUsername: undefined,
        groups: undefined,
      },
    });
    expect(graphCalls()).toEqual([]);
  });

  const fields = [
    { field: "name", value: "Ada Lovelace" },
    { field: "email", value: "Ada.Lovelace@Example.com" },
    { field: "mailNickname", value: "ada" },
    { field: "onPremisesSamAccountName", value: "EXAMPLE-ada" },
    { field: "constructor", value: undefined },
    { field: "", value: undefined },
  ];
  test.each(fields)("has preferred_username $value with preferredUsernameField $field (C 178)", async (row) => {
    expect(await signIn(connect({ preferredUsernameField: row.field }))).toMatchObject({
      identity: { preferredUsername: row.value },
    });
  });

  test("a preferredUsernameField that names nothing is warned about (C 178)", () => {
    const warned: string[] = [];
    const warn = (message: string, _fields?: LogFields) => void warned.push(message);
    const logger: Logger = { debug() {}, info() {}, warn, error() {} };
    openOAuth2Connector("microsoft", { tenant: TENANT, preferredUsernameField: "shoeSize" }, { logger });
    openOAuth2Connector("microsoft", { tenant: TENANT, preferredUsernameField: "name" }, { logger });
    expect(warned).toEqual([expect.stringContaining("preferredUsernameField")]);
  });

  test("has an address in lower case where configured, after a refresh too (C 184)", async () => {
    const connector = open({ emailToLowercase: true, preferredUsernameField: "email" });
    const expected = { email: "ada.lovelace@example.com", preferredUsername: "ada.lovelace@example.com" };
    const signedIn = await signInForRefresh(connector);
    expect(signedIn.identity).toMatchObject(expected);
    expect(await signedIn.refresh()).toMatchObject({ identity: expected });
  });

  test("without a userPrincipalName has no verified address", async () => {
    const nameless = { ...ADA, userPrincipalName: null, displayName: null };
    microsoft.people.splice(0, 1, nameless);
    expect(await signIn(connect())).toMatchObject({
      identity: { remoteId: "S56767889", email: undefined, emailVerified: false, displayName: undefined },
    });
  });

  test("whom the operator does not trust with addresses has no verified one", async () => {
    expect(await signIn(connect({ trustedEmailProvider: false }))).toMatchObject({
      identity: { emailVerified: false },
    });
  });
});

describe("many tenants", () => {
  test.each(["common", "organizations", "consumers", "Common"])(
    "with tenant %s addresses prove nothing, and nobody is asked for groups (C 183, ACC-14)",
    async (tenant) => {
      await withMany(tenant, async (url, server) => {
        const login = callbackOf(open({ tenant, apiURL: url, graphURL: `${url}/graph` }));
        expect(await signIn(login, { asked: GROUPS })).toMatchObject({
          identity: {
            remoteId: "S56767889",
            email: "Ada.Lovelace@Example.com",
            emailVerified: false,
            groups: undefined,
          },
        });
        expect(graphCalls(server)).toEqual([]);
        expect(server.requests[0]?.parameters.scope).toBe("user.read");
      });
    },
  );

  test.each(["common", "ORGANIZATIONS", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad", "", undefined])(
    "groups that should keep people out are refused with tenant %s (C 185)",
    (tenant) => {
      const given = { groups: ["a"], ...(tenant === undefined ? {} : { tenant }) };
      expect(parse(given)).toMatchObject({ kind: "refused", reason: expect.stringContaining("groups") });
      const stored = { id: "m", type: "microsoft", config: { ...REGISTRATION, ...given } };
      expect(openConnector(stored, {} as never)).toMatchObject({ kind: "refused" });
      expect(parse({ ...given, tenant: TENANT })).toMatchObject({ kind: "connectors" });
    },
  );
});

describe("groups", () => {
  const rows: { config: JsonObject; groups: string[] }[] = [
    { config: {}, groups: ["c", "d", "mail list"] },
    { config: { groupNameFormat: "name", onlySecurityGroups: true }, groups: ["c", "d"] },
    { config: { groupNameFormat: "id" }, groups: ["id-c", "id-d", "id-mail"] },
    { config: { groups: ["a", "d"] }, groups: ["c", "d", "mail list"] },
    { config: { groups: ["a", "d"], useGroupsAsWhitelist: true }, groups: ["d"] },
    { config: { groups: ["id-d"], groupNameFormat: "id", useGroupsAsWhitelist: true }, groups: ["id-d"] },
    { config: { useGroupsAsWhitelist: true }, groups: [] },
  ];
  test.each(rows)("with $config are $groups (C 179)", async ({ config, groups }) => {
    expect(await signIn(connect(config), { asked: GROUPS })).toMatchObject({ identity: { groups } });
  });

  test("an unknown groupNameFormat is refused (C 179)", () => {
    expect(parse({ tenant: TENANT, groupNameFormat: "path" })).toMatchObject({ kind: "refused" });
  });

  test("who is in none of those configured is not let in, whether or not the client asked for groups (C 21, C 180)", async () => {
    const refused = { kind: "refused", reason: "not permitted" };
    expect(await signIn(connect({ groups: ["a"] }), { asked: GROUPS })).toMatchObject(refused);
    expect(await signIn(connect({ groups: ["a"] }))).toMatchObject(refused);
    expect(await signIn(connect({ groups: ["C"] }))).toMatchObject(refused);
    expect(await signIn(connect({ groups: ["c"], groupNameFormat: "id" }))).toMatchObject(refused);
  });

  test("a thousand over ten pages are one request per page and one for the names", async () => {
    const groups = manyGroups(1000);
    const server = await startFakeMicrosoft({ ...FAKE, people: [{ ...ADA, groups }], tenant: TENANT, pageSize: 100 });
    const outcome = await signIn(callbackOf(open({}, server)), { asked: GROUPS });
    expect(outcome).toMatchObject({ identity: { groups: groups.map(({ displayName }) => displayName) } });
    expect(graphCalls(server)).toEqual([
      ...Array.from({ length: 10 }, () => "/graph/v1.0/me/getMemberGroups"),
      "/graph/v1.0/directoryObjects/getByIds",
    ]);
    expect(server.violations).toEqual([]);
    await server.close();
  });

  test("1500 are named in two requests of 1000 and 500; in one, Graph refuses (C 181)", async () => {
    const groups = manyGroups(1500);
    const server = await startFakeMicrosoft({ ...FAKE, people: [{ ...ADA, groups }], tenant: TENANT, pageSize: 1500 });
    const names = groups.map(({ displayName }) => displayName);
    const named = (outcome: unknown) => expect(outcome).toMatchObject({ identity: { groups: names } });
    for (const config of [{}, { batchGroupLookups: true }]) {
      server.requests.length = 0;
      named(await signIn(callbackOf(open(config, server)), { asked: GROUPS }));
      expect(graphCalls(server).filter((path) => path.endsWith("getByIds"))).toHaveLength(2);
    }
    expect(await signIn(callbackOf(open({ batchGroupLookups: false }, server)), { asked: GROUPS })).toMatchObject({
      kind: "refused",
      reason: "invalid answer",
      detail: expect.stringContaining("The size of the ids exceeds the limit."),
    });
    await server.close();
  });

  const loops = [
    { to: "itself", link: (url: string) => `${url}/graph/v1.0/me/getMemberGroups?$skiptoken=2` },
    { to: "the first page", link: (url: string) => `${url}/graph/v1.0/me/getMemberGroups` },
    { to: "another host", link: () => "https://evil.example/graph/v1.0/me/getMemberGroups" },
    { to: "no address", link: () => "next" },
  ];
  test.each(loops)("a next page that is $to ends the login (C 24, SSR-1)", async ({ link }) => {
    microsoft.people.splice(0, 1, { ...ADA, groups: manyGroups(9), nextLink: link(microsoft.url) });
    expect(await signIn(connect(), { asked: GROUPS })).toMatchObject({ kind: "refused", reason: "invalid answer" });
    expect(graphCalls().length).toBeLessThanOrEqual(2);
  });
});

describe("the authorization request", () => {
  const rows: { config: JsonObject; wish?: object; parameters: Record<string, string | undefined> }[] = [
    { config: {}, parameters: { scope: "user.read", prompt: undefined, domain_hint: undefined } },
    { config: { groups: ["c"] }, parameters: { scope: "user.read directory.read.all" } },
    {
      config: {},
      wish: { asked: { groups: true, offlineAccess: true } },
      parameters: { scope: "user.read directory.read.all offline_access" },
    },
    { config: { scopes: ["a", "b"] }, parameters: { scope: "a b" } },
    {
      config: { promptType: "consent", domainHint: "example.com" },
      parameters: { prompt: "consent", domain_hint: "example.com" },
    },
    { config: { promptType: "consent" }, wish: { reauthenticate: true }, parameters: { prompt: "login" } },
    {
      config: {},
      wish: { selectAccount: true, loginHint: "a@b.c" },
      parameters: { prompt: "select_account", login_hint: "a@b.c" },
    },
  ];
  test.each(rows)("with $config and $wish has $parameters", async ({ config, wish = {}, parameters }) => {
    const { searchParams } = new URL((await begin(connect(config), wish)).to);
    for (const [name, value] of Object.entries(parameters)) expect(searchParams.get(name)).toBe(value ?? null);
  });

  test("two logins at once do not see each other's scope", async () => {
    const login = connect();
    const [one, other] = await Promise.all([begin(login, { asked: GROUPS }), begin(login)]);
    expect(new URL(one.to).searchParams.get("scope")).toBe("user.read directory.read.all");
    expect(new URL(other.to).searchParams.get("scope")).toBe("user.read");
  });

  test.each(["../common", "a/b", "a?b", "a b"])("a tenant %j is refused", (tenant) => {
    expect(parse({ tenant })).toMatchObject({ kind: "refused", reason: expect.stringContaining("tenant") });
  });
});

describe("a client assertion", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "dex-assertion-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  test("stands in for the secret, and a replaced file is picked up (C 182)", async () => {
    const path = join(directory, "token");
    let current = "e30.Zmlyc3Q.c2ln";
    const server = await startFakeMicrosoft({ ...FAKE, people: [ADA], tenant: TENANT, assertion: () => current });
    const connector = open({ clientAssertion: path, clientSecret: "" }, server);
    await writeFile(path, `\n${current} \n`);
    const signedIn = await signInForRefresh(connector);
    current = "e30.c2Vjb25k.c2ln";
    await writeFile(path, current);
    expect(await signedIn.refresh(secondsFromNow(3600))).toMatchObject({ kind: "identity" });
    expect(server.violations).toEqual([]);
    const tokenRequests = server.requests.filter(({ path: at }) => at.endsWith("/token"));
    expect(tokenRequests).toHaveLength(2);
    for (const { parameters, headers } of tokenRequests) {
      expect(parameters.client_secret).toBeUndefined();
      expect(headers.authorization).toBeUndefined();
    }
    await server.close();
  });

  test.each([
    { what: "no file", content: undefined },
    { what: "a file that holds something else", content: "root:x:0:0\n" },
    { what: "a file of 20 kB", content: `e30.${"x".repeat(20_000)}.e30` },
  ])("$what makes the connector unavailable, and nothing of it is sent or shown", async ({ content }) => {
    const path = join(directory, "wrong");
    if (content !== undefined) await writeFile(path, content);
    const outcome = await signIn(connect({ clientAssertion: path }));
    expect(outcome).toMatchObject({ kind: "unavailable", detail: expect.stringContaining("clientAssertion") });
    expect(JSON.stringify(outcome)).not.toContain("root");
    expect(microsoft.requests.filter(({ path: at }) => at.endsWith("/token"))).toEqual([]);
    await rm(path, { force: true });
  });

  test("without either the connector does not open", () => {
    const config = { clientID: "x", tenant: TENANT };
    expect(openConnector({ id: "m", type: "microsoft", config }, {} as never)).toMatchObject({ kind: "refused" });
  });
});

describe("a refresh", () => {
  test("reads the person again with the stored token, and renews it only when it has expired", async () => {
    const signedIn = await signInForRefresh(open({ groups: ["c"] }));
    const renamed = { ...ADA, displayName: "Ada King", groups: [{ id: "id-c", displayName: "c" }] };
    microsoft.replace(ADA, renamed);
    expect(await signedIn.refresh()).toMatchObject({ identity: { displayName: "Ada King", groups: ["c"] } });
    expect(signedIn.kept).toEqual([]);
    expect(await signedIn.refresh(secondsFromNow(3600))).toMatchObject({ identity: { displayName: "Ada King" } });
    expect(signedIn.kept).toHaveLength(1);
  });

  test("refuses who left the group, and who is gone", async () => {
    const signedIn = await signInForRefresh(open({ groups: ["c"] }));
    const left = { ...ADA, groups: [] };
    microsoft.replace(ADA, left);
    expect(await signedIn.refresh()).toMatchObject({ kind: "refused", reason: "not permitted" });
    microsoft.replace(left, undefined);
    expect((await signedIn.refresh()).kind).toBe("refused");
    microsoft.violations.length = 0; // the token of somebody who is gone
  });

  test("refuses another person's answer (ACC-14)", async () => {
    const signedIn = await signInForRefresh(open());
    expect(await signedIn.refresh(undefined, { remoteId: "somebody else" })).toMatchObject({ kind: "refused" });
  });
});

describe("an upstream in trouble", () => {
  const failures = [
    ...(["status 500", "hang", "close", "dribble", "endless body", "many headers"] as const).map(
      (how) => [how, "unavailable"] as const,
    ),
    ...(["redirect loop", "html", "not json"] as const).map((how) => [how, "refused"] as const),
  ].flatMap(([how, kind]) =>
    [`/${TENANT}/oauth2/v2.0/token`, "/graph/v1.0/me", "/graph/v1.0/me/getMemberGroups"].map((path) => ({
      how,
      kind,
      path,
    })),
  );
  test.concurrent.each(failures)(
    "$how at $path is $kind, in time (C 23, SSR-1)",
    async ({ how, kind, path }) => {
      const own = await startFakeMicrosoft({ ...FAKE, people: [ADA], tenant: TENANT });
      own.behaviours.endpoints[path] = how;
      const started = performance.now();
      expect(await signIn(callbackOf(open({}, own)), { asked: GROUPS })).toMatchObject({ kind });
      expect(performance.now() - started).toBeLessThan(12_000);
      await own.close();
    },
    15_000,
  );

  test("a token answer with an error and status 200 is no login (OAU-1)", async () => {
    microsoft.behaviours.tokenResponse = { error: "invalid_grant" };
    expect(await signIn(connect())).toMatchObject({ kind: "refused", reason: "invalid answer" });
    expect(microsoft.requests.filter(({ path }) => path.startsWith("/graph"))).toEqual([]);
  });
});

test("a dry run finds everything in order, and a wrong secret", async () => {
  const steps = async (config: JsonObject) => (await open(config).check?.()) ?? [];
  expect((await steps({})).filter(({ ok }) => !ok)).toEqual([]);
  expect((await steps({ clientSecret: "wrong" })).filter(({ ok }) => !ok)).toHaveLength(1);
  microsoft.violations.length = 0; // codes and tokens that nobody issued
});
