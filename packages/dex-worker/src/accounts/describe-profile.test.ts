import { expect, test } from "vitest";
import { describeProfile } from "./describe-profile.ts";

test("people see what is known of them, in words and in one order", () => {
  const profile = {
    address: { country: "DE", locality: "Berlin", street_address: "1 High St" },
    given_name: "Ada",
    phone_number: "+49 30 123",
    phone_number_verified: true,
    updated_at: 1_760_000_000,
    other: "not ours",
  };
  expect(describeProfile(profile)).toEqual([
    { label: "Given name", value: "Ada" },
    { label: "Phone number", value: "+49 30 123" },
    { label: "Address", value: "1 High St, Berlin, DE" },
  ]);
  expect(describeProfile({ address: { formatted: "1 High St\nBerlin", country: "DE" } })).toEqual([
    { label: "Address", value: "1 High St\nBerlin" },
  ]);
  expect(describeProfile({})).toEqual([]);
});
