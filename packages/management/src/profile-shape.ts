// What an administrator may say of a person, in the names and forms of OIDC Core §5.1. Clients are told it as it stands here,
// so nothing gets in that they would not understand: no blank text, no number for a text, no date that is none.
import type { JsonObject } from "@dex/runtime";
import { z } from "zod";

const MAX_TEXT = 200;
const MAX_URL = 1000;
const MAX_STREET = 500;

const word = z
  .string()
  .max(MAX_TEXT)
  .regex(/^(?=.*\S)\P{C}*$/u, "must not be blank, nor hold control characters");
/** Several lines, OIDC Core §5.1.1. */
const lines = z
  .string()
  .max(MAX_STREET)
  .regex(/^(?=[\s\S]*\S)(?:\P{C}|\r?\n)*$/u, "must not be blank, nor hold control characters");
const webUrl = z
  .string()
  .max(MAX_URL)
  .refine((text) => ["http:", "https:"].includes(URL.parse(text)?.protocol ?? ""), "must be an http or https URL");

const addressShape = z.strictObject({
  formatted: lines.optional(),
  street_address: lines.optional(),
  locality: word.optional(),
  region: word.optional(),
  postal_code: word.optional(),
  country: word.optional(),
});

const members = {
  given_name: word,
  family_name: word,
  middle_name: word,
  nickname: word,
  preferred_username: word.describe("Told where the connector names none."),
  profile: webUrl,
  picture: webUrl,
  website: webUrl,
  gender: word,
  birthdate: z
    .string()
    .max(10)
    .refine(isBirthdate, "must be YYYY-MM-DD, 0000-MM-DD or YYYY")
    .describe("YYYY-MM-DD; with 0000 for a year that is not told; or the year alone."),
  zoneinfo: z.string().max(64).refine(isTimeZone, "must be a time zone such as Europe/Paris"),
  locale: z.string().max(35).refine(isLocale, "must be a language tag such as en-US"),
  phone_number: z
    .string()
    .max(40)
    .regex(/^\+[1-9][0-9 ().-]{3,30}(;ext=[0-9]{1,8})?$/, "must be a number such as +1 (425) 555-1212")
    .describe("E.164, and RFC 3966 for an extension. Another number than before counts as unverified."),
  phone_number_verified: z.boolean(),
  address: addressShape,
};

/** What is changed of a profile: only what is given, and null takes a member away. An address is replaced as a whole. */
export const profileChangesShape = z.strictObject({
  given_name: members.given_name.nullable().optional(),
  family_name: members.family_name.nullable().optional(),
  middle_name: members.middle_name.nullable().optional(),
  nickname: members.nickname.nullable().optional(),
  preferred_username: members.preferred_username.nullable().optional(),
  profile: members.profile.nullable().optional(),
  picture: members.picture.nullable().optional(),
  website: members.website.nullable().optional(),
  gender: members.gender.nullable().optional(),
  birthdate: members.birthdate.nullable().optional(),
  zoneinfo: members.zoneinfo.nullable().optional(),
  locale: members.locale.nullable().optional(),
  phone_number: members.phone_number.nullable().optional(),
  phone_number_verified: members.phone_number_verified.optional(),
  address: members.address.nullable().optional(),
});

/** A profile as it is shown. It may have been written by another release, which knew other members. */
export const profileShape = z
  .record(z.string(), z.union([z.string(), z.boolean(), z.number(), z.record(z.string(), z.string())]))
  .describe("Claims of OIDC Core §5.1, and updated_at: when name or profile were changed last, in seconds since 1970.");

/** The changes as they are stored: a new number is nobody's until somebody says so, and an address of nothing is none. */
export function toProfileChanges(given: z.infer<typeof profileChangesShape>): JsonObject {
  const { phone_number: number, phone_number_verified: verified, address } = given;
  const plain = Object.entries(given).flatMap(([name, value]): [string, string | null][] =>
    typeof value === "string" || value === null ? [[name, value]] : [],
  );
  const said = verified ?? (number === undefined ? undefined : false);
  return {
    ...Object.fromEntries(plain),
    ...(number === null ? { phone_number_verified: null } : said === undefined ? {} : { phone_number_verified: said }),
    ...(address == null ? {} : { address: toAddress(address) }),
  };
}

function toAddress(address: z.infer<typeof addressShape>): JsonObject | null {
  const given = Object.entries(address).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
  return given.length === 0 ? null : Object.fromEntries(given);
}

function isBirthdate(text: string): boolean {
  if (/^\d{4}$/.test(text)) return isPlausibleYear(Number(text));
  const [, year = "", month = "", day = ""] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (year === "" || (year !== "0000" && !isPlausibleYear(Number(year)))) return false;
  // The year 2000 was a leap year: who does not tell the year may be born on a 29 February.
  const date = new Date(`${year === "0000" ? "2000" : year}-${month}-${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().slice(5, 10) === `${month}-${day}`;
}

const isPlausibleYear = (year: number) => year >= 1800 && year <= 2200;

function isTimeZone(text: string): boolean {
  // Offsets, which Intl takes too, are not in the zone database.
  return /^[A-Za-z]/.test(text) && accepts(() => new Intl.DateTimeFormat("en", { timeZone: text }));
}

function isLocale(text: string): boolean {
  // OIDC Core §5.1: some write an underscore.
  return accepts(() => Intl.getCanonicalLocales(text.replace("_", "-")));
}

function accepts(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false; // Intl throws for what it does not know
  }
}
