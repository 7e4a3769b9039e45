import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type JsonObject, silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { type FakeBehaviours, type FakeGoogle, NOTHING_ASKED, PLAIN_CALLBACK, startFakeGoogle } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { AskedOfUpstream, Connector, LoginOutcome, UpstreamGrant, UpstreamWish } from "../src/connector.ts";
import { findAdmin } from "../src/google/config.ts";
import { openConnector } from "../src/registry.ts";
import { callbackOf } from "./oauth2-login.ts";
import { begin, callbackUrl, clientSecret, state, visit } from "./oidc-login.ts";

const ASKED: AskedOfUpstream = { groups: true, offlineAccess: false };
const OFFLINE: AskedOfUpstream = { groups: false, offlineAccess: true };
const REFUSED = { kind: "refused", reason: "not permitted" };
const ADMIN = "admin@dexidp.com";
const USER_1 = {
  sub: "110169484474386276334",
  claims: { email: "user_1@dexidp.com", email_verified: true, name: "User One", hd: "dexidp.com" },
};
const MEMBERSHIPS = {
  "user_1@dexidp.com": ["groups_1@dexidp.com", "groups_2@dexidp.com"],
  "user_2@dexidp.com": [],
  "groups_1@dexidp.com": ["groups_0@dexidp.com"],
  // In each other.
  "groups_2@dexidp.com": ["groups_0@dexidp.com"],
  "groups_0@dexidp.com": ["groups_1@dexidp.com"],
};

let google: FakeGoogle;
let directory: string;
let keyFile: string;
beforeAll(async () => {
  google = await startFakeGoogle({
    clientId: "dex:client",
    clientSecret,
    redirectUris: [callbackUrl],
    users: [USER_1],
    refreshTokens: true,
    admins: { [ADMIN]: "dexidp.com" },
    memberships: { ...MEMBERSHIPS },
  });
  directory = await mkdtemp(join(tmpdir(), "dex-google-"));
  keyFile = join(directory, "key.json");
  await writeFile(keyFile, JSON.stringify(google.directory.serviceAccount));
});
afterAll(async () => {
  await google.close();
  await rm(directory, { recursive: true });
});
beforeEach(() => {
  google.reset();
  google.provider.users.splice(0, google.provider.users.length, USER_1);
  for (const member of Object.keys(google.directory.memberships)) delete google.directory.memberships[member];
  Object.assign(google.directory.memberships, MEMBERSHIPS);
});
afterEach(() => expect([...google.provider.violations, ...google.directory.violations]).toEqual([]));

function open(config: JsonObject) {
  const urls = { issuer: google.provider.issuer, directoryURL: google.directory.url };
  const given = { clientID: "dex:client", clientSecret, ...urls, ...config };
  return openConnector(
    { id: "corp", type: "google", config: given },
    {
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      checkPassword: async () => ({ kind: "unavailable", detail: "not used here" }),
    },
  );
}

function connect(config: JsonObject = {}): Connector {
  const opened = open(config);
  if (opened.kind === "refused") throw new Error(opened.reason);
  return opened.connector;
}

const withDirectory = (config: JsonObject = {}) =>
  connect({ serviceAccountFilePath: keyFile, domainToAdminEmail: { "dexidp.com": ADMIN }, ...config });

async function signIn(connector: Connector, asked: AskedOfUpstream = NOTHING_ASKED): Promise<LoginOutcome> {
  const login = callbackOf(connector);
  const begun = await begin(login, { asked });
  return login.finish({
    callbackUrl,
    query: await visit(begun.to),
    state,
    data: begun.data,
    asked,
    request: PLAIN_CALLBACK,
    now: systemClock(),
  });
}

/** Claims of the only person there is, from now on. */
function become(claims: Record<string, unknown>): void {
  google.provider.users.splice(0, 1, { sub: USER_1.sub, claims: { ...USER_1.claims, ...claims } });
}

describe("the configuration", () => {
  const admins = { domainToAdminEmail: { "*": ADMIN } };
  const rows: { what: string; config: () => JsonObject; reason: RegExp }[] = [
    {
      what: "a service account that acts for nobody",
      config: () => ({ serviceAccountFilePath: keyFile }),
      reason: /domainToAdminEmail/,
    },
    {
      what: "a file that is not there",
      config: () => ({ serviceAccountFilePath: join(directory, "none"), ...admins }),
      reason: /serviceAccountFilePath.*ENOENT/,
    },
    {
      what: "administrators without a service account",
      config: () => admins,
      reason: /serviceAccountFilePath.*machine/,
    },
    { what: "groups without a directory", config: () => ({ groups: ["x@dexidp.com"] }), reason: /groups/ },
    { what: "an administrator that is no address", config: () => ({ adminEmail: "admin" }), reason: /adminEmail/ },
    { what: "no secret", config: () => ({ clientSecret: "" }), reason: /clientSecret/ },
  ];
  test.each(rows)("with $what is refused (C 167, C 173)", ({ config, reason }) => {
    expect(open(config())).toMatchObject({ kind: "refused", reason: expect.stringMatching(reason) });
  });

  test.each([
    { what: "another kind of key", change: { type: "authorized_user" } },
    { what: "a token address over http", change: { token_uri: "http://oauth2.example/token" } },
    {
      what: "a key that is none",
      change: { private_key: "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----" },
    },
  ])("with a file that holds $what is refused, and nothing of it shown (C 167)", async ({ change }) => {
    const path = join(directory, "wrong.json");
    await writeFile(path, JSON.stringify({ ...google.directory.serviceAccount, ...change }));
    const opened = open({ serviceAccountFilePath: path, ...admins });
    expect(opened).toMatchObject({ kind: "refused", reason: expect.stringContaining("serviceAccountFilePath") });
    expect(JSON.stringify(opened)).not.toContain("c2VjcmV0");
  });

  test("with a service account and its administrators is taken (C 167)", () => {
    expect(open({ serviceAccountFilePath: keyFile, ...admins })).toMatchObject({ kind: "connector" });
    expect(open({ serviceAccountFilePath: keyFile, adminEmail: ADMIN })).toMatchObject({ kind: "connector" });
    expect(open({ adminEmail: "", groups: [] })).toMatchObject({ kind: "connector" });
  });
});

describe("a person", () => {
  test("has sub, name and the address Google verified; no groups are read unasked", async () => {
    expect(await signIn(withDirectory())).toMatchObject({
      identity: {
        remoteId: USER_1.sub,
        displayName: "User One",
        email: "user_1@dexidp.com",
        emailVerified: true,
        preferredUsername: undefined,
        groups: undefined,
      },
    });
    expect(google.directory.requests).toEqual([]);
  });

  test("has no verified address where Google or the operator does not say so (MIX-3)", async () => {
    expect(await signIn(connect({ trustedEmailProvider: false }))).toMatchObject({
      identity: { emailVerified: false },
    });
    become({ email_verified: false });
    expect(await signIn(connect())).toMatchObject({ identity: { emailVerified: false } });
  });

  const names = [
    { field: "email", becomes: "user_1@dexidp.com" },
    { field: "emailLocalPart", becomes: "user_1" },
    { field: "", becomes: undefined },
  ];
  test.each(names)("has preferred_username $becomes with preferredUsernameField $field (C 174)", async (row) => {
    expect(await signIn(connect({ preferredUsernameField: row.field }))).toMatchObject({
      identity: { preferredUsername: row.becomes },
    });
  });
});

describe("hosted domains", () => {
  test("are asked for: one by name, several with a star (C 168)", async () => {
    const hd = async (config: JsonObject) =>
      new URL((await begin(callbackOf(connect(config)))).to).searchParams.get("hd");
    expect(await hd({})).toBeNull();
    expect(await hd({ hostedDomains: ["dexidp.com"] })).toBe("dexidp.com");
    expect(await hd({ hostedDomains: ["dexidp.com", "example.com"] })).toBe("*");
  });

  const rows: { domains: string[]; hd: unknown; taken: boolean }[] = [
    { domains: ["dexidp.com"], hd: "dexidp.com", taken: true },
    { domains: ["DexIdP.com"], hd: "dexidp.com", taken: true },
    { domains: ["example.com", "dexidp.com"], hd: "dexidp.com", taken: true },
    { domains: ["dexidp.com"], hd: "example.com", taken: false },
    { domains: ["dexidp.com"], hd: "sub.dexidp.com", taken: false },
    { domains: ["dexidp.com"], hd: "dexidp.com.evil.example", taken: false },
    { domains: ["dexidp.com"], hd: undefined, taken: false },
    { domains: ["dexidp.com"], hd: ["dexidp.com"], taken: false },
    { domains: ["dexidp.com"], hd: "", taken: false },
  ];
  test.each(rows)("$domains with hd $hd: $taken, whatever the address says (C 168, ACC-14)", async (row) => {
    google.provider.behaviours.idTokenClaims = { hd: row.hd };
    const outcome = await signIn(connect({ hostedDomains: row.domains }));
    expect(outcome).toMatchObject(row.taken ? { kind: "identity" } : REFUSED);
  });
});

describe("groups", () => {
  test("are direct ones, read page by page (C 169)", async () => {
    google.directory.memberships["user_1@dexidp.com"] = ["a@dexidp.com", "b@dexidp.com", "c@dexidp.com"];
    expect(await signIn(withDirectory(), ASKED)).toMatchObject({
      identity: { groups: ["a@dexidp.com", "b@dexidp.com", "c@dexidp.com"] },
    });
    expect(google.directory.requests).toEqual([
      `token ${ADMIN}`,
      "groups user_1@dexidp.com",
      "groups user_1@dexidp.com 2",
    ]);
  });

  test("are those and the groups they are in, each once, with fetchTransitiveGroupMembership (C 169)", async () => {
    const connector = withDirectory({ fetchTransitiveGroupMembership: true });
    expect(await signIn(connector, ASKED)).toMatchObject({
      identity: { groups: ["groups_1@dexidp.com", "groups_2@dexidp.com", "groups_0@dexidp.com"] },
    });
    const asked = google.directory.requests.slice(1);
    expect(asked).toEqual([...new Set(asked)]);
    expect(asked).toHaveLength(4);
  });

  test("of too many groups end the login", async () => {
    const many = Array.from({ length: 201 }, (_, index) => `g${index}@dexidp.com`);
    google.directory.memberships["user_1@dexidp.com"] = many.slice(0, 90);
    for (const group of many.slice(0, 90)) google.directory.memberships[group] = many.slice(90);
    const connector = withDirectory({ fetchTransitiveGroupMembership: true });
    expect((await signIn(connector, ASKED)).kind).not.toBe("identity");
  }, 30_000);

  test("are none for somebody in none, and for whom the directory does not know", async () => {
    become({ email: "user_2@dexidp.com" });
    expect(await signIn(withDirectory(), ASKED)).toMatchObject({ identity: { groups: [] } });
    become({ email: "nobody@dexidp.com" });
    expect(await signIn(withDirectory(), ASKED)).toMatchObject({ identity: { groups: [] } });
  });

  const lookups: { admins: Record<string, string>; email: string; admin: string | undefined }[] = [
    { admins: { "dexidp.com": "a@dexidp.com" }, email: "user@dexidp.com", admin: "a@dexidp.com" },
    { admins: { "dexidp.com": "a@dexidp.com" }, email: "user@DEXIDP.com", admin: "a@dexidp.com" },
    { admins: { "dexidp.com": "a@dexidp.com" }, email: "user@example.com", admin: undefined },
    { admins: { "dexidp.com": "a@dexidp.com", "*": "b@x.example" }, email: "user@example.com", admin: "b@x.example" },
    { admins: { "dexidp.com": "a@dexidp.com" }, email: "x@dexidp.com@evil.example", admin: undefined },
    { admins: { "dexidp.com": "a@dexidp.com" }, email: "x@evil.example@dexidp.com", admin: "a@dexidp.com" },
    { admins: { "dexidp.com": "a@dexidp.com" }, email: "user", admin: undefined },
    { admins: { "dexidp.com": "a@dexidp.com", "*": "b@x.example" }, email: "user", admin: "b@x.example" },
    { admins: { "dexidp.com": "a@dexidp.com" }, email: "user@constructor", admin: undefined },
  ];
  test.each(lookups)("of $email are read in the name of $admin (C 170, ACC-14)", ({ admins, email, admin }) => {
    expect(findAdmin(admins, email)).toBe(admin);
  });

  test("of another domain without an administrator cannot be read (C 170)", async () => {
    become({ email: "user@example.com" });
    expect(await signIn(withDirectory(), ASKED)).toMatchObject({
      kind: "unavailable",
      detail: expect.stringContaining("unable to find super admin email"),
    });
    expect(await signIn(withDirectory({ groups: ["groups_1@dexidp.com"] }))).toMatchObject(REFUSED);
    expect(google.directory.requests).toEqual([]);
  });

  test("are read in the name of adminEmail, the older word (C 171)", async () => {
    const connector = connect({ serviceAccountFilePath: keyFile, adminEmail: ADMIN });
    expect(await signIn(connector, ASKED)).toMatchObject({ identity: { groups: { length: 2 } } });
  });

  test("of an address that nobody verified are not looked up (ACC-14)", async () => {
    become({ email_verified: false });
    expect(await signIn(withDirectory(), ASKED)).toMatchObject({ kind: "refused", reason: "invalid answer" });
    expect(await signIn(withDirectory({ groups: ["groups_1@dexidp.com"] }))).toMatchObject(REFUSED);
    expect(google.directory.requests).toEqual([]);
  });

  test("keep out who is in none of those configured, whether or not the client asked (C 21, C 173)", async () => {
    for (const asked of [NOTHING_ASKED, ASKED]) {
      expect(await signIn(withDirectory({ groups: ["x@dexidp.com"] }), asked)).toMatchObject(REFUSED);
      const connector = withDirectory({ groups: ["x@dexidp.com", "groups_2@dexidp.com"] });
      expect(await signIn(connector, asked)).toMatchObject({ identity: { groups: ["groups_2@dexidp.com"] } });
    }
    expect(await signIn(withDirectory({ groups: ["groups_0@dexidp.com"] }))).toMatchObject(REFUSED);
    const transitive = withDirectory({ groups: ["groups_0@dexidp.com"], fetchTransitiveGroupMembership: true });
    expect(await signIn(transitive)).toMatchObject({ kind: "identity" });
  });

  test("a token in the administrator's name is used again, and renewed when it was refused", async () => {
    const connector = withDirectory();
    await signIn(connector, ASKED);
    await signIn(connector, ASKED);
    expect(google.directory.requests.filter((request) => request.startsWith("token"))).toHaveLength(1);
    google.directory.endAccessTokens();
    expect(await signIn(connector, ASKED)).toMatchObject({ kind: "unavailable" });
    expect(await signIn(connector, ASKED)).toMatchObject({ kind: "identity" });
  });

  test("an administrator who is none, or of another domain, makes the connector unavailable", async () => {
    const config = { domainToAdminEmail: { "*": "mallory@dexidp.com" } };
    expect(await signIn(withDirectory(config), ASKED)).toMatchObject({ kind: "unavailable" });
    become({ email: "user@example.com" });
    expect(await signIn(withDirectory({ domainToAdminEmail: { "*": ADMIN } }), ASKED)).toMatchObject({
      kind: "unavailable",
      detail: expect.stringContaining("403"),
    });
  });

  test("a list whose next page is the same one ends the login (C 24)", async () => {
    google.directory.nextPageToken = "2";
    expect(await signIn(withDirectory(), ASKED)).toMatchObject({ kind: "refused", reason: "invalid answer" });
    expect(google.directory.requests.length).toBeLessThan(5);
  });

  const failures = (["status 500", "close", "dribble", "huge body", "not json"] as const).flatMap((how) =>
    ["/token", "/admin/directory/v1/groups"].map((path) => ({ how, path })),
  );
  test.each(failures)(
    "$how at $path lets nobody in, in time (C 23, SSR-1)",
    async ({ how, path }) => {
      google.directory.endpoints[path] = how;
      const started = performance.now();
      const outcome = await signIn(withDirectory({ groups: ["groups_1@dexidp.com"] }));
      expect(outcome.kind).not.toBe("identity");
      if (how !== "not json") expect(outcome.kind).toBe("unavailable");
      expect(performance.now() - started).toBeLessThan(13_000);
      // Without a question for the directory its trouble is nobody's.
      expect(await signIn(withDirectory())).toMatchObject({ kind: "identity" });
    },
    20_000,
  );
});

describe("the authorization request", () => {
  const rows: { config: JsonObject; wish: Partial<UpstreamWish>; prompt: string | null; offline: string | null }[] = [
    { config: {}, wish: {}, prompt: null, offline: null },
    { config: {}, wish: { asked: OFFLINE }, prompt: "consent", offline: "offline" },
    { config: { promptType: null }, wish: { asked: OFFLINE }, prompt: "consent", offline: "offline" },
    { config: { promptType: "" }, wish: { asked: OFFLINE }, prompt: null, offline: "offline" },
    {
      config: { promptType: "select_account" },
      wish: { asked: OFFLINE },
      prompt: "select_account",
      offline: "offline",
    },
    { config: { promptType: "select_account" }, wish: {}, prompt: null, offline: null },
    {
      config: {},
      wish: { reauthenticate: true, asked: OFFLINE },
      prompt: "select_account consent",
      offline: "offline",
    },
  ];
  test.each(rows)("with $config and $wish has prompt $prompt (C 172)", async ({ config, wish, prompt, offline }) => {
    const { searchParams } = new URL((await begin(callbackOf(connect(config)), wish)).to);
    expect(searchParams.get("prompt")).toBe(prompt);
    expect(searchParams.get("access_type")).toBe(offline);
    expect(searchParams.get("scope")).toBe("openid profile email");
  });
});

describe("a refresh", () => {
  async function signInOffline(connector: Connector) {
    const outcome = await signIn(connector, OFFLINE);
    if (outcome.kind !== "identity" || outcome.grant === undefined) throw new Error(JSON.stringify(outcome));
    const kept: UpstreamGrant[] = [];
    let { grant } = outcome;
    const refresh = async (): Promise<LoginOutcome | undefined> =>
      connector.refresh?.({
        grant,
        remoteId: outcome.identity.remoteId,
        asked: OFFLINE,
        now: systemClock(),
        async keep(next) {
          kept.push(next);
          grant = next;
        },
      });
    return { identity: outcome.identity, refresh, kept };
  }

  test("reads groups and claims again, and remembers a name that Google does not repeat", async () => {
    const signedIn = await signInOffline(withDirectory({ groups: ["groups_2@dexidp.com"] }));
    google.provider.behaviours.idTokenClaims = { name: undefined };
    expect(await signedIn.refresh()).toMatchObject({
      identity: { remoteId: USER_1.sub, displayName: "User One", groups: ["groups_2@dexidp.com"] },
    });
    expect(signedIn.kept).toHaveLength(1);
  });

  test("refuses who left the group or the organisation, and whose token was ended", async () => {
    const signedIn = await signInOffline(
      withDirectory({ groups: ["groups_2@dexidp.com"], hostedDomains: ["dexidp.com"] }),
    );
    google.directory.memberships["user_1@dexidp.com"] = ["groups_1@dexidp.com"];
    expect(await signedIn.refresh()).toMatchObject(REFUSED);
    google.directory.memberships["user_1@dexidp.com"] = ["groups_2@dexidp.com"];
    expect(await signedIn.refresh()).toMatchObject({ kind: "identity" });
    google.provider.behaviours.idTokenClaims = { hd: undefined };
    expect(await signedIn.refresh()).toMatchObject(REFUSED);
    google.provider.behaviours.idTokenClaims = { sub: "another" };
    expect(await signedIn.refresh()).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });

  test("needs an ID token in the answer", async () => {
    const signedIn = await signInOffline(connect());
    google.provider.behaviours.tokenResponse = { id_token: undefined };
    expect(await signedIn.refresh()).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });

  test("is not possible where Google gave no refresh token: the grant of an earlier sign-in stays (C 19)", async () => {
    google.provider.behaviours.tokenResponse = { refresh_token: undefined };
    const outcome = await signIn(connect(), OFFLINE);
    expect(outcome).toMatchObject({ kind: "identity" });
    expect(outcome).not.toHaveProperty("grant");
  });
});

const forged: { what: string; claims?: Record<string, unknown>; signature?: FakeBehaviours["idTokenSignature"] }[] = [
  { what: "for another client", claims: { aud: "another" } },
  { what: "of another issuer", claims: { iss: "https://evil.example" } },
  { what: "that has expired", claims: { exp: 1_000_000_000 } },
  { what: "with another nonce", claims: { nonce: "another" } },
  { what: "signed by somebody else", signature: "foreign key" },
  { what: "signed by nobody", signature: "alg none" },
];
test.each(forged)("an ID token $what is refused (MIX-3)", async ({ claims = {}, signature = "good" }) => {
  google.provider.behaviours.idTokenClaims = claims;
  google.provider.behaviours.idTokenSignature = signature;
  expect(await signIn(connect())).toMatchObject({ kind: "refused", reason: "invalid answer" });
});

test("an answer of another issuer, or for another sign-in, is refused (MIX-1, MIX-2)", async () => {
  google.provider.behaviours.authorizationResponse = { iss: "https://evil.example" };
  expect(await signIn(connect())).toMatchObject({ kind: "refused" });
  google.provider.behaviours.authorizationResponse = { state: "another" };
  expect(await signIn(connect())).toMatchObject({ kind: "refused" });
});

test("a dry run tries the directory too", async () => {
  const steps = async (config: JsonObject) => (await withDirectory(config).check?.()) ?? [];
  const failed = async (config: JsonObject) =>
    (await steps(config)).filter(({ ok, name }) => !ok && name === "directory");
  expect((await steps({})).filter(({ ok }) => !ok)).toEqual([]);
  expect((await steps({})).map(({ name }) => name)).toContain("directory");
  expect(await failed({ domainToAdminEmail: { "*": "mallory@dexidp.com" } })).toHaveLength(1);
  google.provider.violations.length = 0; // codes that nobody issued
});
