// Data for programs, safe on a terminal as well: whoever is in the data chose part of its text (LOG-3).
import { Document, isScalar, visit } from "yaml";
import { UNPRINTABLE } from "./printable.ts";

/** How a command can print what it shows. */
export type DataForm = "json" | "yaml";

/** JSON, or YAML of the same members. Controls and marks that reorder text stand as escapes; what is read back is equal. */
export function renderData(value: unknown, form: DataForm): string {
  return escapeUnprintable(form === "json" ? JSON.stringify(value, undefined, 2) : renderYaml(value), form);
}

function renderYaml(value: unknown): string {
  const document = new Document(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_, node) {
      // Only between double quotes has YAML escapes.
      if (isScalar(node) && typeof node.value === "string" && node.value.search(UNPRINTABLE) >= 0) {
        node.type = "QUOTE_DOUBLE";
      }
    },
  });
  return document.toString({ lineWidth: 0, doubleQuotedAsJSON: true }).trimEnd();
}

/** The line breaks left by now are those between members; in a text they are escapes already. */
function escapeUnprintable(text: string, form: DataForm): string {
  return text.replace(UNPRINTABLE, (character) => {
    if (character === "\n") return character;
    // YAML has an escape for what is beyond the first plane, JSON two halves of one.
    if (form === "yaml" && character.length === 2) return `\\U${hex(character.codePointAt(0), 8)}`;
    return [...Array(character.length).keys()].map((index) => `\\u${hex(character.charCodeAt(index), 4)}`).join("");
  });
}

function hex(code: number | undefined, digits: number): string {
  return (code ?? 0).toString(16).padStart(digits, "0");
}
