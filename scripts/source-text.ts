// Reads a TypeScript file just well enough to find its imports: TypeScript 7 offers no compiler API to ask.

export interface SourceText {
  /** The text with every comment blanked. Offsets and lines are those of the file. */
  readonly withoutComments: string;
  /** The same with the contents of strings, templates and regular expressions blanked as well. */
  readonly codeOnly: string;
}

export interface Import {
  readonly specifier: string;
  /** All that is imported are types. */
  readonly typeOnly: boolean;
  readonly line: number;
}

type Region = "code" | "comment" | "literal";

/** Tells code, comments and literals apart, character by character. */
export function scanSource(text: string): SourceText {
  const withoutComments: string[] = [];
  const codeOnly: string[] = [];
  const emit = (part: string, region: Region) => {
    const blank = part.replace(/[^\n]/g, " ");
    withoutComments.push(region === "comment" ? blank : part);
    codeOnly.push(region === "code" ? part : blank);
  };
  // One entry per open `${`: the depth of braces inside it.
  const templates: number[] = [];
  let position = 0;
  let significant = "";
  while (position < text.length) {
    const rest = text.slice(position, position + 2);
    const character = rest.charAt(0);
    let end = position + 1;
    let region: Region = "code";
    if (rest === "//" || (position === 0 && rest === "#!")) {
      end = indexOrEnd(text, "\n", position);
      region = "comment";
    } else if (rest === "/*") {
      end = indexOrEnd(text, "*/", position + 2) + 2;
      region = "comment";
    } else if (character === '"' || character === "'") {
      end = endOfQuoted(text, position + 1, character);
      region = "literal";
    } else if (character === "`" || (character === "}" && templates.at(-1) === 0)) {
      if (character === "}") templates.pop();
      const template = endOfTemplatePart(text, position + 1);
      end = template.end;
      if (template.opensExpression) templates.push(0);
      region = "literal";
    } else if (character === "/" && startsRegularExpression(significant)) {
      end = endOfRegularExpression(text, position + 1);
      region = "literal";
    } else if (templates.length > 0 && (character === "{" || character === "}")) {
      templates.push((templates.pop() ?? 0) + (character === "{" ? 1 : -1));
    }
    const part = text.slice(position, end);
    emit(part, region);
    if (region !== "comment" && part.trim() !== "") significant = (significant + part).slice(-12);
    position = end;
  }
  return { withoutComments: withoutComments.join(""), codeOnly: codeOnly.join("") };
}

const STATIC = /^(import|export)\b([^;"'`()=]*?)(?:\bfrom\b\s*)?"([^"\n]+)"/gm;
const DYNAMIC = /\b(?:import|import\.meta\.resolve|require\.resolve)\s*\(\s*"([^"\n]+)"/g;

/** Every import and re-export of a scanned file, also dynamic ones. */
export function findImports({ withoutComments, codeOnly }: SourceText): readonly Import[] {
  const found: Import[] = [];
  for (const match of withoutComments.matchAll(STATIC)) {
    const [, keyword = "", clause = "", specifier = ""] = match;
    // The keyword must be code: a template may quote a program.
    if (!codeOnly.startsWith(keyword, match.index)) continue;
    if (keyword === "export" && !/\bfrom\b/.test(match[0])) continue;
    found.push({ specifier, typeOnly: importsTypesOnly(clause), line: lineOf(withoutComments, match.index) });
  }
  for (const match of withoutComments.matchAll(DYNAMIC)) {
    if (codeOnly.charAt(match.index).trim() === "") continue;
    // A type may be written as `import("...")` too; taking it for a value is the strict reading.
    found.push({ specifier: match[1] ?? "", typeOnly: false, line: lineOf(withoutComments, match.index) });
  }
  return found;
}

/** The line, counted from 1, in which `offset` lies. */
export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

function importsTypesOnly(clause: string): boolean {
  const words = clause.trim();
  if (/^type\b/.test(words)) return true;
  const named = /^\{([^}]*)\}$/.exec(words.replace(/\bfrom$/, "").trim());
  if (named === null) return false;
  const names = (named[1] ?? "").split(",").map((name) => name.trim());
  return names.filter((name) => name !== "").every((name) => name.startsWith("type "));
}

function indexOrEnd(text: string, wanted: string, from: number): number {
  const index = text.indexOf(wanted, from);
  return index === -1 ? text.length : index;
}

function endOfQuoted(text: string, from: number, quote: string): number {
  let position = from;
  while (position < text.length && text[position] !== quote && text[position] !== "\n") {
    position += text[position] === "\\" ? 2 : 1;
  }
  return position + 1;
}

function endOfTemplatePart(text: string, from: number): { end: number; opensExpression: boolean } {
  let position = from;
  while (position < text.length) {
    if (text[position] === "`") return { end: position + 1, opensExpression: false };
    if (text.startsWith("${", position)) return { end: position + 2, opensExpression: true };
    position += text[position] === "\\" ? 2 : 1;
  }
  return { end: text.length, opensExpression: false };
}

// A slash divides after a value and opens a regular expression elsewhere; what stands before it decides.
function startsRegularExpression(before: string): boolean {
  const last = before.trimEnd();
  if (last === "" || /\b(?:return|typeof|case|of|in|await|yield)$/.test(last)) return true;
  return /[(,=:[!&|?{};+\-*%<>~^]$/.test(last);
}

function endOfRegularExpression(text: string, from: number): number {
  let position = from;
  let inClass = false;
  while (position < text.length && text[position] !== "\n") {
    const character = text[position];
    if (character === "\\") position++;
    else if (character === "[") inClass = true;
    else if (character === "]") inClass = false;
    else if (character === "/" && !inClass) return position + 1;
    position++;
  }
  return position;
}
