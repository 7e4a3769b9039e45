import type { JsonObject } from "@dex/runtime";
import { describe, expect, test } from "vitest";
import { parseConnectorConfigs } from "../registry.ts";
import { openLdapSettings } from "./config.ts";

const V1 = { host: "ldap.example:389", baseDN: "dc=example" };
const SEARCH = { ...V1, searchBeforeAuth: true, searchFilter: "(uid=%u)" };
const V2 = { host: "ldap.example", userSearch: { baseDN: "dc=example", username: "uid" } };
const parse = (config: object) => parseConnectorConfigs([{ id: "dir", type: "ldap", ...config }]);
const MATCHER = { userAttr: "DN", groupAttr: "member" };
const withKerberos = (change: object) => ({ ...V2, kerberos: { enabled: true, keytabPath: "/x.keytab", ...change } });
const inSearch = (change: object) => ({ ...V2, userSearch: { ...V2.userSearch, ...change } });

describe("a configuration is taken", () => {
  test.each([
    { what: "v1 in clear text", config: V1 },
    { what: "v1 with StartTLS (v1 N09)", config: { ...V1, useTLS: true } },
    { what: "v1 with LDAPS", config: { ...V1, useSSL: true } },
    { what: "v1 with scope one (v1 N09)", config: { ...SEARCH, searchScope: "one" } },
    { what: "v1 with scope BASE", config: { ...SEARCH, searchScope: "BASE" } },
    {
      what: "v1 with certificate and key (v1 N09)",
      config: { ...V1, useTLS: true, certFile: "/c.pem", keyFile: "/k.pem" },
    },
    { what: "v1 with host and port apart", config: { serverHost: "ldap.example", serverPort: 389, baseDN: "dc=x" } },
    { what: "v1 with members that never did anything", config: { ...V1, timeout: 30, skipCertVerification: true } },
    { what: "v2", config: V2 },
    { what: "v2 with one name (C 46)", config: inSearch({ username: "uid" }) },
    { what: "v2 with two names (C 46)", config: inSearch({ username: ["uid", "mail"] }) },
    { what: "v2 with scope sub (C 47)", config: inSearch({ scope: "sub" }) },
    { what: "v2 with scope one (C 47)", config: inSearch({ scope: "one" }) },
    { what: "v2 with group scope sub", config: { ...V2, groupSearch: { baseDN: "dc=x", ...MATCHER, scope: "sub" } } },
    { what: "v2 with Kerberos that is off", config: { ...V2, kerberos: { enabled: false, maxClockSkew: 60 } } },
    { what: "v2 with Kerberos", config: withKerberos({ maxClockSkew: 600, fallbackToPassword: true }) },
    {
      what: "v2 with a matching rule",
      config: { ...V2, groupSearch: { baseDN: "dc=x", userAttr: "DN", groupAttr: "member:1.2.840.113556.1.4.1941:" } },
    },
  ])("$what", ({ config }) => {
    expect(parse(config)).toMatchObject({ kind: "connectors" });
  });
});

describe("a configuration is refused, and the member is named", () => {
  test.each<{ config: object; names: RegExp }>([
    { config: { ...V1, useTLS: true, useSSL: true }, names: /useTLS: excludes useSSL/ }, // v1 N09
    { config: { ...SEARCH, searchScope: "three" }, names: /searchScope/ },
    { config: { ...V1, certFile: "/c.pem" }, names: /keyFile/ },
    { config: { ...V1, keyFile: "/k.pem" }, names: /certFile/ },
    { config: { ...V1, host: "ldap.example" }, names: /host: expected host:port/ },
    { config: { ...V1, host: "ldap://ldap.example:389" }, names: /host/ },
    { config: { baseDN: "dc=x" }, names: /host/ },
    { config: { ...SEARCH, searchFilter: "(uid=jane)" }, names: /searchFilter: expected a filter with %u/ },
    { config: { ...SEARCH, searchFilter: "(uid=%u" }, names: /searchFilter/ },
    { config: { ...SEARCH, searchFilter: undefined }, names: /searchFilter/ },
    { config: { ...V1, searchGroupFilter: "(member=%u)" }, names: /searchGroupFilter: needs searchBeforeAuth/ },
    { config: { ...V1, bindTemplate: "uid=jane,%b" }, names: /bindTemplate/ },
    { config: { ...V1, maxIdleConn: 101 }, names: /maxIdleConn/ },
    { config: { ...V1, useTLS: "true" }, names: /useTLS/ },
    { config: { ...V2, baseDN: "dc=x" }, names: /baseDN: is of dex v1/ },
    { config: { ...V2, host: "" }, names: /host/ },
    { config: { ...V2, startTLS: true, insecureNoSSL: true }, names: /startTLS: excludes insecureNoSSL/ },
    { config: { ...V2, clientCert: "/c.pem" }, names: /clientKey/ },
    { config: withKerberos({ expectedRealms: "X" }), names: /kerberos/ },
    { config: withKerberos({ usernameFromPrincipal: "mail" }), names: /kerberos\.usernameFromPrincipal/ },
    { config: withKerberos({ maxClockSkew: 60 }), names: /kerberos\.maxClockSkew: set clockskew in krb5\.conf/ },
    { config: inSearch({ usableFilter: "enabled" }), names: /userSearch\.usableFilter/ },
    { config: { ...V2, groupSearch: { baseDN: "dc=x", ...MATCHER, scope: "base" } }, names: /groupSearch\.scope/ },
    { config: inSearch({ baseDN: undefined }), names: /userSearch\.baseDN/ },
    { config: inSearch({ username: "" }), names: /userSearch\.username/ },
    { config: inSearch({ username: 123 }), names: /userSearch\.username/ },
    { config: inSearch({ scope: "base" }), names: /userSearch\.scope/ },
    { config: inSearch({ filter: "uid=x" }), names: /userSearch\.filter/ },
    { config: inSearch({ allowed: true }), names: /userSearch/ },
    { config: { ...V2, groupSearch: { baseDN: "dc=x" } }, names: /groupSearch: userMatchers/ },
    { config: { ...V2, bindPW: { secret: 1 } }, names: /bindPW: expected text/ },
  ])("$config (v1 N09) (C 46, C 47)", ({ config, names }) => {
    expect(parse(config)).toMatchObject({ kind: "refused", reason: expect.stringMatching(names) });
  });

  test.each<{ config: JsonObject; names: RegExp }>([
    { config: { ...V2, rootCA: "/nowhere.pem" }, names: /^rootCA: the file cannot be read \(ENOENT\)$/ },
    { config: { ...V2, rootCAData: "bm8gUEVN" }, names: /^rootCAData/ },
    { config: { ...V2, bindDN: "cn=x" }, names: /^bindPW/ },
    { config: { ...SEARCH, searchBindDN: "cn=x" }, names: /^searchBindPw/ },
  ])("$config when it is opened", ({ config, names }) => {
    expect(openLdapSettings(config)).toMatchObject({ kind: "refused", reason: expect.stringMatching(names) });
  });
});

test("a matching rule stands in the filter as it was written, the value behind it escaped", () => {
  const groupAttr = "member:1.2.840.113556.1.4.1941:";
  const opened = openLdapSettings({ ...V2, groupSearch: { baseDN: "dc=x", userAttr: "DN", groupAttr } });
  const [matcher] = (opened.kind === "settings" && opened.settings.groups?.matchers) || [];
  expect(matcher?.filterFor("cn=a (b)")).toBe("(member:1.2.840.113556.1.4.1941:=cn=a \\28b\\29)");
});

test("ports follow the way of TLS; what is unsafe or deprecated is said at every start (P6) (C 52)", () => {
  const open = (config: JsonObject) => {
    const opened = openLdapSettings(config);
    if (opened.kind === "refused") throw new Error(opened.reason);
    const { port, security } = opened.settings.server;
    return [port, security, opened.settings.warnings.length];
  };
  expect(open(V2)).toEqual([636, "ldaps", 0]);
  expect(open({ ...V2, startTLS: true })).toEqual([389, "starttls", 0]);
  expect(open({ ...V2, insecureNoSSL: true, insecureSkipVerify: true })).toEqual([389, "none", 2]);
  expect(open(V1)).toEqual([389, "none", 1]);
  expect(open({ ...V2, host: "[::1]:3636" })).toEqual([3636, "ldaps", 0]);
  expect(open({ ...V2, groupSearch: { baseDN: "dc=x", ...MATCHER } })).toEqual([636, "ldaps", 1]);
});

test("what is typed is escaped for where it goes, in one pass (LDA-1)", () => {
  const find = (config: JsonObject) => {
    const opened = openLdapSettings(config);
    if (opened.kind === "refused") throw new Error(opened.reason);
    return opened.settings.find;
  };
  const search = find({ ...SEARCH, searchFilter: "(&(uid=%u)(o=%b))" });
  expect(search.kind === "search" && search.filterFor("%b*)(x=")).toBe("(&(uid=%b\\2a\\29\\28x=)(o=dc=example))");
  const bind = find(V1);
  expect(bind.kind === "bind" && bind.dnFor("a,b%b(")).toBe("uid=a\\,b%b(,dc=example");
  const v2 = find(inSearch({ username: ["uid", "mail"], filter: "(o=%u)" }));
  expect(v2.kind === "search" && v2.filterFor("*")).toBe("(&(o=%u)(|(uid=\\2a)(mail=\\2a)))");
});
