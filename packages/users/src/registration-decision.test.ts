import { expect, test } from "vitest";
import { decideRegistration } from "./registration-decision.ts";

const open = { emailDomains: [], serviceName: "Example ID" };
const limited = { ...open, emailDomains: ["example.com"] };
const password = "purple kettle on the windowsill";

test.each(["jane@example.com", " jane@example.com ", "\tJane@Example.COM\n", "jane@example.com\r\n"])(
  "%j is accepted in its one form (v1 P08)",
  (email) => {
    expect(decideRegistration({ email, password }, limited)).toEqual({ kind: "accepted", email: "jane@example.com" });
  },
);

const refusals = [
  { email: "", problem: "not an address", by: "v1 P06" },
  { email: "jane", problem: "not an address", by: "v1 P06" },
  { email: "jane@example.com,eve@example.com", problem: "not an address", by: "ACC-10" },
  { email: "jane@evil.example@example.com", problem: "not an address", by: "ACC-14" },
  { email: "jane@sub.example.com", problem: "domain not allowed", by: "ACC-14" },
  { email: "jane@example.com.evil.example", problem: "domain not allowed", by: "ACC-14" },
  { email: "jane@notexample.com", problem: "domain not allowed", by: "ACC-14" },
];
test.each(refusals)("the address $email is refused: $problem ($by)", ({ email, problem }) => {
  const refused = { kind: "refused", email: problem, password: undefined };
  expect(decideRegistration({ email, password }, limited)).toEqual(refused);
});

const passwords = [
  { password: "", problem: "missing" },
  { password: "too short", problem: "too short" },
  { password: "x".repeat(1025), problem: "too long" },
  { password: "\u00c5".normalize("NFD").repeat(400), problem: "too long" },
  { password: "jane@example.com", problem: "own address" },
];
test.each(passwords)("a password is refused: $problem (ACC-6, v1 P06)", ({ password: typed, problem }) => {
  const refused = { kind: "refused", email: undefined, password: problem };
  expect(decideRegistration({ email: "jane@example.com", password: typed }, open)).toEqual(refused);
});

test("both problems are told at once, and an identity needs no password (v1 P06, v1 P09)", () => {
  const refused = { kind: "refused", email: "not an address", password: "missing" };
  expect(decideRegistration({ email: "jane", password: "" }, open)).toEqual(refused);
  expect(decideRegistration({ email: "jane@x.example", password: undefined }, open).kind).toBe("accepted");
});
