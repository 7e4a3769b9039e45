import { findInDatabase, type RunningSlapd, startSlapd } from "@dex/testing";
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

const BIND_PASSWORD = "canary-of-the-service-account";
const GRACE = { login: "grace", password: "canary-of-grace hopper" };
const PEOPLE = "ou=People,dc=example,dc=org";
const LDIF = `dn: ${PEOPLE}
objectClass: organizationalUnit
ou: People

dn: cn=service,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: service
userPassword: ${BIND_PASSWORD}

dn: uid=grace,${PEOPLE}
objectClass: inetOrgPerson
uid: grace
cn: Grace Hopper
sn: Hopper
mail: grace@example.com
userPassword: ${GRACE.password}

dn: cn=admirals,dc=example,dc=org
objectClass: groupOfNames
cn: admirals
member: uid=grace,${PEOPLE}
`;

let worker: TestWorker;
let slapd: RunningSlapd;
beforeAll(async () => {
  [worker, slapd] = await Promise.all([
    openTestWorker(["--enable-automatic-registration"]),
    startSlapd({ ldif: LDIF }),
  ]);
  const config = {
    host: `localhost:${slapd.tlsPort}`,
    rootCA: slapd.files.ca,
    bindDN: "cn=service,dc=example,dc=org",
    bindPW: BIND_PASSWORD,
    name: "Corporate directory",
    usernamePrompt: "Staff name",
    userSearch: { baseDN: PEOPLE, username: ["uid", "mail"], nameAttr: "cn" },
    groupSearch: {
      baseDN: "dc=example,dc=org",
      userMatchers: [{ userAttr: "DN", groupAttr: "member" }],
      nameAttr: "cn",
    },
  };
  const v1 = { host: `localhost:${slapd.port}`, baseDN: PEOPLE, useTLS: true, caFile: slapd.files.ca };
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "dir", type: "ldap", config },
    { id: "old", type: "ldap", config: v1 },
  ]);
});
afterAll(async () => {
  await worker?.close();
  await slapd?.close();
});

const openForm = (browser = worker.browser(), connectorId = "dir", scope = "openid email profile groups") =>
  browser.open(worker.authorizationUrl({ scope, connector_id: connectorId })).then((page) => ({ browser, page }));
async function signIn({ login, password } = GRACE, connectorId = "dir") {
  const { browser, page } = await openForm(undefined, connectorId);
  return browser.submit(page, { login, password }, { formId: "login-form" });
}

describe("a sign-in through a directory", () => {
  test("begins with a form that asks for what the directory calls it (C 57)", async () => {
    const { page } = await openForm();
    expect(page.text).toContain("Corporate directory");
    expect(page.text).toContain("Staff name");
    expect((await openForm(undefined, "old")).page.text).toMatch(/user name/i);
  });

  test("ends with an ID token of ours, groups included", async () => {
    const end = await signIn();
    const code = end.url.searchParams.get("code") ?? "";
    const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
    const published = (await (await fetch(`${worker.issuer}/keys`)).json()) as JSONWebKeySet;
    const { payload } = await jwtVerify(body.id_token ?? "", createLocalJWKSet(published), { issuer: worker.issuer });
    expect(payload).toMatchObject({ name: "Grace Hopper", email: "grace@example.com", email_verified: true });
    expect(payload.groups).toEqual(["admirals"]);
  });

  test("is refreshed with the groups of now, and not at all once the person is gone (C 60, C 62)", async () => {
    slapd.modify(`dn: uid=rear,${PEOPLE}
changetype: add
objectClass: inetOrgPerson
uid: rear
cn: Rear
sn: Rear
mail: rear@example.com
userPassword: secret of rear

dn: cn=admirals,dc=example,dc=org
changetype: modify
add: member
member: uid=rear,${PEOPLE}
`);
    const { browser, page } = await openForm(undefined, "dir", "openid groups offline_access");
    const typed = { login: "rear", password: "secret of rear" };
    const end = await browser.submit(page, typed, { formId: "login-form" });
    const code = end.url.searchParams.get("code") ?? "";
    const first = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
    expect(decodeJwt(first.body.id_token ?? "").groups).toEqual(["admirals"]);
    slapd.modify(`dn: cn=admirals,dc=example,dc=org\nchangetype: modify\ndelete: member\nmember: uid=rear,${PEOPLE}\n`);
    const refresh = (token: string | undefined) =>
      worker.token({ grant_type: "refresh_token", refresh_token: token ?? "" });
    const second = await refresh(first.body.refresh_token);
    expect(decodeJwt(second.body.id_token ?? "").groups ?? []).toEqual([]);
    slapd.modify(`dn: uid=rear,${PEOPLE}\nchangetype: delete\n`);
    const third = await refresh(second.body.refresh_token);
    expect([third.status, third.body.error]).toEqual([400, "invalid_grant"]);
  });

  test.each([
    { ...GRACE, password: "wrong" },
    { ...GRACE, login: "*" },
    { ...GRACE, login: "grace)(uid=*" },
    { ...GRACE, password: " " },
  ])("as $login with $password shows the form again (LDA-1, LDA-2) (C 37)", async (typed) => {
    const page = await signIn(typed);
    expect(page.status).toBe(403);
    expect(page.text).toContain("name or the password is not right");
    expect(page.text).not.toContain("reset");
  });

  test("by the words of dex v1 opens the same form; equal addresses do not make one account (ACC-12)", async () => {
    expect((await signIn(GRACE, "old")).url.searchParams.has("code")).toBe(false);
    expect((await signIn({ ...GRACE, password: "wrong" }, "old")).text).toContain("not right");
  });

  test("is unavailable while the directory is down, the others are not, and it comes back by itself (v1 N10)", async () => {
    await slapd.kill();
    const page = await signIn();
    expect(page.status).toBe(503);
    expect(page.text).toContain("cannot be reached just now");
    expect((await worker.signIn(worker.browser(), { connector_id: "local" })).searchParams.has("code")).toBe(true);
    expect((await fetch(`${worker.issuer}/health`)).status).toBe(200);
    await slapd.start();
    expect((await signIn()).url.searchParams.has("code")).toBe(true);
  });

  test("leaves no password in the log, and none of the person's in the database (LOG-1)", async () => {
    for (const canary of [BIND_PASSWORD, GRACE.password]) expect(worker.log.join("\n")).not.toContain(canary);
    expect(await findInDatabase(worker.databaseUrl, GRACE.password)).toEqual([]);
  });

  test("waits after five wrong passwords, under every spelling and for nobodies too; a right one ends it (ACC-3, ACC-1)", async () => {
    for (let round = 0; round < 3; round += 1) {
      for (let n = 0; n < 3; n += 1) await signIn({ ...GRACE, password: "wrong" });
      expect((await signIn()).url.searchParams.has("code")).toBe(true);
    }
    for (const login of ["grace", "GRACE", " grace", "grace@example.com", "grace"])
      await signIn({ login, password: "wrong" });
    expect((await signIn()).status).toBe(429);
    for (let n = 0; n < 5; n += 1) await signIn({ login: "nobody", password: "wrong" });
    expect((await signIn({ login: "nobody", password: "wrong" })).status).toBe(429);
  });
});
