// What holds for every answer in every module of the certification plans, as rules that can be broken one by one. `cert` is
// the bullet in the list of those demands.
import { expect } from "vitest";

/** One demand on something that a provider answered. */
export interface Rule<Given> {
  readonly cert: string;
  readonly rule: string;
  holds(given: Given): boolean;
}

/** The demands that `given` breaks, each with its bullet. */
export function broken<Given>(rules: readonly Rule<Given>[], given: Given): readonly string[] {
  return rules.filter((rule) => !rule.holds(given)).map(({ cert, rule }) => `${cert}: ${rule}`);
}

export function expectRules<Given>(rules: readonly Rule<Given>[], given: Given): void {
  expect(broken(rules, given)).toEqual([]);
}

export type Members = Readonly<Record<string, unknown>>;

const YEAR_SECONDS = 366 * 24 * 3600;

export function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "" && value.trim() !== "null";
}

export function isHttpsUrl(value: unknown): boolean {
  return typeof value === "string" && URL.parse(value)?.protocol === "https:";
}

/** Whether the text, taken for a random one, holds so many bits: by how often it uses each of its characters. */
export function hasEntropy(text: string, bits: number): boolean {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  const perCharacter = [...counts.values()]
    .map((count) => count / text.length)
    .reduce((sum, share) => sum - share * Math.log2(share), 0);
  return perCharacter * text.length >= bits;
}

/** RFC 6749 §4.1.2.1 and §5.2: no quote, no backslash; tab, line feed and carriage return are merely unwanted. */
export function isErrorDescription(value: unknown): boolean {
  return value === undefined || (typeof value === "string" && /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/.test(value));
}

export function isErrorUri(value: unknown): boolean {
  return value === undefined || (typeof value === "string" && URL.canParse(value));
}

/** A number of seconds as JSON has it, or as a form has it. */
export function isLifetime(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= YEAR_SECONDS;
}

export function isRecent(instant: unknown, now: number, { withinSeconds }: { withinSeconds: number }): boolean {
  return typeof instant === "number" && instant <= now + 1 && now - instant < withinSeconds;
}

// OIDC Core §5.1 and §5.1.1.
const BOOLEANS: readonly string[] = ["email_verified", "phone_number_verified"];
const TEXTS: readonly string[] = [
  ...["name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture"],
  ...["website", "email", "gender", "zoneinfo", "locale", "phone_number"],
];
const ADDRESS_MEMBERS: readonly string[] = [
  ...["formatted", "street_address", "locality", "region", "postal_code", "country"],
];
/** Every claim about a person that OIDC Core §5.1 has. */
export const STANDARD_CLAIMS: readonly string[] = [...TEXTS, ...BOOLEANS, "birthdate", "updated_at", "address"];

function isOfItsType(claim: string, value: unknown): boolean {
  if (BOOLEANS.includes(claim)) return typeof value === "boolean";
  if (claim === "updated_at") return typeof value === "number" && Number.isFinite(value);
  if (claim === "birthdate") return isBirthdate(value);
  return claim === "address" ? isAddress(value) : !TEXTS.includes(claim) || isText(value);
}

function isBirthdate(value: unknown): boolean {
  const [, year] = /^(\d{4})(?:-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))?$/.exec(String(value)) ?? [];
  if (typeof value !== "string" || year === undefined) return false;
  return (year === "0000" && value.length === 10) || (Number(year) >= 1800 && Number(year) <= 2100);
}

function isAddress(value: unknown): boolean {
  return isObject(value) && ADDRESS_MEMBERS.every((name) => value[name] === undefined || isText(value[name]));
}

/** OIDC Core §5.3.2: nothing is told without a value. */
function isLeftOutOrThere(value: unknown): boolean {
  return value !== null && value !== "" && (isObject(value) ? Object.keys(value).length > 0 : true);
}

export const claimTypesHold = (claims: Members) =>
  Object.entries(claims).every(([claim, value]) => isOfItsType(claim, value));

export const noClaimIsEmpty = (claims: Members) => Object.values(claims).every(isLeftOutOrThere);

/** OIDC Core §5.6.2. */
export function claimSourcesAreThere({ _claim_names: names, _claim_sources: sources }: Members): boolean {
  if (names === undefined) return true;
  return isObject(names) && Object.values(names).every((name) => isObject(sources) && String(name) in sources);
}
