import { expect, test } from "vitest";
import { profileChangesShape, toProfileChanges } from "./profile-shape.ts";

const good: readonly object[] = [
  { given_name: "Ada", family_name: "Lovelace", middle_name: "King", nickname: "ada", gender: "female" },
  { birthdate: "1815-12-10" },
  { birthdate: "0000-02-29" },
  { birthdate: "1815" },
  { zoneinfo: "Europe/Paris" },
  { zoneinfo: "UTC" },
  { locale: "en-US" },
  { locale: "de_DE" },
  { picture: "https://a.example/me.png", profile: "http://a.example/", website: "https://a.example" },
  { phone_number: "+1 (425) 555-1212" },
  { phone_number: "+1 604 555 1234;ext=5678", phone_number_verified: true },
  { address: { formatted: "1 High St\nLondon", country: "GB" } },
  { nickname: null, address: null, phone_number: null },
];
test.each(good)("a profile may say %o (OIDC Core §5.1)", (changes) => {
  expect(profileChangesShape.safeParse(changes).error).toBeUndefined();
});

const bad: readonly object[] = [
  { given_name: "" },
  { given_name: "  " },
  { given_name: "A\u0000da" },
  { given_name: 7 },
  { given_name: "a".repeat(201) },
  { birthdate: "10.12.1815" },
  { birthdate: "1815-13-10" },
  { birthdate: "1815-02-30" },
  { birthdate: "0000" },
  { birthdate: "0001-01-01" },
  { zoneinfo: "Mars/Olympus" },
  { zoneinfo: "+01:00" },
  { locale: "english please" },
  { picture: "javascript:alert(1)" },
  { website: "a.example" },
  { phone_number: "555-1212" },
  { phone_number: "+1 CALL ME" },
  { phone_number_verified: "true" },
  { phone_number_verified: null },
  { address: "London" },
  { address: { planet: "Earth" } },
  { address: { country: "" } },
  { updated_at: 1 },
  { email: "a@b.example" },
  { sub: "x" },
];
test.each(bad)("a profile may not say %o", (changes) => {
  expect(profileChangesShape.safeParse(changes).success).toBe(false);
});

const stored = [
  { given: { phone_number: "+49 30 123" }, as: { phone_number: "+49 30 123", phone_number_verified: false } },
  {
    given: { phone_number: "+49 30 123", phone_number_verified: true },
    as: { phone_number: "+49 30 123", phone_number_verified: true },
  },
  {
    given: { phone_number: null, phone_number_verified: true },
    as: { phone_number: null, phone_number_verified: null },
  },
  { given: { phone_number_verified: true }, as: { phone_number_verified: true } },
  { given: { address: {} }, as: { address: null } },
  { given: { address: { country: "GB" }, nickname: null }, as: { address: { country: "GB" }, nickname: null } },
];
test.each(stored)("$given is stored as $as", ({ given, as }) => {
  expect(toProfileChanges(profileChangesShape.parse(given))).toEqual(as);
});
