// Who may sign in, where that is said by a list of groups. Pure.

/** The groups that are in `allowed`, in their own order and as often as they come; names are equal only letter by letter. */
export function keepAllowed(groups: readonly string[], allowed: readonly string[]): readonly string[] {
  const names = new Set(allowed);
  return groups.filter((group) => names.has(group));
}
