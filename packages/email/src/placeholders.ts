// Text with places for values: `{{ name }}`, or `{{ .name }}` as dex v1 wrote it. No conditions, no loops, no includes.

/** Text whose places are known to be fillable. Made only by parseTemplate. */
export interface Template {
  readonly parts: readonly TemplatePart[];
}

type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly name: string };

export type TemplateResult =
  | { readonly kind: "template"; readonly template: Template }
  /** `line` counts from 1. */
  | { readonly kind: "refused"; readonly line: number; readonly problem: string };

const PLACE = /\{\{(.*?)\}\}/gs;
const NAME = /^\s*\.?([a-z][a-z_]*)\s*$/;

/** Reads the text. It may use these names and no others; what looks like any other template language is refused. */
export function parseTemplate(text: string, names: ReadonlySet<string>): TemplateResult {
  const parts: TemplatePart[] = [];
  let end = 0;
  const refuse = (at: number, problem: string): TemplateResult => ({
    kind: "refused",
    line: text.slice(0, at).split("\n").length,
    problem,
  });
  for (const match of text.matchAll(PLACE)) {
    const name = NAME.exec(match[1] ?? "")?.[1];
    const shown = match[0].slice(0, 40);
    if (name === undefined) return refuse(match.index, `expected {{ name }}, found ${shown}`);
    if (!names.has(name)) {
      return refuse(match.index, `unknown variable ${shown}, expected one of ${[...names].toSorted().join(", ")}`);
    }
    parts.push({ kind: "text", text: text.slice(end, match.index) }, { kind: "value", name });
    end = match.index + match[0].length;
  }
  const rest = text.slice(end);
  const open = rest.indexOf("{{");
  if (open >= 0) return refuse(end + open, "expected {{ name }}, found {{ without its }}");
  return { kind: "template", template: { parts: [...parts, { kind: "text", text: rest }] } };
}

/** Fills the places. `writeText` and `writeValue` turn what stands in the template and what is put in into the output. */
export function fillTemplate(
  { parts }: Template,
  writeText: (text: string) => string,
  writeValue: (name: string) => string,
): string {
  return parts.map((part) => (part.kind === "text" ? writeText(part.text) : writeValue(part.name))).join("");
}

/** Whether a value of this name stands in it somewhere. */
export function usesValue({ parts }: Template, name: string): boolean {
  return parts.some((part) => part.kind === "value" && part.name === name);
}
