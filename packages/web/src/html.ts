// HTML that is escaped unless it was made here. Templates hold text and double-quoted attribute values; a value in any
// other place (unquoted attribute, tag name, script, style) is refused when the template is first used.

/** Finished HTML. Only the `html` tag makes it, so no caller can pass its own text off as markup. */
export class Html {
  readonly #markup: string;
  private constructor(markup: string) {
    this.#markup = markup;
  }
  toString(): string {
    return this.#markup;
  }
  /** @internal for the `html` tag */
  static fromTemplate(strings: TemplateStringsArray, values: readonly HtmlValue[]): Html {
    const places = findPlaces(strings);
    for (const [index, value] of values.entries()) {
      // Text there would be an attribute of its own, and `onfocus=x` has nothing to escape.
      if (places[index] === "attributes" && value !== undefined && !(value instanceof Html)) {
        throw new Error("only Html can stand for whole attributes");
      }
    }
    return new Html(String.raw({ raw: strings }, ...values.map(renderValue)));
  }
}

/** What a template may hold: text is escaped, HTML is kept, undefined leaves nothing. */
export type HtmlValue = string | number | Html | readonly Html[] | undefined;

/** The tag of all templates: html`<p>${anything}</p>`. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return Html.fromTemplate(strings, values);
}

function renderValue(value: HtmlValue): string {
  if (value === undefined) return "";
  if (value instanceof Html) return value.toString();
  if (typeof value === "object") return value.map(String).join("");
  return escapeHtml(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

// A parser replaces these or stops at them; a browser must not be left to choose.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const NOT_FOR_HTML = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

/** Text as it may stand between tags and inside quoted attribute values. */
export function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replace(NOT_FOR_HTML, "\ufffd")
    .replace(/[&<>"'`]/g, (character) => ENTITIES[character] ?? "");
}

type Place = "text or quoted" | "attributes";
const placesOf = new WeakMap<TemplateStringsArray, readonly Place[]>();

/** Where each value of a template stands. Throws for a place where escaping cannot help. */
function findPlaces(strings: TemplateStringsArray): readonly Place[] {
  const known = placesOf.get(strings);
  if (known !== undefined) return known;
  let before = "";
  const places = strings.slice(0, -1).map((part): Place => {
    before += part;
    if (/<(script|style)\b(?![\s\S]*<\/\1>)/i.test(before)) throw new Error("a value stands inside script or style");
    const tag = /<[^<>]*$/.exec(before)?.[0] ?? "";
    const quoted = tag === "" || (tag.match(/"/g)?.length ?? 0) % 2 === 1;
    if (!quoted && !/^<[a-z][^"]*(?:"[^"]*"[^"]*)*\s$/i.test(tag)) {
      throw new Error(`a value stands in a tag outside of double quotes: ${tag}`);
    }
    before += "value";
    return quoted ? "text or quoted" : "attributes";
  });
  placesOf.set(strings, places);
  return places;
}
