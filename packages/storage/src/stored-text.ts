// Postgres stores no NUL in text and refuses it with an error (22021). What cannot be stored cannot be found either, so
// look-ups answer "not found" without asking; what is written loses it.
import type { Json } from "@dex/runtime";

/** Whether all of these can stand in a text column, and so could be found in one. */
export function isStorable(...texts: readonly (string | undefined)[]): boolean {
  return texts.every((text) => text === undefined || !text.includes("\0"));
}

/** The text without NUL, for columns that people merely read. */
export function toStoredText(text: string | undefined): string | null {
  return text === undefined ? null : text.replaceAll("\0", "\uFFFD");
}

/** A list of such texts. */
export function toStoredTexts(texts: readonly string[] | undefined): string[] | null {
  return texts === undefined ? null : texts.map((text) => text.replaceAll("\0", "\uFFFD"));
}

/** JSON for a jsonb column, which refuses NUL (22P05). */
export function toStoredJson(value: Json): string {
  return JSON.stringify(value, (_member, item: unknown) =>
    typeof item === "string" ? item.replaceAll("\0", "\uFFFD") : item,
  );
}

/** A column's null is our undefined. */
export function orUndefined<T>(value: T | null): T | undefined {
  return value === null ? undefined : value;
}
