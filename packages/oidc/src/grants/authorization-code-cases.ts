// The table that decideCode and the statement behind AuthorizationCodes.redeem are both held to. No test framework here,
// so that storage can run the same rows against its SQL.
import type { CodeRedemption, StoredCode } from "../ports.ts";
import { ASKED_CASES } from "./asked-of-grant-cases.ts";
import type { CodeDecision } from "./decide-code.ts";

/** The instant at which every case happens. */
export const CODE_CASES_NOW = new Date("2026-03-01T12:00:00.000Z");

/** The part of a redemption that decides. */
export type CodeCaseRequest = Pick<
  CodeRedemption,
  "clientId" | "redirectUri" | "challengeOfVerifier" | "allowedConnectors" | "confirmation" | "asked"
>;

export interface CodeCase {
  readonly when: string;
  /** The row, or undefined when there is none. */
  readonly stored: StoredCode | undefined;
  readonly request: CodeCaseRequest;
  /** The statement gives a grant for `redeem` and nothing for every other. */
  readonly expected: CodeDecision["kind"];
  readonly by: string;
}

const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const otherChallenge = "K2-ltc83acc4h0c9w6ESC_rEMTJguCHaoeK1t8URWbu";
const familyId = "0195512a-7c00-7000-8000-00000000c0de";
const at = (offsetMilliseconds: number) => new Date(CODE_CASES_NOW.getTime() + offsetMilliseconds);

const live: StoredCode = {
  clientId: "client-a",
  connectorId: "local",
  redirectUri: "https://a.example/cb",
  codeChallenge: challenge,
  expiresAt: at(30_000),
  spentAt: undefined,
  wrongVerifiers: 0,
  familyId: undefined,
  ownerActive: true,
};
const withoutChallenge: StoredCode = { ...live, codeChallenge: undefined };
const spent: StoredCode = { ...live, spentAt: at(-1000), familyId };
const right: CodeCaseRequest = {
  clientId: "client-a",
  redirectUri: "https://a.example/cb",
  challengeOfVerifier: challenge,
  allowedConnectors: undefined,
  confirmation: undefined,
};
const withoutVerifier: CodeCaseRequest = { ...right, challengeOfVerifier: undefined };
const other: CodeCaseRequest = { ...right, clientId: "client-b" };

export const CODE_CASES: readonly CodeCase[] = [
  { when: "everything fits", stored: live, request: right, expected: "redeem", by: "RFC 6749 §4.1.3" },
  {
    when: "it has no challenge and no verifier is sent",
    stored: withoutChallenge,
    request: withoutVerifier,
    expected: "redeem",
    by: "PKC-1",
  },
  {
    when: "it ends in a millisecond",
    stored: { ...live, expiresAt: at(1) },
    request: right,
    expected: "redeem",
    by: "RFC 6749 §4.1.2",
  },
  {
    when: "four wrong verifiers came before",
    stored: { ...live, wrongVerifiers: 4 },
    request: right,
    expected: "redeem",
    by: "PKC-7",
  },
  {
    when: "it is bound to the key that was proved",
    stored: { ...live, terms: { codeJkt: "key-1" } },
    request: { ...right, confirmation: { jkt: "key-1" } },
    expected: "redeem",
    by: "DPO-3",
  },
  {
    when: "it is bound to no key and one was proved",
    stored: live,
    request: { ...right, confirmation: { jkt: "key-1" } },
    expected: "redeem",
    by: "RFC 9449 §5",
  },
  {
    when: "it is bound to another key",
    stored: { ...live, terms: { codeJkt: "key-1" } },
    request: { ...right, confirmation: { jkt: "key-2" } },
    expected: "refused",
    by: "DPO-3",
  },
  {
    when: "it is bound to a key and none was proved",
    stored: { ...live, terms: { codeJkt: "key-1" } },
    request: right,
    expected: "refused",
    by: "DPO-3",
  },
  ...ASKED_CASES.map(({ when, terms, asked, granted, by }) => ({
    when,
    stored: { ...live, terms },
    request: { ...right, asked },
    expected: granted ? ("redeem" as const) : ("refused" as const),
    by,
  })),
  { when: "it is unknown", stored: undefined, request: right, expected: "refused", by: "RFC 6749 §5.2" },
  { when: "another client presents it", stored: live, request: other, expected: "refused", by: "TOK-4" },
  { when: "another client presents it spent", stored: spent, request: other, expected: "refused", by: "TOK-4" },
  {
    when: "another client presents it with a wrong verifier",
    stored: live,
    request: { ...other, challengeOfVerifier: otherChallenge },
    expected: "refused",
    by: "TOK-4, PKC-7",
  },
  { when: "it was spent", stored: spent, request: right, expected: "replayed", by: "TOK-1, RFC 6749 §4.1.2" },
  {
    when: "it was spent and has expired since",
    stored: { ...spent, expiresAt: at(-1) },
    request: right,
    expected: "replayed",
    by: "TOK-1",
  },
  {
    when: "it was spent and is presented without the verifier",
    stored: spent,
    request: withoutVerifier,
    expected: "replayed",
    by: "TOK-1",
  },
  {
    when: "it ends this very instant",
    stored: { ...live, expiresAt: at(0) },
    request: right,
    expected: "refused",
    by: "RFC 6749 §4.1.2",
  },
  {
    when: "it has expired",
    stored: { ...live, expiresAt: at(-60_000) },
    request: right,
    expected: "refused",
    by: "RFC 6749 §4.1.2",
  },
  {
    when: "five wrong verifiers came before",
    stored: { ...live, wrongVerifiers: 5 },
    request: right,
    expected: "refused",
    by: "PKC-7",
  },
  {
    when: "the user was disabled since",
    stored: { ...live, ownerActive: false },
    request: right,
    expected: "refused",
    by: "TOK-16",
  },
  {
    when: "its connector is among those that the client allows",
    stored: live,
    request: { ...right, allowedConnectors: ["corp", "local"] },
    expected: "redeem",
    by: "TOK-16",
  },
  {
    when: "the client allows its connector no longer",
    stored: live,
    request: { ...right, allowedConnectors: ["corp"] },
    expected: "refused",
    by: "TOK-16, SAM-8",
  },
  {
    when: "no redirect_uri is sent",
    stored: live,
    request: { ...right, redirectUri: undefined },
    expected: "refused",
    by: "TOK-3, RFC 6749 §4.1.3",
  },
  {
    when: "the redirect_uri has one more slash",
    stored: live,
    request: { ...right, redirectUri: "https://a.example/cb/" },
    expected: "refused",
    by: "TOK-3",
  },
  {
    when: "the verifier is missing",
    stored: live,
    request: withoutVerifier,
    expected: "refused",
    by: "PKC-4, RFC 7636 §4.6",
  },
  {
    when: "the verifier is another one",
    stored: live,
    request: { ...right, challengeOfVerifier: otherChallenge },
    expected: "wrong verifier",
    by: "PKC-4, PKC-7",
  },
  {
    when: "a verifier comes for a code without challenge",
    stored: withoutChallenge,
    request: right,
    expected: "refused",
    by: "PKC-5, RFC 9700 §4.8.2",
  },
];
