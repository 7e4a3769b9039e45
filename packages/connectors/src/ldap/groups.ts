// Which groups an entry is in. Groups are told apart by their DN: two with one name are two (LDA-5).
import { invalidAnswer } from "../login-refused.ts";
import type { LdapConnection, LdapEntry } from "./connection.ts";
import { canonicalDn } from "./escape.ts";
import { type GroupMatcher, type GroupSearch, isDnAttribute } from "./settings.ts";

const MAX_GROUPS = 2000;
/** Searches of one login. Each asks for many values at once. */
const MAX_SEARCHES = 200;
const VALUES_PER_SEARCH = 50;

/** The names of the groups, each once, in the order in which they were found. */
export async function readGroups(
  connection: LdapConnection,
  person: LdapEntry,
  groups: GroupSearch,
): Promise<readonly string[]> {
  const { baseDn, scope, nameAttribute, matchers } = groups;
  const attributes = isDnAttribute(nameAttribute) ? [] : [nameAttribute];
  const found = new Map<string, LdapEntry>();
  let searches = 0;

  async function search(filter: string): Promise<readonly LdapEntry[]> {
    searches += 1;
    if (searches > MAX_SEARCHES) throw invalidAnswer(`more than ${MAX_SEARCHES} group searches`);
    const entries = await connection.search({ baseDn, scope, filter, attributes, limit: MAX_GROUPS + 1 });
    for (const entry of entries) found.set(canonicalDn(entry.dn), entry);
    if (found.size > MAX_GROUPS) throw invalidAnswer(`more than ${MAX_GROUPS} groups`);
    return entries;
  }

  async function searchAll(values: readonly string[], filterFor: (value: string) => string): Promise<LdapEntry[]> {
    const entries: LdapEntry[] = [];
    for (let start = 0; start < values.length; start += VALUES_PER_SEARCH) {
      const filters = values.slice(start, start + VALUES_PER_SEARCH).map(filterFor);
      entries.push(...(await search(filters.length === 1 ? filters.join("") : `(|${filters.join("")})`)));
    }
    return entries;
  }

  /** Level by level. Ends because no group's parents are looked for twice, so circles do no harm. */
  async function climb({ parentsFilterFor }: GroupMatcher, start: readonly LdapEntry[]): Promise<void> {
    if (parentsFilterFor === undefined) return;
    const climbed = new Set<string>();
    for (let level = start; level.length > 0; ) {
      const fresh = new Map(level.map((entry) => [canonicalDn(entry.dn), entry.dn]));
      for (const key of climbed) fresh.delete(key);
      for (const key of fresh.keys()) climbed.add(key);
      level = await searchAll([...fresh.values()], parentsFilterFor);
    }
  }

  for (const matcher of matchers) {
    await climb(matcher, await searchAll(valuesOf(person, matcher.userAttribute), matcher.filterFor));
  }
  return [...new Set([...found.values()].map((entry) => nameOf(entry, nameAttribute)))];
}

/** All values of an attribute, or the entry's name for `DN`. */
export function valuesOf(entry: LdapEntry, attribute: string): readonly string[] {
  const values = entry.attributes.get(attribute.toLowerCase());
  if (values !== undefined) return values;
  return isDnAttribute(attribute) ? [entry.dn] : [];
}

function nameOf(entry: LdapEntry, attribute: string): string {
  const [name] = valuesOf(entry, attribute);
  if (name === undefined || name === "") throw invalidAnswer(`a group has no ${attribute}`);
  return name;
}
