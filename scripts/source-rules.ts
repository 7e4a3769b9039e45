// What no source file may contain, whatever it imports.
import { EMPTY_NAMES, TEST_PACKAGES } from "./import-table.ts";
import { lineOf, type SourceText } from "./source-text.ts";

export interface SourceFile {
  /** From the top of the repository, with slashes. */
  readonly path: string;
  /** The folder below packages/. */
  readonly packageName: string;
  readonly isTest: boolean;
  readonly text: string;
  readonly scanned: SourceText;
}

export interface Violation {
  readonly path: string;
  readonly line: number;
  /** What was found, and what to do instead. */
  readonly message: string;
}

interface Rule {
  /** Looked for where comments are blanked; the match must begin in code. */
  readonly pattern: RegExp;
  readonly message: string;
  readonly appliesTo: (file: SourceFile) => boolean;
}

const shipped = (file: SourceFile) => !file.isTest && !TEST_PACKAGES.includes(file.packageName);
const everywhere = () => true;
const mayReadClock = (file: SourceFile) =>
  !shipped(file) || file.packageName === "runtime" || /\/src\/(?:main|wire)\.ts$/.test(file.path);

const RULES: readonly Rule[] = [
  {
    pattern: /\bset\(\s*"trust proxy"\s*,\s*true\b|"trust proxy"\s*[:=]\s*true\b/g,
    message: "trust proxy: true believes every peer's X-Forwarded-For; name the trusted proxies (NET-2)",
    appliesTo: everywhere,
  },
  {
    // Names in capitals are constants of the module: column lists and the like, never input.
    pattern: /\braw(?:<[^>]*>)?\(\s*`[^`]*?\$\{(?![A-Z][A-Z0-9_]*\})/g,
    message: "a value is pasted into SQL text; pass it as a binding, an identifier as ?? (SQL-1)",
    appliesTo: everywhere,
  },
  {
    pattern: /\braw(?:<[^>]*>)?\(\s*(?:"[^"\n]*"|`[^`]*`)\s*\+/g,
    message: "SQL text is put together with +; pass the value as a binding (SQL-1)",
    appliesTo: everywhere,
  },
  {
    pattern:
      /\.(?:innerHTML|outerHTML)\s*=(?!=)|\binsertAdjacentHTML\(|\bdocument\.write(?:ln)?\(|\bunsafeHtml\b|\brawHtml\b/g,
    message: "markup is written without escaping; build it with the html template of web (BRO-11)",
    appliesTo: everywhere,
  },
  {
    pattern: /\bDate\.now\(|\bnew Date\(\s*\)|\bnew Date\b(?!\s*\()/g,
    message: "reads the clock; take `now: Date` or a Clock from the caller",
    appliesTo: (file) => !mayReadClock(file),
  },
  {
    pattern: /\bMath\.random\(|\brandom(?:Bytes|UUID|Int|FillSync|Fill)\(|\bgetRandomValues\(/g,
    message: "makes its own chance; take a Random from the caller",
    appliesTo: (file) => !mayReadClock(file),
  },
];

/** Breaches of the rules above in one file. */
export function findForbiddenText(file: SourceFile): readonly Violation[] {
  return RULES.filter((rule) => rule.appliesTo(file)).flatMap((rule) =>
    [...file.scanned.withoutComments.matchAll(rule.pattern)]
      .filter((match) => file.scanned.codeOnly.charAt(match.index).trim() !== "" || match[0].startsWith('"'))
      .map((match) => ({
        path: file.path,
        line: lineOf(file.text, match.index),
        message: rule.message,
      })),
  );
}

/** A breach when the file's name says nothing about what is inside. */
export function findEmptyName(path: string): Violation | undefined {
  const name = path.split("/").at(-1) ?? "";
  const stem = name.replace(/(?:\.test)?\.[cm]?tsx?$/, "");
  if (!EMPTY_NAMES.includes(stem)) return undefined;
  return { path, line: 1, message: `${name} names nothing; name the file after the one thing in it` };
}
