// Tickets of a real Kerberos: vitest run --project kerberos. It needs npm's native `kerberos` (NODE_PATH counts) and Debian's
// krb5-kdc, krb5-admin-server and krb5-user, and fails where one of them is missing.
import { createRequire } from "node:module";
import { type JsonObject, systemClock } from "@dex/runtime";
import { type RunningKdc, type RunningSlapd, startKdc, startSlapd } from "@dex/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Negotiation } from "../src/connector.ts";
import { ALL_ASKED, LDIF, openLdap, PEOPLE, v2 } from "./ldap-login.ts";

/** The other half of the package: what a browser has. */
interface KerberosClient {
  readonly GSS_MECH_OID_SPNEGO: number;
  initializeClient(service: string, options: object): Promise<{ step(challenge: string): Promise<string> }>;
}

const client = createRequire(import.meta.url)("kerberos") as KerberosClient;

describe("with a real Kerberos", () => {
  let kdc: RunningKdc;
  let slapd: RunningSlapd;
  const opened: { close: () => void }[] = [];
  beforeAll(async () => {
    [kdc, slapd] = await Promise.all([startKdc(), startSlapd({ ldif: LDIF })]);
    Object.assign(process.env, kdc.environment);
  });
  afterAll(async () => {
    await slapd?.close();
    await kdc?.close();
    for (const name of ["KRB5_CONFIG", "KRB5_KTNAME", "KRB5CCNAME"]) delete process.env[name];
  });
  afterEach(() => {
    for (const one of opened.splice(0)) one.close();
  });

  async function ticketOf(principal: string): Promise<Buffer> {
    process.env.KRB5CCNAME = kdc.login(principal);
    const half = await client.initializeClient("HTTP@localhost", { mechOID: client.GSS_MECH_OID_SPNEGO });
    return Buffer.from((await half?.step("")) ?? "", "base64");
  }

  function visit(ticket: Buffer | undefined, kerberos: JsonObject = {}): Promise<Negotiation> | undefined {
    const one = openLdap(v2(slapd, { kerberos: { enabled: true, keytabPath: kdc.keytabPath, ...kerberos } }));
    opened.push(one);
    return one.login.negotiate?.({ ticket, askedBefore: false, asked: ALL_ASKED, now: systemClock() });
  }

  test("a ticket signs in whom it names (C 72)", async () => {
    const ticket = await ticketOf("jane@EXAMPLE.COM");
    const negotiation = await visit(ticket);
    expect(negotiation).toMatchObject({
      kind: "outcome",
      outcome: { kind: "identity", identity: { remoteId: "jane" }, grant: { dn: `uid=jane,${PEOPLE}` } },
    });
    expect(negotiation?.kind === "outcome" && negotiation.reply?.length).toBeGreaterThan(0);
    // The library remembers it by itself, in a file of the machine.
    expect(await visit(ticket)).toMatchObject({ kind: "challenge" });
  });

  test("a ticket of a realm that ours trusts is not enough (C 76)", async () => {
    expect(await visit(await ticketOf("john@OTHER.COM"))).toMatchObject({ kind: "challenge", reply: undefined });
    const fallback = { fallbackToPassword: true };
    expect(await visit(await ticketOf("busy@OTHER.COM"), fallback)).toEqual({ kind: "form" });
    const welcome = { expectedRealm: "other.com" };
    expect(await visit(await ticketOf("nomail@OTHER.COM"), welcome)).toMatchObject({ kind: "outcome" });
  });

  test("a service may be named, and a ticket that is changed on the way is worth nothing (C 71)", async () => {
    const named = { spn: "HTTP/localhost@EXAMPLE.COM" };
    expect(await visit(await ticketOf("user1@EXAMPLE.COM"), named)).toMatchObject({ outcome: { kind: "identity" } });
    const changed = await ticketOf("user2@EXAMPLE.COM");
    changed.writeUInt8(changed.readUInt8(changed.length - 20) ^ 1, changed.length - 20);
    expect(await visit(changed)).toMatchObject({ kind: "challenge" });
    expect(await visit(Buffer.from("nonsense"))).toMatchObject({ kind: "challenge" });
  });
});
