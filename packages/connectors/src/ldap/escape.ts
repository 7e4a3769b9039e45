// The two escapings of LDAP. They differ: what is harmless in one is not in the other (LDA-1). Pure.

/** A value inside a search filter, RFC 4515 §3. */
export function escapeFilterValue(value: string): string {
  // Characters beyond ASCII stay as they are, which the RFC allows: the filter parser reads escapes byte by byte.
  return value.replace(/[\0()*\\]/g, (character) => `\\${hex(character)}`);
}

/** A value inside a distinguished name, RFC 4514 §2.4. */
export function escapeDnValue(value: string): string {
  return (
    value
      .replace(/["+,;<=>\\]/g, (character) => `\\${character}`)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be escaped
      .replace(/[\0-\x1f\x7f]/g, (character) => `\\${hex(character)}`)
      .replace(/^[ #]| $/g, (character) => `\\${character}`)
  );
}

/**
 * One distinguished name in one spelling, for comparing: case and spaces around `,`, `=` and `+` do not count. One entry
 * whose name one server writes in two ways may be taken for two; two entries are never taken for one.
 */
export function canonicalDn(dn: string): string {
  return dn
    .replace(/\\.|\s*([,=+])\s*/gs, (found, separator: string | undefined) => separator ?? found)
    .trim()
    .toLowerCase();
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, "0");
}
