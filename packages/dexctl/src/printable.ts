/** Controls, line and paragraph separators, and format characters such as the marks that reorder text on a terminal. */
export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text from elsewhere, safe to show on a terminal: one line, nothing that moves the cursor or reorders it (LOG-3). */
export function toPrintable(text: string, maxLength = 500): string {
  const line = text.replace(
    UNPRINTABLE,
    (character) => `\\u${character.codePointAt(0)?.toString(16).padStart(4, "0") ?? ""}`,
  );
  return line.length > maxLength ? `${line.slice(0, maxLength)}...` : line;
}

/** Rows as columns that line up, the first row in capitals: for people, not for programs. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head.map((name) => name.toUpperCase()), ...rows.map((row) => row.map((cell) => toPrintable(cell)))];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => line.trimEnd())
    .join("\n");
}

// What no POSIX shell gives a meaning to, in any position of an assignment's value.
const PLAIN_WORD = /^[A-Za-z0-9_@%+:,./=-]+$/;

/** One word of a POSIX shell that stands for exactly `value`. */
export function quoteForShell(value: string): string {
  if (PLAIN_WORD.test(value)) return value;
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
