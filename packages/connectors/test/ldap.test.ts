import { createServer, type Server } from "node:net";
import { type JsonObject, systemClock } from "@dex/runtime";
import { type RunningSlapd, startSlapd } from "@dex/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { UpstreamUnreachable } from "../src/bounded-fetch.ts";
import { makeCircuitBreaker } from "../src/circuit-breaker.ts";
import { openLdapSettings } from "../src/ldap/config.ts";
import { openLdapConnection } from "../src/ldap/connection.ts";
import { makeLdapLogin, openPool } from "../src/ldap/ldap.ts";
import { GROUPS, JANE, LDIF, openLdap, PEOPLE, SERVICE, v2, verify } from "./ldap-login.ts";

let slapd: RunningSlapd;
const opened: { close: () => void }[] = [];
beforeAll(async () => {
  slapd = await startSlapd({ ldif: LDIF });
});
afterAll(() => slapd?.close());
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

function open(config: JsonObject) {
  const one = openLdap(config);
  opened.push(one);
  return one.login;
}
const signIn = (config: JsonObject, { login, password } = JANE) => verify(open(config), login, password);
const member = { userAttr: "DN", groupAttr: "member" };

describe("a person of the directory", () => {
  test("is who the entry says, with uid and mail where nothing else is configured", async () => {
    expect(await signIn(v2(slapd))).toEqual({
      kind: "identity",
      identity: {
        connectorId: "dir",
        remoteId: "jane",
        email: "jane@example.com",
        emailVerified: true,
        displayName: "Jane Doe",
        preferredUsername: undefined,
        groups: undefined,
        authTime: expect.any(Date),
        amr: ["pwd"],
      },
    });
  });

  test("has the configured attributes, whatever their case, and an address made of name and suffix", async () => {
    const search = { idAttr: "entryUUID", emailAttr: "Mail", nameAttr: "CN", preferredUsernameAttr: "UID" };
    const first = await signIn(v2(slapd, {}, search));
    expect(first).toMatchObject({
      identity: {
        remoteId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        email: "jane@example.com",
        preferredUsername: "jane",
      },
    });
    const suffixed = v2(
      slapd,
      { trustedEmailProvider: false },
      { emailSuffix: "test.example", nameAttr: "uid", idAttr: "DN" },
    );
    expect(await signIn(suffixed, { login: "nomail", password: "secret of nomail" })).toMatchObject({
      identity: { remoteId: `uid=nomail,${PEOPLE}`, email: "nomail@test.example", emailVerified: false },
    });
  });

  test("is found by any of several attributes, and only inside the filter", async () => {
    const names = { username: ["uid", "mail"] };
    expect(await signIn(v2(slapd, {}, names), { ...JANE, login: "jane@example.com" })).toMatchObject({
      kind: "identity",
    });
    const filtered = v2(slapd, {}, { filter: "(departmentNumber=1000)" });
    expect(await signIn(filtered)).toMatchObject({ kind: "identity" });
    expect(await signIn(filtered, { login: "john", password: "bar of john" })).toMatchObject({
      reason: "invalid credentials",
    });
  });

  test("without a configured attribute cannot sign in, and the log says which it is", async () => {
    const outcome = await signIn(v2(slapd), { login: "nomail", password: "secret of nomail" });
    expect(outcome).toMatchObject({ reason: "invalid answer", detail: expect.stringContaining("mail") });
  });

  test.each([
    { name: "smith (ext)", password: "secret of smith", id: "smith (ext)" },
    { name: "o'neil, m+n", password: "secret of neil", id: "o'neil, m+n" },
    { name: "jürgen", password: "secret of juergen", id: "jürgen" },
  ])("may be called $name: escaped once, in filters and in DNs (LDA-1)", async ({ name, password, id }) => {
    expect(await signIn(v2(slapd), { login: name, password })).toMatchObject({ identity: { remoteId: id } });
    const bindMode = { host: `${slapd.host}:${slapd.port}`, baseDN: PEOPLE };
    expect(await signIn(bindMode, { login: name, password })).toMatchObject({
      identity: { remoteId: expect.stringMatching(/^uid=/) },
    });
  });
});

describe("nobody signs in", () => {
  test.each([
    "*",
    "j*",
    "jane)(uid=*",
    "jane)(|(uid=*",
    "\\6aane",
    "jane\0",
    "jane,ou=People",
    "jane+cn=Jane Doe",
    " ",
    "",
  ])("with the name %j (LDA-1)", async (name) => {
    for (const config of [v2(slapd), { host: `${slapd.host}:${slapd.port}`, baseDN: PEOPLE }]) {
      expect(await signIn(config, { ...JANE, login: name })).toMatchObject({ reason: "invalid credentials" });
    }
  });

  test.each(["", "   ", "\t", "foo of jane\0", "\0", "x".repeat(1025)])(
    "with the password %j, of which the directory hears nothing (LDA-2)",
    async (password) => {
      // Nobody listens there: anything but this refusal would be `unavailable`.
      const config = { ...v2(slapd), host: "127.0.0.1:1" };
      expect(await signIn(config, { login: "jane", password })).toMatchObject({ reason: "invalid credentials" });
    },
  );

  test.each(["*", "wrong", "bar of john"])("with the wrong password %j", async (password) => {
    expect(await signIn(v2(slapd), { login: "jane", password })).toMatchObject({ reason: "invalid credentials" });
  });

  test("whose name two entries have, although one password fits both (LDA-3)", async () => {
    const outcome = await signIn(v2(slapd), { login: "twin", password: "secret of twin" });
    expect(outcome).toMatchObject({ reason: "invalid answer", detail: expect.stringContaining("more than one entry") });
  });

  test("while the service account's password is wrong: that is our fault, not theirs", async () => {
    expect(await signIn(v2(slapd, { bindPW: "wrong" }))).toMatchObject({ kind: "unavailable" });
  });

  test("through a referral: it is not followed (LDA-3)", async () => {
    const elsewhere = "ou=Elsewhere,dc=example,dc=org";
    slapd.modify(
      `dn: ${elsewhere}\nchangetype: add\nobjectClass: referral\nobjectClass: extensibleObject\nou: Elsewhere\nref: ldap://127.0.0.1:${slapd.port}/${PEOPLE}\n`,
    );
    const outcome = await signIn(v2(slapd, {}, { baseDN: elsewhere }));
    expect(outcome).toMatchObject({ kind: "unavailable", detail: expect.stringContaining("search") });
    const aside = await signIn(v2(slapd, {}, { baseDN: "dc=example,dc=org", filter: "(objectClass=inetOrgPerson)" }));
    expect(aside).toMatchObject({ identity: { remoteId: "jane" } });
  });
});

describe("groups", () => {
  const groupsOf = async (groupSearch: JsonObject, who = JANE) => {
    const outcome = await signIn(v2(slapd, { groupSearch: { baseDN: GROUPS, nameAttr: "cn", ...groupSearch } }), who);
    return outcome.kind === "identity" ? outcome.identity.groups : outcome;
  };

  test("are those whose member is the person's DN", async () => {
    expect(await groupsOf({ userMatchers: [member] })).toEqual(["admins", "developers", "childGroup", "circle1"]);
    expect(await groupsOf({ userMatchers: [member] }, { login: "john", password: "bar of john" })).toEqual([
      "admins",
      "intermediateGroup",
    ]);
  });

  test("may be named by the person, by several matchers at once, inside a filter, in the older words", async () => {
    expect(await groupsOf({ userMatchers: [{ userAttr: "departmentNumber", groupAttr: "gidNumber" }] })).toEqual([
      "thousand",
    ]);
    const both = [member, { userAttr: "uid", groupAttr: "memberUid" }];
    expect(await groupsOf({ userMatchers: both })).toContain("thousand");
    expect(await groupsOf({ userMatchers: [member], filter: "(cn=dev*)" })).toEqual(["developers"]);
    expect(await groupsOf({ ...member, filter: "(cn=admins)" })).toEqual(["admins"]);
  });

  test("hold groups, in circles too, and each comes once", async () => {
    const names = await groupsOf({ userMatchers: [{ ...member, recursionGroupAttr: "member" }] });
    const expected = ["admins", "childGroup", "circle1", "circle2", "developers", "intermediateGroup", "parentGroup"];
    expect([...(Array.isArray(names) ? names : [])].sort()).toEqual(expected);
  });

  test("of one name in two places are two: the parents of both are found (LDA-5)", async () => {
    slapd.modify(`dn: cn=developers,ou=Many,${GROUPS}
changetype: add
objectClass: groupOfNames
cn: developers
member: cn=childGroup,${GROUPS}

dn: cn=aboveTheOther,${GROUPS}
changetype: add
objectClass: groupOfNames
cn: aboveTheOther
member: cn=developers,ou=Many,${GROUPS}
`);
    const matchers = { userMatchers: [{ ...member, recursionGroupAttr: "member" }] };
    expect(await groupsOf(matchers)).toContain("aboveTheOther");
    slapd.modify(
      `dn: cn=aboveTheOther,${GROUPS}\nchangetype: delete\n\ndn: cn=developers,ou=Many,${GROUPS}\nchangetype: delete\n`,
    );
  });

  test("arrive all 1200, although the directory gives 500 at a time", async () => {
    const names = await groupsOf({ userMatchers: [member] }, { login: "busy", password: "secret of busy" });
    expect(names).toHaveLength(1200);
  });

  test("without a name end the login; without a place there are none", async () => {
    expect(await groupsOf({ userMatchers: [member], nameAttr: "description" })).toMatchObject({
      detail: expect.stringContaining("description"),
    });
    const outcome = await signIn(v2(slapd, { groupSearch: { userMatchers: [member] } }));
    expect(outcome).toMatchObject({ identity: { groups: undefined } });
  });
});

describe("the words of dex v1", () => {
  const at = () => ({ host: `${slapd.host}:${slapd.port}`, baseDN: PEOPLE });

  test("without a search, the name becomes part of a DN, and the DN is the id", async () => {
    expect(await signIn(at())).toMatchObject({
      identity: {
        remoteId: `uid=jane,${PEOPLE}`,
        email: "jane@example.com",
        displayName: "Jane Doe",
        groups: undefined,
      },
    });
    const template = { serverHost: slapd.host, serverPort: slapd.port, timeout: 3, bindTemplate: `uid=%u,${PEOPLE}` };
    expect(await signIn(template)).toMatchObject({ kind: "identity" });
  });

  test("with a search: name, filter, scope, service account and groups by DN", async () => {
    const search = {
      ...at(),
      baseDN: "dc=example,dc=org",
      searchBeforeAuth: true,
      searchFilter: "(&(objectClass=inetOrgPerson)(uid=%u))",
      searchGroupFilter: "(&(objectClass=groupOfNames)(member=%u))",
      searchScope: "SUB",
      searchBindDN: SERVICE.dn,
      searchBindPw: SERVICE.password,
    };
    expect(await signIn(search)).toMatchObject({
      identity: { groups: expect.arrayContaining([`cn=admins,${GROUPS}`, `cn=developers,${GROUPS}`]) },
    });
    expect(await signIn({ ...search, searchScope: "one" })).toMatchObject({ reason: "invalid credentials" });
    expect(await signIn({ ...search, idAttribute: "uid" })).toMatchObject({ identity: { remoteId: "jane" } });
  });
});

describe("over TLS (v1 N10)", () => {
  const tls = (change: JsonObject) => ({ ...v2(slapd), insecureNoSSL: false, ...change });
  const ldaps = (change: JsonObject) => tls({ host: `localhost:${slapd.tlsPort}`, ...change });
  const startTls = (change: JsonObject) => tls({ host: `localhost:${slapd.port}`, startTLS: true, ...change });

  test("LDAPS and StartTLS work with the right authority, also in the words of dex v1", async () => {
    expect(await signIn(ldaps({ rootCA: slapd.files.ca }))).toMatchObject({ kind: "identity" });
    expect(await signIn(startTls({ rootCA: slapd.files.ca }))).toMatchObject({ kind: "identity" });
    const v1 = { baseDN: PEOPLE, caFile: slapd.files.ca };
    expect(await signIn({ ...v1, host: `localhost:${slapd.port}`, useTLS: true })).toMatchObject({ kind: "identity" });
    const keys = { certFile: slapd.files.clientCert, keyFile: slapd.files.clientKey };
    expect(await signIn({ ...v1, ...keys, host: `localhost:${slapd.tlsPort}`, useSSL: true })).toMatchObject({
      kind: "identity",
    });
  });

  test("another authority, or another name, is not a directory (LDA-4)", async () => {
    for (const make of [ldaps, startTls]) {
      expect(await signIn(make({ rootCA: slapd.files.otherCa }))).toMatchObject({ kind: "unavailable" });
      expect(await signIn(make({}))).toMatchObject({ kind: "unavailable" });
      const port = make === ldaps ? slapd.tlsPort : slapd.port;
      const byAddress = make({ rootCA: slapd.files.ca, host: `127.0.0.1:${port}` });
      expect(await signIn(byAddress)).toMatchObject({ kind: "unavailable" });
      expect(await signIn(make({ insecureSkipVerify: true }))).toMatchObject({ kind: "identity" });
    }
  });

  test("a client certificate is presented where the directory demands one", async () => {
    const strict = await startSlapd({ ldif: LDIF, clientCertificate: "demand" });
    const config = {
      ...v2(strict),
      insecureNoSSL: false,
      host: `localhost:${strict.tlsPort}`,
      rootCA: strict.files.ca,
    };
    const { clientCert, clientKey } = strict.files;
    expect(await signIn(config)).toMatchObject({ kind: "unavailable" });
    expect(await signIn({ ...config, clientCert: clientCert, clientKey })).toMatchObject({ kind: "identity" });
    await strict.close();
  });

  test("a connection that was lost after StartTLS is not opened again in clear text (LDA-4)", async () => {
    const parsed = openLdapSettings(startTls({ rootCA: slapd.files.ca }));
    if (parsed.kind === "refused") throw new Error(parsed.reason);
    const connection = await openLdapConnection(parsed.settings.server);
    expect(await connection.bind(SERVICE.dn, SERVICE.password)).toBe("bound");
    await slapd.kill();
    await slapd.start();
    await expect(connection.bind(SERVICE.dn, SERVICE.password)).rejects.toBeInstanceOf(UpstreamUnreachable);
    expect(connection.alive()).toBe(false);
  });

  test("where StartTLS is refused, no password is sent in clear text (LDA-4)", async () => {
    const heard: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (data) => {
        heard.push(data);
        // RFC 4511: an extended response with protocolError, and from then on success to everything.
        const id = data[4] ?? 0;
        socket.write(Buffer.from([0x30, 0x0c, 0x02, 0x01, id, 0x78, 0x07, 0x0a, 0x01, 0x02, 0x04, 0x00, 0x04, 0x00]));
      });
    });
    const port = await listen(server);
    expect(await signIn(startTls({ host: `127.0.0.1:${port}` }))).toMatchObject({ kind: "unavailable" });
    expect(Buffer.concat(heard).toString("latin1")).not.toContain(SERVICE.password);
    server.close();
  });
});

describe("many people and a directory in trouble", () => {
  function openWithPool(change: JsonObject) {
    const parsed = openLdapSettings(v2(slapd, change));
    if (parsed.kind === "refused") throw new Error(parsed.reason);
    const { settings } = parsed;
    const pool = openPool(settings);
    opened.push(pool);
    const breaker = makeCircuitBreaker(systemClock, { maxInFlight: 1000 });
    return {
      pool,
      login: makeLdapLogin({ id: "dir" }, { settings, pool, breaker, admitAttempt: async () => ({ kind: "try" }) }),
    };
  }
  const numbered = (count: number) => Array.from({ length: count }, (_, n) => n);

  test("40 at once share 30 connections, which stay for the next ones (v1 N11)", async () => {
    const before = slapd.connections();
    const { pool, login } = openWithPool({ maxIdleConn: 30 });
    const outcomes = await Promise.all(numbered(40).map((n) => verify(login, `user${n}`, `password ${n}`)));
    const ids = outcomes.map((outcome) => (outcome.kind === "identity" ? outcome.identity.remoteId : outcome));
    expect(ids).toEqual(numbered(40).map((n) => `user${n}`));
    expect(pool.count()).toEqual({ idle: 30, busy: 0 });
    expect(slapd.connections() - before).toBe(30);
    const again = await Promise.all(numbered(40).map((n) => verify(login, `user${n}`, `password ${(n + 1) % 40}`)));
    expect(new Set(again.map((one) => ("reason" in one ? one.reason : one.kind)))).toEqual(
      new Set(["invalid credentials"]),
    );
    expect(pool.count()).toEqual({ idle: 30, busy: 0 });
    pool.close();
    await expect.poll(() => slapd.connections()).toBe(before);
  });

  test("a killed directory is told as unavailable, and once it is back people sign in again (v1 N10)", async () => {
    const { pool, login } = openWithPool({});
    expect(await verify(login, JANE.login, JANE.password)).toMatchObject({ kind: "identity" });
    await slapd.kill();
    expect(await verify(login, JANE.login, JANE.password)).toMatchObject({ kind: "unavailable" });
    await slapd.start();
    expect(await verify(login, JANE.login, JANE.password)).toMatchObject({ kind: "identity" });
    expect(pool.count()).toEqual({ idle: 1, busy: 0 });
  });

  test.each([
    { what: "nobody listens", behave: undefined },
    { what: "it closes at once", behave: (socket: import("node:net").Socket) => socket.destroy() },
    { what: "it never answers", behave: () => undefined },
    {
      what: "it answers without end",
      behave: (socket: import("node:net").Socket) => {
        // A search entry that claims two gigabytes, and then gets going.
        socket.write(Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]));
        const more = () => void (socket.writable && socket.write(Buffer.alloc(262_144), more));
        more();
      },
    },
    {
      what: "it talks of something else",
      behave: (socket: import("node:net").Socket) => socket.write("HTTP/1.1 400\r\n\r\n"),
    },
  ])("it is unavailable, in time, when $what", async ({ behave }) => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => behave?.(socket));
    });
    const port = await listen(server);
    if (behave === undefined) server.close();
    const started = performance.now();
    expect(await signIn({ ...v2(slapd), host: `127.0.0.1:${port}` })).toMatchObject({ kind: "unavailable" });
    expect(performance.now() - started).toBeLessThan(11_000);
    server.close();
  });

  test("after five failures it is left alone and the answer comes at once", async () => {
    const login = open({ ...v2(slapd), host: "127.0.0.1:1" });
    for (let n = 0; n < 5; n += 1) await verify(login, JANE.login, JANE.password);
    expect(await verify(login, JANE.login, JANE.password)).toEqual({ kind: "unavailable", detail: "circuit is open" });
  });
});

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
