// Who a verified assertion is about.
import type { Element } from "@xmldom/xmldom";
import type { Identity } from "../connector.ts";
import type { MappingTrace } from "../connector-kind.ts";
import { invalidAnswer, notPermitted } from "../login-refused.ts";
import type { GroupSettings, SamlSettings } from "./config.ts";
import { ASSERTION, NAMEID_TRANSIENT } from "./names.ts";
import { attribute, children, childrenNamed, plainText, requiredChild, soleChild } from "./strict-xml.ts";

const MAX_TEXT = 255;
const MAX_EMAIL = 254;
const MAX_GROUPS = 1000;

export type Trace = ((event: MappingTrace) => void) | undefined;

/** A person as the assertion has it: all of the groups, whoever asked for them. */
export interface SamlPerson {
  readonly remoteId: string;
  readonly displayName: string;
  readonly email: string;
  readonly groups: readonly string[] | undefined;
}

/** Throws LoginRefused when a name is missing that the configuration counts on. */
export function readPerson(assertion: Element, settings: SamlSettings, trace: Trace): SamlPerson {
  const nameId = requiredChild(requiredChild(assertion, ASSERTION, "Subject"), ASSERTION, "NameID");
  if (attribute(nameId, "Format") === NAMEID_TRANSIENT) {
    throw invalidAnswer("the NameID is transient, so it names nobody a second time");
  }
  const remoteId = bounded(plainText(nameId), "NameID", MAX_TEXT);
  const attributes = readAttributes(assertion);
  trace?.({ kind: "claims", source: "assertion", claims: { NameID: remoteId, ...Object.fromEntries(attributes) } });
  const first = (name: string, maxLength: number) => bounded(attributes.get(name)?.[0] ?? "", name, maxLength);
  return {
    remoteId,
    displayName: first(settings.usernameAttribute, MAX_TEXT),
    email: first(settings.emailAttribute, MAX_EMAIL),
    groups: readGroups(attributes, settings.groups, trace),
  };
}

/** Values that are plain text, by exact name. Of two attributes with one name the first counts. */
function readAttributes(assertion: Element): ReadonlyMap<string, readonly string[]> {
  const attributes = new Map<string, readonly string[]>();
  const statement = soleChild(assertion, ASSERTION, "AttributeStatement");
  if (statement === undefined) throw invalidAnswer("the assertion has no attributes");
  for (const element of childrenNamed(statement, ASSERTION, "Attribute")) {
    const name = attribute(element, "Name") ?? "";
    if (attributes.has(name)) continue;
    const values = childrenNamed(element, ASSERTION, "AttributeValue").filter((value) => children(value).length === 0);
    attributes.set(name, values.map(plainText));
  }
  return attributes;
}

function readGroups(
  attributes: ReadonlyMap<string, readonly string[]>,
  { attribute: name, delimiter }: GroupSettings,
  trace: Trace,
): readonly string[] | undefined {
  if (name === undefined) return undefined;
  const values = attributes.get(name) ?? [];
  const groups = delimiter === undefined ? values : values.flatMap((value) => value.split(delimiter));
  if (delimiter !== undefined) trace?.({ kind: "rule", rule: "groupsDelim", before: values, after: groups });
  const named = groups.filter((group) => group !== "");
  if (named.length > MAX_GROUPS) throw invalidAnswer(`more than ${MAX_GROUPS} groups`);
  return named.map((group) => bounded(group, name, MAX_TEXT));
}

/**
 * The groups that the claim shows. Throws LoginRefused for who is in none of the allowed ones; that does not hang on
 * whether the client asked for groups.
 */
export function permittedGroups(
  groups: readonly string[] | undefined,
  { allowed, filter }: GroupSettings,
  trace: Trace,
): readonly string[] | undefined {
  if (allowed.length === 0) return groups;
  const kept = (groups ?? []).filter((group) => allowed.includes(group));
  if (kept.length === 0) throw notPermitted("in none of the allowed groups");
  if (!filter) return groups;
  trace?.({ kind: "rule", rule: "filterGroups", before: groups, after: kept });
  return kept;
}

export function toIdentity(
  connectorId: string,
  { remoteId, displayName, email }: SamlPerson,
  more: Pick<Identity, "groups" | "emailVerified" | "authTime">,
): Identity {
  return { connectorId, remoteId, email, displayName, preferredUsername: undefined, amr: [], ...more };
}

function bounded(text: string, what: string, maxLength: number): string {
  if (text.trim() === "") throw invalidAnswer(`${what} is missing or empty`);
  if (text.length > maxLength || /\p{Cc}/u.test(text)) throw invalidAnswer(`${what} is too long, or no plain text`);
  return text;
}
