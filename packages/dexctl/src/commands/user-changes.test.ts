import { expect, test } from "vitest";
import { Failure } from "../failure.ts";
import { parseChanges } from "./user-changes.ts";

const rows = [
  { flags: { name: "Jane" }, changes: { displayName: "Jane" } },
  { flags: { email: "j@example.com", verified: true }, changes: { email: "j@example.com", emailVerified: true } },
  { flags: { set: ["given_name=Jane", "nickname="] }, changes: { profile: { given_name: "Jane", nickname: null } } },
  { flags: { set: ["website=https://a.example/?b=c"] }, changes: { profile: { website: "https://a.example/?b=c" } } },
  {
    flags: { set: ["address.country=DE", "address.locality=Berlin"], phoneVerified: true },
    changes: { profile: { address: { country: "DE", locality: "Berlin" }, phone_number_verified: true } },
  },
  { flags: { set: ["address.country="] }, changes: { profile: { address: {} } } },
  { flags: { set: ["address="] }, changes: { profile: { address: null } } },
] as const;
test.each(rows)("$flags means $changes", ({ flags, changes }) => {
  expect(parseChanges(flags)).toEqual(changes);
});

test.each([{}, { set: ["given_name"] }, { set: ["=Jane"] }])("%o is a mistake", (flags) => {
  expect(() => parseChanges(flags)).toThrow(Failure);
});
