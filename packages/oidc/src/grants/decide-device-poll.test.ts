import { expect, test } from "vitest";
import { decideDevicePoll } from "./decide-device-poll.ts";
import { DEVICE_CASES, DEVICE_CASES_NOW } from "./device-poll-cases.ts";

test.each(DEVICE_CASES)("a device code when $when: $expected ($by)", ({ stored, poll, expected }) => {
  expect(decideDevicePoll(stored, poll, DEVICE_CASES_NOW).kind).toBe(expected);
});

const CODES = {
  pending: "authorization_pending",
  "slow down": "slow_down",
  expired: "expired_token",
  denied: "access_denied",
  refused: "invalid_grant",
} as const;
test.each(Object.entries(CODES))("%s is told as %s, with 400 (RFC 8628 §3.5, RFC 6749 §5.2)", (kind, code) => {
  const { stored, poll } = DEVICE_CASES.find(({ expected }) => expected === kind) ?? {};
  if (poll === undefined) throw new Error("expected a case of this kind");
  expect(decideDevicePoll(stored, poll, DEVICE_CASES_NOW)).toMatchObject({ kind, error: { code, status: 400 } });
});
