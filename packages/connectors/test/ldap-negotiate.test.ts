import { silentLogger, systemClock } from "@dex/runtime";
import { type RunningSlapd, startSlapd } from "@dex/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Negotiation } from "../src/connector.ts";
import type { UseOnce } from "../src/connector-kind.ts";
import { openLdapSettings } from "../src/ldap/config.ts";
import { openDirectory } from "../src/ldap/directory.ts";
import { makeNegotiate, type NegotiateAcceptor } from "../src/ldap/negotiate.ts";
import { makeRefresh } from "../src/ldap/refresh.ts";
import { ALL_ASKED, GROUPS, LDIF, PEOPLE, v2 } from "./ldap-login.ts";

let slapd: RunningSlapd;
const opened: { close: () => void }[] = [];
beforeAll(async () => {
  slapd = await startSlapd({ ldif: LDIF });
});
afterAll(() => slapd?.close());
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

const REPLY = Buffer.from("reply");
/** Takes `name@REALM` for a ticket of it, and nothing else. */
const acceptor: NegotiateAcceptor = {
  realms: ["EXAMPLE.COM"],
  async accept(ticket) {
    const [name = "", realm] = ticket.toString().split("@");
    if (realm === undefined) return { kind: "rejected", reply: REPLY, why: "not a ticket" };
    return { kind: "accepted", name, realm, reply: REPLY };
  },
};

/** `ticket`: undefined when the browser sends none. */
function openNegotiate(kerberos: object = {}, change: object = {}, useOnce?: UseOnce) {
  const groupSearch = { baseDN: GROUPS, nameAttr: "cn", userMatchers: [{ userAttr: "DN", groupAttr: "member" }] };
  const member = { enabled: true, keytabPath: "/unused", ...kerberos };
  const parsed = openLdapSettings({ ...v2(slapd), groupSearch, kerberos: member, ...change });
  if (parsed.kind === "refused" || parsed.settings.kerberos === undefined) throw new Error(JSON.stringify(parsed));
  const { settings } = parsed;
  const directory = openDirectory(settings, systemClock);
  opened.push(directory);
  const of = { connectorId: "dir", settings, directory, trace: undefined };
  const negotiate = makeNegotiate({
    ...of,
    kerberos: parsed.settings.kerberos,
    acceptor,
    logger: silentLogger,
    useOnce,
  });
  return {
    refresh: makeRefresh(of),
    visit: (ticket?: string, askedBefore = false) =>
      negotiate({
        ticket: ticket === undefined ? undefined : Buffer.from(ticket),
        askedBefore,
        asked: ALL_ASKED,
        now: systemClock(),
      }),
  };
}
const identityOf = (negotiation: Negotiation) =>
  negotiation.kind === "outcome" && negotiation.outcome.kind === "identity" ? negotiation.outcome : undefined;

describe("a good ticket", () => {
  test("makes an identity of what the directory says, without a password (C 72)", async () => {
    const negotiation = await openNegotiate().visit("jane@EXAMPLE.COM");
    expect(negotiation).toMatchObject({ kind: "outcome", reply: REPLY });
    expect(identityOf(negotiation)?.identity).toMatchObject({
      connectorId: "dir",
      remoteId: "jane",
      email: "jane@example.com",
      groups: expect.arrayContaining(["admins", "developers"]),
      amr: ["wia"],
      authTime: undefined,
    });
  });

  test("may be refreshed under the name that was looked for (C 79)", async () => {
    const { visit, refresh } = openNegotiate();
    const grant = identityOf(await visit("jane@EXAMPLE.COM"))?.grant;
    expect(grant).toEqual({ username: "jane", dn: `uid=jane,${PEOPLE}` });
    const keep = async () => undefined;
    const again = { grant: grant ?? {}, remoteId: "jane", asked: ALL_ASKED, now: systemClock(), keep };
    expect(await refresh?.(again)).toMatchObject({ kind: "identity", identity: { remoteId: "jane" } });
  });

  test("is good in any spelling of the expected realm (C 77)", async () => {
    const { visit } = openNegotiate({ expectedRealm: "example.com" });
    expect(identityOf(await visit("jane@EXAMPLE.COM"))).toBeDefined();
  });

  test("of a name that the directory looks for whole (C 78)", async () => {
    const names = { userSearch: { baseDN: PEOPLE, username: "mail", nameAttr: "cn" } };
    const { visit } = openNegotiate({ usernameFromPrincipal: "userPrincipalName" }, names);
    expect(identityOf(await visit("jane@EXAMPLE.COM"))?.identity.remoteId).toBe("jane");
  });

  test("for nobody, for two, or for an entry without an address ends in a refusal and no form (C 74)", async () => {
    const { visit } = openNegotiate({ fallbackToPassword: true });
    const refused = (reason: string) => ({ kind: "outcome", outcome: { kind: "refused", reason } });
    expect(await visit("nobody@EXAMPLE.COM")).toMatchObject(refused("invalid credentials"));
    expect(await visit("*@EXAMPLE.COM")).toMatchObject(refused("invalid credentials"));
    expect(await visit("twin@EXAMPLE.COM")).toMatchObject(refused("invalid answer"));
    expect(await visit("nomail@EXAMPLE.COM")).toMatchObject(refused("invalid answer"));
    const unusable = { userSearch: { baseDN: PEOPLE, username: "uid", usableFilter: "(employeeType=active)" } };
    expect(await openNegotiate({}, unusable).visit("jane@EXAMPLE.COM")).toMatchObject(refused("invalid credentials"));
  });

  test("while the directory is down ends there too (C 75)", async () => {
    const { visit } = openNegotiate({ fallbackToPassword: true }, { host: "127.0.0.1:1" });
    expect(await visit("jane@EXAMPLE.COM")).toMatchObject({ kind: "outcome", outcome: { kind: "unavailable" } });
  });

  test("is good once: of two at the same moment, one signs in", async () => {
    const used = new Set<string>();
    const useOnce: UseOnce = async (key) => !used.has(key) && used.add(key) !== undefined;
    const { visit } = openNegotiate({}, {}, useOnce);
    const both = await Promise.all([visit("jane@EXAMPLE.COM"), visit("jane@EXAMPLE.COM")]);
    expect(both.map(({ kind }) => kind).sort()).toEqual(["challenge", "outcome"]);
  });
});

describe("a ticket of another realm", () => {
  test.each([
    { what: "than the expected one (C 76)", kerberos: { expectedRealm: "EXAMPLE.COM" } },
    { what: "than the keytab's, where none is expected", kerberos: {} },
  ])("$what is asked for again without a word, or leads to the form", async ({ kerberos }) => {
    const closed = await openNegotiate(kerberos).visit("jane@OTHER.COM");
    expect(closed).toEqual({ kind: "challenge", orForm: false, reply: undefined });
    const open = openNegotiate({ ...kerberos, fallbackToPassword: true });
    expect(await open.visit("jane@OTHER.COM", true)).toEqual({ kind: "form" });
  });
});

test("without a ticket the browser is asked for one, nobody else is (C 67, C 68, C 69)", async () => {
  const strict = openNegotiate({}, { host: "127.0.0.1:1" });
  expect(await strict.visit()).toEqual({ kind: "challenge", orForm: false, reply: undefined });
  const lenient = openNegotiate({ fallbackToPassword: true }, { host: "127.0.0.1:1" });
  expect(await lenient.visit()).toEqual({ kind: "challenge", orForm: true, reply: undefined });
  expect(await lenient.visit(undefined, true)).toEqual({ kind: "form" });
});

test("a rejected ticket leads to the form, or back with what the acceptor said (C 70, C 71)", async () => {
  expect(await openNegotiate().visit("nonsense")).toEqual({ kind: "challenge", orForm: false, reply: REPLY });
  expect(await openNegotiate({ fallbackToPassword: true }).visit("nonsense")).toEqual({ kind: "form" });
});
