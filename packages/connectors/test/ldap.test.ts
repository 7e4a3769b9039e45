import type { JsonObject } from "@dex/runtime";
import { type RunningSlapd, startSlapd } from "@dex/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
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
  test("is who the entry says, with uid and mail where nothing else is configured (C 35, C 64)", async () => {
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

  test("has the configured attributes, whatever their case, and an address made of name and suffix (C 41, C 42, C 66)", async () => {
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
    expect(await signIn(suffixed)).toMatchObject({ identity: { email: "jane@test.example" } }); // C 41
    expect(await signIn(suffixed, { login: "nomail", password: "secret of nomail" })).toMatchObject({
      identity: { remoteId: `uid=nomail,${PEOPLE}`, email: "nomail@test.example", emailVerified: false },
    });
  });

  test("is found by any of several attributes, and only inside the filter (C 36, C 43, C 45)", async () => {
    const names = { username: ["uid", "mail"] };
    expect(await signIn(v2(slapd, {}, names), { ...JANE, login: "jane@example.com" })).toMatchObject({
      kind: "identity",
    });
    const john = { login: "john", password: "bar of john" };
    expect(await signIn(v2(slapd), john)).toMatchObject({ identity: { remoteId: "john" } });
    const seattle = { username: "cn", filter: "(ou:dn:=Seattle)" };
    expect(await signIn(v2(slapd, {}, seattle), { login: "Ann", password: "secret of Seattle" })).toMatchObject({
      identity: { remoteId: "ann-Seattle" },
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
  ])("may be called $name: escaped once, in filters and in DNs (LDA-1) (C 63)", async ({ name, password, id }) => {
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
    "nobody",
    "jane)(uid=*",
    "jane)(|(uid=*",
    "\\6aane",
    "jane\0",
    "jane,ou=People",
    "jane+cn=Jane Doe",
    " ",
    "",
  ])("with the name %j (LDA-1) (C 38, C 39)", async (name) => {
    for (const config of [v2(slapd), { host: `${slapd.host}:${slapd.port}`, baseDN: PEOPLE }]) {
      expect(await signIn(config, { ...JANE, login: name })).toMatchObject({ reason: "invalid credentials" });
    }
  });

  test.each(["", "   ", "\t", "foo of jane\0", "\0", "x".repeat(1025)])(
    "with the password %j, of which the directory hears nothing (LDA-2) (C 40)",
    async (password) => {
      // Nobody listens there: anything but this refusal would be `unavailable`.
      const config = { ...v2(slapd), host: "127.0.0.1:1" };
      expect(await signIn(config, { login: "jane", password })).toMatchObject({ reason: "invalid credentials" });
    },
  );

  test.each(["*", "wrong", "bar of john"])("with the wrong password %j (C 37, C 40)", async (password) => {
    expect(await signIn(v2(slapd), { login: "jane", password })).toMatchObject({ reason: "invalid credentials" });
  });

  test("whose name two entries have, although one password fits both (LDA-3) (C 44)", async () => {
    const outcome = await signIn(v2(slapd), { login: "twin", password: "secret of twin" });
    expect(outcome).toMatchObject({ reason: "invalid answer", detail: expect.stringContaining("more than one entry") });
  });

  test("while the service account's password is wrong: that is our fault, not theirs (C 59)", async () => {
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

  test("are those whose member is the person's DN (C 48)", async () => {
    expect(await groupsOf({ userMatchers: [member] })).toEqual(["admins", "developers", "childGroup", "circle1"]);
    expect(await groupsOf({ userMatchers: [member] }, { login: "john", password: "bar of john" })).toEqual([
      "admins",
      "intermediateGroup",
    ]);
  });

  test("may be named by the person, by several matchers at once, inside a filter, in the older words (C 49, C 50, C 51, C 52)", async () => {
    expect(await groupsOf({ userMatchers: [{ userAttr: "departmentNumber", groupAttr: "gidNumber" }] })).toEqual([
      "thousand",
      "second",
    ]);
    const both = [member, { userAttr: "uid", groupAttr: "memberUid" }];
    expect(await groupsOf({ userMatchers: both })).toContain("thousand");
    expect(await groupsOf({ userMatchers: [member], filter: "(cn=dev*)" })).toEqual(["developers"]);
    expect(await groupsOf({ ...member, filter: "(cn=admins)" })).toEqual(["admins"]);
  });

  test("hold groups, in circles too, and each comes once (C 53)", async () => {
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

  test("arrive all 1500, although the directory gives 500 at a time (C 65)", async () => {
    const names = await groupsOf({ userMatchers: [member] }, { login: "busy", password: "secret of busy" });
    expect(names).toHaveLength(1500);
  });

  test("are climbed from by each matcher that says so, although another one found them first", async () => {
    const climbing = { ...member, recursionGroupAttr: "member" };
    const both = await groupsOf({ userMatchers: [member, climbing] });
    expect(both).toContain("parentGroup");
  });

  test("are not read for a client that does not ask for them", async () => {
    const config = v2(slapd, { groupSearch: { baseDN: GROUPS, nameAttr: "description", userMatchers: [member] } });
    const nothing = { groups: false, offlineAccess: false };
    expect(await verify(open(config), JANE.login, JANE.password, nothing)).toMatchObject({
      kind: "identity",
      identity: { groups: undefined },
    });
  });

  test("without a name end the login; without a place there are none (C 54, C 55)", async () => {
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
