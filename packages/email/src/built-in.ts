// The built-in messages, compiled, and which language a reader gets.
import type { Catalogue } from "./catalogue.ts";
import { GERMAN } from "./catalogue-de.ts";
import { ENGLISH } from "./catalogue-en.ts";
import { bodyVariables, MESSAGE_NAMES, type MessageName, subjectVariables } from "./message-names.ts";
import { parseTemplate, type Template } from "./placeholders.ts";

/** One language's messages, ready to be filled. */
export interface Language {
  /** A BCP 47 tag. */
  readonly tag: string;
  readonly someClient: Template;
  readonly namedClient: Template;
  readonly instant: Template;
  readonly messages: ReadonlyMap<MessageName, { readonly subject: Template; readonly text: Template }>;
}

export const CATALOGUES: Readonly<Record<string, Catalogue>> = { en: ENGLISH, de: GERMAN };
export const FALLBACK_LANGUAGE = "en";

/** The languages of all built-in messages. */
export function compileLanguages(): ReadonlyMap<string, Language> {
  return new Map(Object.entries(CATALOGUES).map(([tag, catalogue]) => [tag, compileLanguage(tag, catalogue)]));
}

function compileLanguage(tag: string, catalogue: Catalogue): Language {
  const compile = (text: string, names: ReadonlySet<string>): Template => {
    const result = parseTemplate(text, names);
    if (result.kind === "refused") throw new Error(`the built-in messages of ${tag}: ${result.problem}`);
    return result.template;
  };
  return {
    tag,
    someClient: compile(catalogue.someClient, new Set()),
    namedClient: compile(catalogue.namedClient, new Set(["client_name"])),
    instant: compile(catalogue.instant, new Set(["year", "month", "day", "clock"])),
    messages: new Map(
      MESSAGE_NAMES.map((name) => {
        const { subject, text } = catalogue.messages[name];
        return [name, { subject: compile(subject, subjectVariables(name)), text: compile(text, bodyVariables(name)) }];
      }),
    ),
  };
}

const LANGUAGE_TAG = /^[a-z]{2,3}(-[a-z0-9]{1,8})*$/;

/** The tag in lower case; undefined when it has not the form of a language tag (RFC 5646 §2.1, without its rarities). */
export function parseLanguageTag(text: string): string | undefined {
  const tag = text.toLowerCase();
  return tag.length <= 35 && LANGUAGE_TAG.test(tag) ? tag : undefined;
}

/** The tag and what it narrows, from the most to the least exact: de-ch, de (RFC 4647 §3.4). */
export function widenLanguageTag(tag: string): readonly string[] {
  const subtags = tag.split("-");
  return subtags.map((_, index) => subtags.slice(0, subtags.length - index).join("-"));
}
