// From the group claim to the groups of a person: what is collected, filtered, required, renamed and added. Pure.
import type { MappingTrace } from "../connector-kind.ts";
import { ClaimRefused, own, readText } from "./claim-values.ts";
import type { LinearRegex } from "./linear-regex.ts";

/** A group made of other claims. */
export interface NewGroup {
  readonly claims: readonly string[];
  readonly delimiter: string;
  /** Takes the delimiter out of the claims' values, so that a value cannot look like two. */
  readonly clearDelimiter: boolean;
  readonly prefix: string;
}

export interface GroupRules {
  /** Only groups in which it is found are kept. */
  readonly filter: LinearRegex | undefined;
  /** Who is in none of these may not sign in; only these are kept. */
  readonly allowed: readonly string[] | undefined;
  readonly prefix: string;
  readonly suffix: string;
  readonly newGroups: readonly NewGroup[];
}

export const NO_GROUP_RULES: GroupRules = {
  filter: undefined,
  allowed: undefined,
  prefix: "",
  suffix: "",
  newGroups: [],
};

export type GroupsDecision =
  | { readonly kind: "groups"; readonly groups: readonly string[] | undefined }
  | { readonly kind: "not permitted"; readonly detail: string };

export interface GivenGroups {
  /** The group claim; undefined where it is absent, or groups are not enabled. */
  readonly claim: unknown;
  /** Where the members of new groups are found. */
  readonly find: (name: string) => unknown;
  readonly trace?: ((event: MappingTrace) => void) | undefined;
}

const MAX_GROUPS = 1000;
const MAX_GROUP_LENGTH = 255;

/** Throws ClaimRefused for a claim that is no list of groups. The order of the steps is dex v2's. */
export function decideGroups({ claim, find, trace }: GivenGroups, rules: GroupRules): GroupsDecision {
  const step = (rule: string, before: readonly string[] | undefined, after: readonly string[] | undefined) => {
    if (before?.join("\n") !== after?.join("\n")) trace?.({ kind: "rule", rule, before, after });
    return after;
  };
  const collected = collectGroups(claim);
  const { filter, allowed } = rules;
  let groups = collected;
  if (filter !== undefined)
    groups = step(
      "filterGroupClaims",
      groups,
      groups?.filter((name) => filter.test(name)),
    );
  if (allowed !== undefined) {
    const members = (groups ?? []).filter((name) => allowed.includes(name));
    step("allowedGroups", groups, members);
    if (members.length === 0) return { kind: "not permitted", detail: "in none of the allowed groups" };
    groups = members;
  }
  groups = step(
    "modifyGroupNames",
    groups,
    groups?.map((name) => `${rules.prefix}${name}${rules.suffix}`),
  );
  const made = rules.newGroups.map((group) => makeGroup(group, find)).filter((name) => name !== undefined);
  if (made.length > 0) groups = step("newGroupFromClaims", groups, [...(groups ?? []), ...made]);
  return { kind: "groups", groups: groups && [...new Set(groups)].map(bounded) };
}

function collectGroups(claim: unknown): readonly string[] | undefined {
  if (claim === undefined) return undefined;
  const members: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  if (members.length > MAX_GROUPS) throw new ClaimRefused(`more than ${MAX_GROUPS} groups`);
  const names = members.map((member) =>
    readText(typeof member === "object" && member !== null ? own({ ...member }, "name") : member, MAX_GROUP_LENGTH),
  );
  return [...new Set(names.filter((name) => name !== undefined))];
}

function makeGroup({ claims, delimiter, clearDelimiter, prefix }: NewGroup, find: GivenGroups["find"]) {
  const values = claims
    .map(find)
    .filter((value) => typeof value === "string" && value !== "")
    .map((value) => readText(value, MAX_GROUP_LENGTH) ?? "")
    .map((value) => (clearDelimiter && delimiter !== "" ? value.replaceAll(delimiter, "") : value));
  if (values.length === 0) return undefined;
  return [prefix, ...values].join(delimiter);
}

function bounded(name: string): string {
  if (name.length > MAX_GROUP_LENGTH) throw new ClaimRefused(`a group is longer than ${MAX_GROUP_LENGTH} characters`);
  return name;
}
