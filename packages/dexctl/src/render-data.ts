// Data for programs, safe on a terminal as well: whoever is in the data chose part of its text (LOG-3).
import { Document, isScalar, visit } from "yaml";
import { UNPRINTABLE } from "./printable.ts";

/** How a command can print what it shows. */
export type DataForm = "json" | "yaml";

/** JSON, or YAML of the same members. Controls and marks that reorder text stand as escapes; what is read back is equal. */
export function renderData(value: unknown, form: DataForm): string {
  return escapeUnprintable(form === "json" ? JSON.stringify(value, undefined, 2) : renderYaml(value));
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
function escapeUnprintable(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    character === "\n"
      ? character
      : [...Array(character.length).keys()]
          .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
          .join(""),
  );
}
