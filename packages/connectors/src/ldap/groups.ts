// Which groups an entry is in. Groups are told apart by their DN: two with one name are two (LDA-5).
import { invalidAnswer } from "../login-refused.ts";
import type { LdapConnection, LdapEntry } from "./connection.ts";
import { canonicalDn } from "./escape.ts";
import { type GroupMatcher, type GroupSearch, isDnAttribute } from "./settings.ts";

const MAX_GROUPS = 2000;
/** Searches of one login: attribute values of the person, and groups whose parents are looked for. */
const MAX_SEARCHES = 500;

/** The names of the groups, each once, in the order in which they were found. */
export async function readGroups(
  connection: LdapConnection,
  person: LdapEntry,
  groups: GroupSearch,
): Promise<readonly string[]> {
  const { baseDn, scope, nameAttribute, matchers } = groups;
  const found = new Map<string, LdapEntry>();
  let searches = 0;

  /** Those that were not found before. */
  async function search(filter: string): Promise<readonly LdapEntry[]> {
    searches += 1;
    if (searches > MAX_SEARCHES) throw invalidAnswer(`more than ${MAX_SEARCHES} group searches`);
    const attributes = isDnAttribute(nameAttribute) ? [] : [nameAttribute];
    const entries = await connection.search({ baseDn, scope, filter, attributes, limit: MAX_GROUPS + 1 });
    const fresh = entries.filter(({ dn }) => !found.has(canonicalDn(dn)));
    for (const entry of fresh) found.set(canonicalDn(entry.dn), entry);
    if (found.size > MAX_GROUPS) throw invalidAnswer(`more than ${MAX_GROUPS} groups`);
    return fresh;
  }

  async function climb(matcher: GroupMatcher, level: readonly LdapEntry[]): Promise<void> {
    const { parentsFilterFor } = matcher;
    if (parentsFilterFor === undefined) return;
    // Ends because a group that was found before is not searched again, so circles do no harm.
    for (let entries = level; entries.length > 0; ) {
      const next: LdapEntry[] = [];
      for (const { dn } of entries) next.push(...(await search(parentsFilterFor(dn))));
      entries = next;
    }
  }

  for (const matcher of matchers) {
    for (const value of valuesOf(person, matcher.userAttribute)) {
      await climb(matcher, await search(matcher.filterFor(value)));
    }
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
