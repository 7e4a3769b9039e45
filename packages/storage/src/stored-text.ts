// Postgres stores no NUL in text and refuses it with an error (22021), and a lone surrogate is no character at all. What
// cannot be stored cannot be found either, so look-ups answer "not found" without asking; what is written loses it.
import type { Json } from "@dex/runtime";

const REPLACEMENT = "\uFFFD";

/** Whether all of these can stand in a text column as they are, and so could be found in one. */
export function isStorable(...texts: readonly (string | undefined)[]): boolean {
  return texts.every((text) => text === undefined || (text.isWellFormed() && !text.includes("\0")));
}

/** The text as a column can hold it. */
export function toStoredText(text: string | undefined): string | null {
  return text === undefined ? null : clean(text);
}

/** A list of such texts. */
export function toStoredTexts(texts: readonly string[] | undefined): string[] | null {
  return texts === undefined ? null : texts.map(clean);
}

/** JSON for a jsonb column, which refuses the same (22P05). */
export function toStoredJson(value: Json): string {
  return JSON.stringify(cleanJson(value));
}

function clean(text: string): string {
  return text.toWellFormed().replaceAll("\0", REPLACEMENT);
}

function cleanJson(value: Json): Json {
  if (typeof value === "string") return clean(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(cleanJson);
  return Object.fromEntries(Object.entries(value).map(([member, item]) => [clean(member), cleanJson(item)]));
}

/** A column's null is our undefined. */
export function orUndefined<T>(value: T | null): T | undefined {
  return value === null ? undefined : value;
}
