import type { JsonObject } from "@dex/runtime";
import { type RunningSlapd, startSlapd } from "@dex/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { LoginOutcome, UpstreamGrant } from "../src/connector.ts";
import type { ConnectorParts, MappingTrace } from "../src/connector-kind.ts";
import { startAnsweringLdap } from "./ldap-answers.ts";
import { ALL_ASKED, GROUPS, JANE, LDIF, openLdap, PEOPLE, SERVICE, v2, verify } from "./ldap-login.ts";

let slapd: RunningSlapd;
const opened: { close: () => void }[] = [];
beforeAll(async () => {
  slapd = await startSlapd({ ldif: LDIF });
});
afterAll(() => slapd?.close());
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

function open(config: JsonObject, parts: Partial<ConnectorParts> = {}) {
  const one = openLdap(config, parts);
  opened.push(one);
  return one;
}
const GROUP_SEARCH = { baseDN: GROUPS, nameAttr: "cn", userMatchers: [{ userAttr: "DN", groupAttr: "member" }] };
const withGroups = (search: JsonObject = {}) => v2(slapd, { groupSearch: GROUP_SEARCH }, search);
const now = new Date();

/** Each has an account of their own, as the tests change it. */
function addPerson(uid: string, group: string): void {
  const dn = `uid=${uid},${PEOPLE}`;
  slapd.modify(`dn: ${dn}
changetype: add
objectClass: inetOrgPerson
uid: ${uid}
sn: ${uid}
cn: ${uid}
mail: ${uid}@example.com
employeeType: active
userPassword: secret of ${uid}

dn: cn=${group},${GROUPS}
changetype: add
objectClass: groupOfNames
cn: ${group}
member: ${dn}
member: uid=john,${PEOPLE}
`);
}

async function signInOffline(one: ReturnType<typeof open>, uid: string): Promise<UpstreamGrant> {
  const outcome = await verify(one.login, uid, `secret of ${uid}`, ALL_ASKED);
  if (outcome.kind !== "identity" || outcome.grant === undefined) throw new Error(JSON.stringify(outcome));
  return outcome.grant;
}

function refresh(one: ReturnType<typeof open>, grant: UpstreamGrant, remoteId: string): Promise<LoginOutcome> {
  const asked = { groups: true, offlineAccess: true };
  const keep = () => Promise.reject(new Error("there is nothing to rotate"));
  const outcome = one.connector.refresh?.({ grant, remoteId, asked, now, keep });
  if (outcome === undefined) throw new Error("expected a connector that refreshes");
  return outcome;
}
const GONE = { kind: "refused", reason: "user gone" };
const WRONG = { kind: "refused", reason: "invalid credentials" };

describe("a refresh", () => {
  test("reads the person again, groups included: the one they left is gone (C 60)", async () => {
    addPerson("rita", "rita-group");
    const one = open(withGroups());
    const grant = await signInOffline(one, "rita");
    expect(grant).toEqual({ username: "rita", dn: `uid=rita,${PEOPLE}` });
    expect(await refresh(one, grant, "rita")).toMatchObject({ identity: { remoteId: "rita", groups: ["rita-group"] } });
    slapd.modify(
      `dn: cn=rita-group,${GROUPS}\nchangetype: modify\ndelete: member\nmember: uid=rita,${PEOPLE}\n\ndn: uid=rita,${PEOPLE}\nchangetype: modify\nreplace: mail\nmail: new@example.com\n`,
    );
    expect(await refresh(one, grant, "rita")).toMatchObject({
      kind: "identity",
      identity: { remoteId: "rita", groups: [], email: "new@example.com" },
    });
  });

  test("is refused once the entry has another DN (C 61)", async () => {
    addPerson("ruth", "ruth-group");
    const one = open(withGroups());
    const grant = await signInOffline(one, "ruth");
    slapd.modify(`dn: uid=ruth,${PEOPLE}\nchangetype: moddn\nnewrdn: cn=ruth\ndeleteoldrdn: 0\n`);
    expect(await refresh(one, grant, "ruth")).toMatchObject({ ...GONE, detail: expect.stringContaining("another") });
  });

  test("is refused once the entry is gone, and when one of the same name came in its place (C 62)", async () => {
    addPerson("rosa", "rosa-group");
    const one = open(withGroups({ idAttr: "entryUUID" }));
    const signedIn = await verify(one.login, "rosa", "secret of rosa", ALL_ASKED);
    if (signedIn.kind !== "identity" || signedIn.grant === undefined) throw new Error("expected a grant");
    const { grant, identity } = signedIn;
    slapd.modify(`dn: uid=rosa,${PEOPLE}\nchangetype: delete\n\ndn: cn=rosa-group,${GROUPS}\nchangetype: delete\n`);
    expect(await refresh(one, grant, identity.remoteId)).toMatchObject({ ...GONE, detail: "the entry is gone" });
    addPerson("rosa", "rosa-group");
    expect(await refresh(one, grant, identity.remoteId)).toMatchObject({
      ...GONE,
      detail: expect.stringContaining("somebody else"),
    });
  });

  test("is unavailable while the directory is down, which ends nothing", async () => {
    addPerson("rhea", "rhea-group");
    const one = open(withGroups());
    const grant = await signInOffline(one, "rhea");
    await slapd.kill();
    expect(await refresh(one, grant, "rhea")).toMatchObject({ kind: "unavailable" });
    await slapd.start();
    expect(await refresh(one, grant, "rhea")).toMatchObject({ kind: "identity" });
  });

  test("takes no grant of another kind, and hands none out for a client that did not ask", async () => {
    const one = open(withGroups());
    expect(await refresh(one, { accessToken: "x" }, "jane")).toMatchObject({ reason: "invalid answer" });
    const outcome = await verify(one.login, JANE.login, JANE.password);
    expect(outcome).not.toHaveProperty("grant");
    const v1 = open({ host: `${slapd.host}:${slapd.port}`, baseDN: PEOPLE });
    expect(v1.connector.refresh).toBeUndefined();
    expect(await verify(v1.login, JANE.login, JANE.password, ALL_ASKED)).not.toHaveProperty("grant");
  });
});

test("an account that is not usable can neither sign in nor refresh, and is told what a wrong password is", async () => {
  addPerson("rolf", "rolf-group");
  const one = open(withGroups({ usableFilter: "(employeeType=active)" }));
  const grant = await signInOffline(one, "rolf");
  slapd.modify(`dn: uid=rolf,${PEOPLE}\nchangetype: modify\nreplace: employeeType\nemployeeType: retired\n`);
  expect(await refresh(one, grant, "rolf")).toMatchObject({
    ...WRONG,
    detail: expect.stringContaining("usableFilter"),
  });
  expect(await verify(one.login, "rolf", "secret of rolf")).toMatchObject(WRONG);
  expect(await verify(one.login, "rolf", "wrong")).toMatchObject(WRONG);
});

describe("a person with 1,000 groups", () => {
  test("signs in with one search per page of 500, and one for the person", async () => {
    const one = open(withGroups());
    await verify(one.login, JANE.login, JANE.password);
    const before = slapd.searches();
    const outcome = await verify(one.login, "thousand", "secret of thousand");
    const searches = slapd.searches() - before - 1;
    expect(outcome.kind === "identity" && outcome.identity.groups).toHaveLength(1000);
    expect(searches).toBe(1 + Math.ceil(1000 / 500));
  });

  test("costs a search for every 50 where groups hold groups", async () => {
    const userMatchers = [{ userAttr: "DN", groupAttr: "member", recursionGroupAttr: "member" }];
    const one = open(v2(slapd, { groupSearch: { ...GROUP_SEARCH, userMatchers } }));
    const before = slapd.searches();
    const outcome = await verify(one.login, "thousand", "secret of thousand");
    const searches = slapd.searches() - before - 1;
    expect(outcome.kind === "identity" && outcome.identity.groups).toHaveLength(1000);
    expect(searches).toBe(1 + 2 + 1000 / 50);
  });
});

describe("a dry run", () => {
  const check = (config: JsonObject) => open(config).connector.check?.();
  const steps = async (config: JsonObject) => ((await check(config)) ?? []).map(({ name, ok }) => `${name}: ${ok}`);

  test("connects, binds, and reads the places where people and groups are", async () => {
    expect(await steps(withGroups())).toEqual([
      "connect: true",
      "bind: true",
      "user search: true",
      "group search: true",
    ]);
    expect(await steps({ host: `${slapd.host}:${slapd.port}`, baseDN: PEOPLE })).toEqual([
      "connect: true",
      "bind: true",
    ]);
  });

  test("says what does not work, without the password", async () => {
    expect(await steps({ ...withGroups(), host: "127.0.0.1:1" })).toEqual(["connect: false"]);
    const tls = { insecureNoSSL: false, host: `localhost:${slapd.tlsPort}`, rootCA: slapd.files.otherCa };
    expect(await steps({ ...withGroups(), ...tls })).toEqual(["connect: false"]);
    const wrong = await check({ ...withGroups(), bindPW: "canary" });
    expect(wrong).toMatchObject([
      { ok: true },
      { name: "bind", ok: false, detail: expect.stringContaining("refused") },
    ]);
    expect(JSON.stringify(wrong)).not.toContain("canary");
    const nowhere = v2(slapd, { groupSearch: { ...GROUP_SEARCH, baseDN: "ou=Nowhere,dc=example,dc=org" } });
    const kerberos = { enabled: true, keytabPath: "/nowhere.keytab" };
    expect((await check(v2(slapd, { kerberos })))?.at(-1)).toEqual({
      name: "kerberos",
      ok: false,
      detail: "keytabPath: it cannot be read (ENOENT)",
    });
    expect(await steps(nowhere)).toEqual(["connect: true", "bind: true", "user search: true", "group search: false"]);
  });

  test("shows the entry, its groups, and what was made of them", async () => {
    const events: MappingTrace[] = [];
    const config = withGroups({ emailSuffix: "test.example", nameAttr: "uid" });
    const one = open(config, { trace: (event) => events.push(event) });
    await verify(one.login, JANE.login, JANE.password);
    expect(events).toEqual([
      { kind: "claims", source: "entry", claims: expect.objectContaining({ dn: `uid=jane,${PEOPLE}`, uid: ["jane"] }) },
      { kind: "claims", source: "groups", claims: expect.arrayContaining(["admins"]) },
      { kind: "rule", rule: "emailSuffix", before: "test.example", after: "jane@test.example" },
    ]);
  });
});

describe("of what a directory says to a wrong password, the person hears the same", () => {
  test.each([
    { code: 49, text: "comment: AcceptSecurityContext error, data 52e, v3839", tells: "wrong password" },
    { code: 49, text: "comment: AcceptSecurityContext error, data 532, v3839", tells: "expired" },
    { code: 49, text: "comment: AcceptSecurityContext error, data 773, v3839", tells: "must be changed" },
    { code: 49, text: "comment: AcceptSecurityContext error, data 533, v3839", tells: "disabled" },
    { code: 49, text: "comment: AcceptSecurityContext error, data 701, v3839", tells: "account has expired" },
    { code: 49, text: "comment: AcceptSecurityContext error, data 775, v3839", tells: "locked" },
    { code: 19, text: "Exceed password retry limit", tells: "locked" },
  ])("when it says $code, $text (C 58)", async ({ code, text, tells }) => {
    // The attributes as Active Directory spells them, which is not as they are configured.
    const entry = { dn: `CN=Jane,${PEOPLE}`, attributes: { UID: ["jane"], Mail: ["jane@example.com"], CN: ["Jane"] } };
    const directory = await startAnsweringLdap({ service: SERVICE.dn, bind: { code, text }, entry });
    const one = open({ ...v2(slapd), host: `127.0.0.1:${directory.port}` });
    const outcome = await verify(one.login, JANE.login, JANE.password);
    expect(outcome).toMatchObject({ ...WRONG, detail: expect.stringContaining(tells) });
    expect(one.login.refusedAdvice).toMatch(/locked.*expired/);
    expect(directory.binds).toContain(entry.dn);
    await directory.close();
  });

  test("and a result that is not about them is our trouble, not theirs (C 59)", async () => {
    const entry = { dn: `CN=Jane,${PEOPLE}`, attributes: { uid: ["jane"], mail: ["jane@example.com"], cn: ["Jane"] } };
    const directory = await startAnsweringLdap({ service: SERVICE.dn, bind: { code: 51 }, entry });
    const one = open({ ...v2(slapd), host: `127.0.0.1:${directory.port}` });
    expect(await verify(one.login, JANE.login, JANE.password)).toMatchObject({ kind: "unavailable" });
    await directory.close();
  });
});

test("wrong guesses under other spellings of a name are counted as one account's (ACC-3)", async () => {
  const counted = async (config: JsonObject, login: string) => {
    const ids: string[] = [];
    const admitAttempt: ConnectorParts["admitAttempt"] = async ({ remoteId }) => {
      ids.push(remoteId.trim().toLowerCase());
      return { kind: "try" };
    };
    await verify(open(config, { admitAttempt }).login, login, "wrong");
    return ids;
  };
  const bindMode = { host: `${slapd.host}:${slapd.port}`, baseDN: "ou=People, dc=example,dc=org" };
  const spellings = ["smith (ext)", "SMITH (EXT)", " smith  (ext) ", "ｓｍｉｔｈ (ext)"];
  for (const login of spellings) {
    expect(await counted(bindMode, login)).toEqual(["uid=smith (ext),ou=people,dc=example,dc=org"]);
    expect(await counted(v2(slapd), login)).toEqual(["smith (ext)"]);
  }
  const nobodies = await Promise.all(["no body", "NO  BODY"].map((login) => counted(v2(slapd), login)));
  expect(nobodies[0]).toEqual(nobodies[1]);
  // What is forgiven after a success is the id that the sign-in ends with.
  const signedIn = await verify(open(bindMode).login, "smith (ext)", "secret of smith");
  const id = signedIn.kind === "identity" ? signedIn.identity.remoteId.toLowerCase() : signedIn;
  expect(id).toBe("uid=smith (ext),ou=people,dc=example,dc=org");
});
