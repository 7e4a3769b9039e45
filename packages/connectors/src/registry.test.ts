import { silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { NOTHING_ASKED } from "@dex/testing";
import { describe, expect, test } from "vitest";
import type { StoredConnector } from "./connector.ts";
import type { ConnectorParts } from "./connector-kind.ts";
import { keepSecrets, openConnector, parseConnectorConfigs, redactConnector } from "./registry.ts";

const v1 = { issuerURL: "https://idp.example", clientID: "dex", clientSecret: "s3cret-value" };
const parts: ConnectorParts = {
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
  checkPassword: async (input) => ({
    kind: "refused",
    reason: "invalid credentials",
    detail: `${input.connectorId} ${input.login}`,
  }),
};

function parsed(input: unknown): readonly StoredConnector[] {
  const result = parseConnectorConfigs(input);
  if (result.kind === "refused") throw new Error(result.reason);
  return result.connectors;
}

describe("a list of configurations", () => {
  test("is taken in the words of dex v1 and of dex v2, unknown members left out (v1 N01, v1 N02)", () => {
    const v2 = {
      issuer: "https://idp.example/realm/",
      clientID: "dex",
      clientSecret: "x",
      redirectURI: "https://dex.example/callback",
      scopes: ["email", "groups"],
      getUserInfo: true,
      claimMapping: { groups: "roles" },
      name: "Corporate",
    };
    const connectors = parsed([
      { id: "local", type: "local", anything: 1 },
      { id: "v1", type: "oidc", ...v1, trustedEmailProvider: true, emailClaim: "mail" },
      { id: "v2", type: "oidc", ...v2 },
    ]);
    expect(connectors).toEqual([
      { id: "local", type: "local", config: {} },
      { id: "v1", type: "oidc", config: { ...v1, trustedEmailProvider: true, emailClaim: "mail" } },
      { id: "v2", type: "oidc", config: v2 },
    ]);
  });

  test("may be empty and hold a hundred", () => {
    expect(parsed([])).toEqual([]);
    expect(parsed(Array.from({ length: 100 }, (_, n) => ({ id: `c${n}`, type: "oidc", ...v1 })))).toHaveLength(100);
  });

  const oidc = (config: object) => [{ id: "corp", type: "oidc", ...v1, ...config }];
  const refusals: { when: string; input: unknown; names: RegExp }[] = [
    { when: "it is no array", input: { id: "a" }, names: /array/ },
    { when: "it is null", input: null, names: /array/ },
    { when: "an entry is no object", input: ["local"], names: /connector 1: expected an object/ },
    { when: "an entry is an array", input: [[]], names: /connector 1/ },
    { when: "it has more than a hundred", input: Array.from({ length: 101 }, () => ({})), names: /at most 100/ },
    { when: "an id is missing", input: [{ type: "local" }], names: /connector 1: id/ },
    { when: "an id is a number", input: [{ id: 1, type: "local" }], names: /connector 1: id/ },
    { when: "an id has upper case", input: [{ id: "Local", type: "local" }], names: /connector 1: id/ },
    { when: "an id is a path", input: [{ id: "../x", type: "local" }], names: /connector 1: id/ },
    { when: "an id is __proto__", input: [{ id: "__proto__", type: "local" }], names: /connector 1: id/ },
    { when: "an id is too long", input: [{ id: "a".repeat(65), type: "local" }], names: /connector 1: id/ },
    {
      when: "an id is used twice",
      input: [
        { id: "a", type: "local" },
        { id: "a", type: "oidc", ...v1 },
      ],
      names: /"a" is used more than once/,
    },
    {
      when: "there are two local ones",
      input: [
        { id: "a", type: "local" },
        { id: "b", type: "local" },
      ],
      names: /at most one connector of type "local"/,
    },
    { when: "a type is missing", input: [{ id: "a" }], names: /"a": type: expected one of local, oidc/ },
    { when: "a type is a number", input: [{ id: "a", type: 1 }], names: /"a": type: expected one of/ },
    { when: "a type is unknown", input: [{ id: "a", type: "ldapx" }], names: /"a": type: "ldapx" is unknown/ },
    { when: "a type is constructor", input: [{ id: "a", type: "constructor" }], names: /"constructor" is unknown/ },
    { when: "an issuer is missing", input: [{ id: "a", type: "oidc", clientID: "x" }], names: /issuer/ },
    { when: "a clientID is missing", input: oidc({ clientID: undefined }), names: /clientID/ },
    {
      when: "an issuer is plain http elsewhere (OAU-2)",
      input: oidc({ issuerURL: "http://idp.example" }),
      names: /issuerURL: expected an https URL/,
    },
    { when: "an issuer has a query (OAU-2)", input: oidc({ issuerURL: "https://idp.example?x" }), names: /issuerURL/ },
    {
      when: "an issuer has user information",
      input: oidc({ issuerURL: "https://a:b@idp.example" }),
      names: /issuerURL/,
    },
    { when: "an issuer is a file", input: oidc({ issuerURL: "file:///etc/passwd" }), names: /issuerURL/ },
    { when: "two issuers differ", input: oidc({ issuer: "https://other.example" }), names: /must not differ/ },
    { when: "a person would be known by email (ACC-14)", input: oidc({ userIDKey: "email" }), names: /userIDKey/ },
    { when: "a person would be known by upn (ACC-14)", input: oidc({ userIDKey: "upn" }), names: /userIDKey/ },
    { when: "a switch is text (P6)", input: oidc({ trustedEmailProvider: "false" }), names: /trustedEmailProvider/ },
    { when: "a scope has a space", input: oidc({ scopes: ["a b"] }), names: /scopes/ },
    { when: "the prompt is none", input: oidc({ promptType: "none" }), names: /promptType/ },
    { when: "a mapping is unknown", input: oidc({ claimMapping: { sub: "x" } }), names: /claimMapping/ },
    { when: "only some groups may enter (P6)", input: oidc({ allowedGroups: ["admins"] }), names: /allowedGroups/ },
    { when: "only some domains may enter (P6)", input: oidc({ hostedDomains: ["a.example"] }), names: /hostedDomains/ },
    { when: "a name has a newline (LOG-3)", input: oidc({ name: "a\nb" }), names: /name/ },
  ];
  test.each(refusals)("is refused when $when, by name (v1 N01, v1 N02)", ({ input, names }) => {
    const result = parseConnectorConfigs(input);
    expect(result).toMatchObject({ kind: "refused", reason: expect.stringMatching(names) });
    expect(JSON.stringify(result)).not.toContain(v1.clientSecret);
  });

  test("is refused for a secret of the wrong type without showing it (LOG-1)", () => {
    const result = parseConnectorConfigs(oidc({ clientSecret: { oops: "s3cret-value" } }));
    expect(result).toMatchObject({ kind: "refused", reason: expect.stringContaining("clientSecret") });
    expect(JSON.stringify(result)).not.toContain("s3cret-value");
  });
});

describe("stored secrets", () => {
  const [stored] = parsed([{ id: "corp", type: "oidc", ...v1 }]);
  if (stored === undefined) throw new Error("nothing was parsed");
  const withConfig = (config: StoredConnector["config"]): StoredConnector => ({ ...stored, config });
  const { clientSecret: _, ...withoutSecret } = stored.config;

  test("are not shown", () => {
    expect(redactConnector(stored).config).toEqual({ ...v1, clientSecret: "[secret]" });
    expect(redactConnector({ id: "x", type: "of-a-newer-build", config: { bindPW: "hunter2" } }).config).toEqual({});
  });

  test.each([
    { when: "left out", next: withConfig(withoutSecret) },
    { when: "sent back as they were shown", next: redactConnector(stored) },
  ])("are kept when $when", ({ next }) => {
    expect(keepSecrets([next], [stored])).toEqual({ kind: "connectors", connectors: [stored] });
  });

  test("are replaced when given and dropped when given empty", () => {
    const next = withConfig({ ...v1, clientSecret: "new" });
    expect(keepSecrets([next], [stored])).toEqual({ kind: "connectors", connectors: [next] });
    const dropped = keepSecrets([withConfig({ ...v1, clientSecret: "" })], [stored]);
    expect(dropped).toEqual({ kind: "connectors", connectors: [withConfig(withoutSecret)] });
  });

  test("that a connector cannot do without are missed when they are given, not when somebody signs in", () => {
    const given = parsed([{ id: "gh", type: "github", clientID: "dex" }]);
    expect(keepSecrets(given, [])).toEqual({
      kind: "refused",
      reason: 'connector "gh": clientSecret: expected a secret',
    });
  });

  test("of a directory are not sent to another one, and not in clear text after TLS", () => {
    const search = { userSearch: { baseDN: "dc=x", username: "uid" } };
    const ldap = { id: "dir", type: "ldap", host: "ldap.example", bindDN: "cn=dex", ...search };
    const before = parsed([{ ...ldap, bindPW: "s3cret-value" }]);
    expect(redactConnector(before[0] ?? stored).config.bindPW).toBe("[secret]");
    expect(keepSecrets(parsed([{ ...ldap, maxIdleConn: 3 }]), before)).toMatchObject({ kind: "connectors" });
    for (const change of [{ host: "evil.example" }, { insecureNoSSL: true }, { insecureSkipVerify: true }]) {
      expect(keepSecrets(parsed([{ ...ldap, ...change }]), before)).toMatchObject({ kind: "refused" });
    }
  });

  test("are kept while lists that say where they go are the same, in another object too", () => {
    const overrides = (tokenURL: string) => ({ providerDiscoveryOverrides: { tokenURL }, rootCAs: [""] });
    const before = parsed([{ id: "corp", type: "oidc", ...v1, ...overrides("https://a.example") }]);
    const next = (tokenURL: string) => parsed([{ id: "corp", type: "oidc", ...withoutSecret, ...overrides(tokenURL) }]);
    expect(keepSecrets(next("https://a.example"), before)).toMatchObject({ kind: "connectors", connectors: before });
    expect(keepSecrets(next("https://evil.example"), before)).toMatchObject({ kind: "refused" });
  });

  const elsewhere = [
    { when: "the issuer changes", next: withConfig({ ...withoutSecret, issuerURL: "https://evil.example" }) },
    { when: "the client changes", next: withConfig({ ...withoutSecret, clientID: "other" }) },
    { when: "there is none stored", next: { ...redactConnector(stored), id: "new" } },
  ];
  test.each(elsewhere)("are not sent to somebody else: refused when $when", ({ next }) => {
    expect(keepSecrets([next], [stored])).toMatchObject({ kind: "refused" });
  });
});

describe("an opened connector", () => {
  test("carries the name dex v1 gave its id, unless it has one of its own", () => {
    const names = parsed([
      { id: "local", type: "local" },
      { id: "google", type: "oidc", ...v1 },
      { id: "corp", type: "oidc", ...v1 },
      { id: "named", type: "oidc", ...v1, name: "Corporate" },
    ]).map((one) => {
      const opened = openConnector(one, parts);
      return opened.kind === "connector" ? opened.connector.displayName : opened.reason;
    });
    expect(names).toEqual(["Email", "Google", "corp", "Corporate"]);
  });

  test("of type local asks the check it was handed, with its own id", async () => {
    const opened = openConnector({ id: "people", type: "local", config: {} }, parts);
    if (opened.kind === "refused" || opened.connector.login.kind !== "password") throw new Error("expected a form");
    expect(opened.connector.login.loginLabel).toBe("email address");
    const input = { login: "jane", password: "x", source: "::1", asked: NOTHING_ASKED, now: systemClock() };
    expect(await opened.connector.login.verify(input)).toMatchObject({ detail: "people jane" });
  });

  test("that this build does not understand hides none of the others", () => {
    const stored = [
      { id: "new", type: "of-a-newer-build", config: {} },
      { id: "odd", type: "oidc", config: { clientID: "x" } },
      { id: "bad", type: "local", config: { name: 5 } },
      { id: "local", type: "local", config: {} },
    ];
    const opened = stored.map((one) => openConnector(one, parts));
    expect(opened.map(({ kind }) => kind)).toEqual(["refused", "refused", "refused", "connector"]);
    expect(opened[0]).toMatchObject({ id: "new", reason: expect.stringContaining("of-a-newer-build") });
  });
});
