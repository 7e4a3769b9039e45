import { expect, test } from "vitest";
import type { Negotiation } from "../connector.ts";
import { toKerberosSettings } from "./config-kerberos.ts";
import { decideNegotiation, type TicketState } from "./negotiate.ts";

const reply = Buffer.from("the acceptor's own words");
const identity = { remoteId: "jdoe" };
// CAST: what an identity holds does not matter here.
const signedIn = { kind: "identity", identity } as unknown as Extract<TicketState, { kind: "good" }>["outcome"];
const nobody = { kind: "refused", reason: "invalid credentials", detail: "no entry" } as const;
const broken = { kind: "unavailable", detail: "nobody listens" } as const;

const NONE: TicketState = { kind: "none" };
const REJECTED: TicketState = { kind: "rejected", reply };
const OTHER_REALM: TicketState = { kind: "other realm" };
const good = (outcome: typeof signedIn): TicketState => ({ kind: "good", outcome, reply });

const FORM: Negotiation = { kind: "form" };
const challenge = (orForm: boolean, answer?: Buffer): Negotiation => ({ kind: "challenge", orForm, reply: answer });

test.each<{ ticket: TicketState; fallback: boolean; before: boolean; is: Negotiation; by: string }>([
  { ticket: NONE, fallback: false, before: false, is: challenge(false), by: "C 67" },
  { ticket: NONE, fallback: false, before: true, is: challenge(false), by: "C 67" },
  { ticket: NONE, fallback: true, before: false, is: challenge(true), by: "C 68" },
  { ticket: NONE, fallback: true, before: true, is: FORM, by: "C 69" },
  { ticket: REJECTED, fallback: true, before: false, is: FORM, by: "C 70" },
  { ticket: REJECTED, fallback: true, before: true, is: FORM, by: "C 70" },
  { ticket: REJECTED, fallback: false, before: false, is: challenge(false, reply), by: "C 71" },
  { ticket: REJECTED, fallback: false, before: true, is: challenge(false, reply), by: "C 71" },
  { ticket: OTHER_REALM, fallback: false, before: false, is: challenge(false), by: "C 76" },
  { ticket: OTHER_REALM, fallback: true, before: true, is: FORM, by: "C 76" },
  ...[true, false].flatMap((fallback) =>
    [true, false].flatMap((before) => [
      {
        ticket: good(signedIn),
        fallback,
        before,
        is: { kind: "outcome", outcome: signedIn, reply } as const,
        by: "C 72",
      },
      { ticket: good(nobody), fallback, before, is: { kind: "outcome", outcome: nobody, reply } as const, by: "C 74" },
      { ticket: good(broken), fallback, before, is: { kind: "outcome", outcome: broken, reply } as const, by: "C 75" },
    ]),
  ),
])(
  "ticket $ticket.kind, fallback $fallback, asked before $before: $is.kind ($by)",
  ({ ticket, fallback, before, is }) => {
    expect(decideNegotiation(ticket, { fallbackToPassword: fallback, askedBefore: before })).toEqual(is);
  },
);

test.each([
  { from: undefined, name: "jdoe", is: "jdoe" },
  { from: "localpart", name: "jdoe", is: "jdoe" },
  { from: "sAMAccountName", name: "JDoe", is: "JDoe" },
  { from: "userPrincipalName", name: "jdoe", is: "jdoe@EXAMPLE.COM" },
  { from: "userPrincipalName", name: "jdoe", realm: "", is: "jdoe" },
  { from: "userPrincipalName", name: "jdoe@mail.example", is: "jdoe@EXAMPLE.COM" },
  { from: "localpart", name: "jdoe@mail.example", is: "jdoe" },
] as const)("as $from, $name is looked for as $is (C 78)", ({ from, name, is, ...given }) => {
  const config = { enabled: true, keytabPath: "/k", ...(from === undefined ? {} : { usernameFromPrincipal: from }) };
  const realm = "realm" in given ? given.realm : "EXAMPLE.COM";
  expect(toKerberosSettings(config).settings?.usernameOf({ name, realm })).toBe(is);
});

test("Kerberos without a keytab, or not enabled, is off (C 80)", () => {
  expect(toKerberosSettings({ enabled: true })).toMatchObject({
    settings: undefined,
    warnings: [expect.stringContaining("keytabPath")],
  });
  expect(toKerberosSettings({ enabled: false, keytabPath: "/k" }).settings).toBeUndefined();
  expect(toKerberosSettings(undefined).settings).toBeUndefined();
});
