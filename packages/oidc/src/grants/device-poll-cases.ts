// The table that decideDevicePoll and the statements behind DeviceRequests are both held to. No test framework here, so that
// storage can run the same rows against its SQL.

import type { StoredDeviceRequest } from "../device-authorization/device-requests.ts";
import { ASKED_CASES } from "./asked-of-grant-cases.ts";
import type { DevicePoll, DevicePollDecision } from "./decide-device-poll.ts";

/** The instant at which every case happens. */
export const DEVICE_CASES_NOW = new Date("2026-03-01T12:00:00.000Z");

export interface DeviceCase {
  readonly when: string;
  /** The row, or undefined when there is none. */
  readonly stored: StoredDeviceRequest | undefined;
  readonly poll: DevicePoll;
  /** The statement gives a grant for `redeem` and nothing for every other. */
  readonly expected: DevicePollDecision["kind"];
  readonly by: string;
}

const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const otherChallenge = "K2-ltc83acc4h0c9w6ESC_rEMTJguCHaoeK1t8URWbu";
const at = (offsetMilliseconds: number) => new Date(DEVICE_CASES_NOW.getTime() + offsetMilliseconds);

const waiting: StoredDeviceRequest = {
  clientId: "client-a",
  scope: ["openid", "email"],
  codeChallenge: undefined,
  expiresAt: at(30_000),
  decision: undefined,
  early: false,
  spentAt: undefined,
  connectorId: undefined,
  ownerActive: false,
};
const approved: StoredDeviceRequest = { ...waiting, decision: "approved", connectorId: "local", ownerActive: true };
const challenged: StoredDeviceRequest = { ...approved, codeChallenge: challenge };
const bound: StoredDeviceRequest = { ...approved, terms: { codeJkt: "key-1" } };
const right: DevicePoll = {
  clientId: "client-a",
  scope: undefined,
  challengeOfVerifier: undefined,
  allowedConnectors: undefined,
  confirmation: undefined,
};
const other: DevicePoll = { ...right, clientId: "client-b" };

type Row = readonly [
  when: string,
  stored: StoredDeviceRequest | undefined,
  poll: DevicePoll,
  DeviceCase["expected"],
  by: string,
];
const ROWS: readonly Row[] = [
  ["it was approved", approved, right, "redeem", "RFC 8628 §3.5"],
  ["it was approved and ends in a millisecond", { ...approved, expiresAt: at(1) }, right, "redeem", "RFC 8628 §3.5"],
  ["nobody has decided", waiting, right, "pending", "RFC 8628 §3.5"],
  ["nobody has decided and the poll came too early", { ...waiting, early: true }, right, "slow down", "RFC 8628 §3.5"],
  ["it was denied", { ...waiting, decision: "denied" }, right, "denied", "RFC 8628 §3.5"],
  ["it was denied and has expired", { ...waiting, decision: "denied", expiresAt: at(-1) }, right, "denied", "DEV-1"],
  ["it ends this very instant", { ...approved, expiresAt: at(0) }, right, "expired", "RFC 8628 §3.5"],
  ["it has expired undecided", { ...waiting, expiresAt: at(-60_000) }, right, "expired", "RFC 8628 §3.5"],
  ["it is unknown", undefined, right, "refused", "RFC 6749 §5.2"],
  ["another client polls", approved, other, "refused", "DEV-2"],
  ["another client polls before the decision", waiting, other, "refused", "DEV-2"],
  ["it was spent", { ...approved, spentAt: at(-1000) }, right, "refused", "RFC 8628 §3.5"],
  ["the scope is that of the request", approved, { ...right, scope: ["email", "openid"] }, "redeem", "DEV-2"],
  ["the scope is wider", approved, { ...right, scope: ["openid", "email", "groups"] }, "refused", "DEV-2"],
  ["the scope is narrower", approved, { ...right, scope: ["openid"] }, "refused", "DEV-2"],
  ["the scope is another one", approved, { ...right, scope: ["openid", "groups"] }, "refused", "DEV-2"],
  ["the scope is wider and nobody has decided", waiting, { ...right, scope: ["openid", "groups"] }, "refused", "DEV-2"],
  ["the user was disabled since", { ...approved, ownerActive: false }, right, "refused", "TOK-16"],
  ["its connector is allowed", approved, { ...right, allowedConnectors: ["corp", "local"] }, "redeem", "TOK-16"],
  [
    "its connector is allowed no longer",
    approved,
    { ...right, allowedConnectors: ["corp"] },
    "refused",
    "TOK-16, SAM-8",
  ],
  ["the verifier fits", challenged, { ...right, challengeOfVerifier: challenge }, "redeem", "RFC 7636 §4.6"],
  ["the verifier is missing", challenged, right, "refused", "RFC 7636 §4.6"],
  ["the verifier is another one", challenged, { ...right, challengeOfVerifier: otherChallenge }, "refused", "PKC-4"],
  ["a verifier comes without challenge", approved, { ...right, challengeOfVerifier: challenge }, "refused", "PKC-5"],
  ["a key was proved", approved, { ...right, confirmation: { jkt: "key-1" } }, "redeem", "RFC 9449 §5"],
  ["it is bound to the key that was proved", bound, { ...right, confirmation: { jkt: "key-1" } }, "redeem", "DPO-3"],
  ["it is bound to another key", bound, { ...right, confirmation: { jkt: "key-2" } }, "refused", "DPO-3"],
  ["it is bound to a key and none was proved", bound, right, "refused", "DPO-3"],
  ...ASKED_CASES.map(({ when, terms, asked, granted, by }): Row => {
    return [when, { ...approved, terms }, { ...right, asked }, granted ? "redeem" : "refused", by];
  }),
];

export const DEVICE_CASES: readonly DeviceCase[] = ROWS.map(([when, stored, poll, expected, by]) => ({
  when,
  stored,
  poll,
  expected,
  by,
}));
