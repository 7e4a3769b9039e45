// Directories with texts that take the place of the built-in ones, in the file names of dex v1. Read once, at the start:
// whatever is wrong with them is said then, not when the first mail is due.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseLanguageTag } from "./built-in.ts";
import { bodyVariables, factsOf, MESSAGE_NAMES, type MessageName, subjectVariables } from "./message-names.ts";
import { parseTemplate, type Template, usesValue } from "./placeholders.ts";

/** What replaces a built-in message. HTML alone stays alone; text alone gets its HTML made from it (dex v1 E04). */
export interface MessageOverride {
  readonly subject: Template | undefined;
  readonly text: Template | undefined;
  readonly html: Template | undefined;
}

export interface MailTemplates {
  /** Languages with a directory of their own. */
  readonly languages: ReadonlySet<string>;
  /** What replaces this message; `language` undefined asks for what is there for all languages. */
  find(message: MessageName, language: string | undefined): MessageOverride | undefined;
}

export type MailTemplatesResult =
  | { readonly kind: "read"; readonly templates: MailTemplates }
  /** Sentences, each with the file and, where there is one, the line. */
  | { readonly kind: "refused"; readonly problems: readonly string[] };

/** Nothing is replaced. */
export const NO_TEMPLATES: MailTemplates = { languages: new Set(), find: () => undefined };

const MAX_BYTES = 256 * 1024;
const FILE_NAME = /^(.+)\.(txt|html)$/;
const FILE_NAMES: ReadonlySet<string> = new Set(MESSAGE_NAMES.flatMap((name) => [name, ...factsOf(name).aliases]));

interface FoundFile {
  readonly path: string;
  /** The empty text: for all languages. */
  readonly language: string;
  readonly name: string;
  readonly part: "text" | "html";
}

/** Reads `<name>.txt` and `<name>.html` of each directory and of its directories named by language. Later ones win. */
export function readMailTemplates(directories: readonly string[]): MailTemplatesResult {
  const problems: string[] = [];
  const files = new Map<string, FoundFile>();
  for (const directory of directories) {
    for (const file of listFiles(directory, problems)) files.set(`${file.language}/${file.name}.${file.part}`, file);
  }
  const contents = new Map([...files].map(([key, file]) => [key, readText(file.path, problems)]));
  const overrides = new Map<string, MessageOverride>();
  const languages = new Set([...files.values()].map(({ language }) => language));
  for (const language of languages) {
    for (const message of MESSAGE_NAMES) {
      const name = [message, ...factsOf(message).aliases].find((candidate) =>
        ["text", "html"].some((part) => files.has(`${language}/${candidate}.${part}`)),
      );
      if (name === undefined) continue;
      const source = (part: FoundFile["part"]) => {
        const key = `${language}/${name}.${part}`;
        const content = contents.get(key);
        return content === undefined ? undefined : { path: files.get(key)?.path ?? key, content };
      };
      overrides.set(`${language}/${message}`, compile(message, source("text"), source("html"), problems));
    }
  }
  // The same file may stand for two messages: what is wrong with it is said once.
  if (problems.length > 0) return { kind: "refused", problems: [...new Set(problems)] };
  return {
    kind: "read",
    templates: {
      languages: new Set([...languages].filter((language) => language !== "")),
      find: (message, language = "") => overrides.get(`${language}/${message}`),
    },
  };
}

function listFiles(directory: string, problems: string[], language = ""): readonly FoundFile[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    problems.push(`${directory}: cannot be read (${codeOf(error)}), expected a directory`);
    return [];
  }
  // Names with a dot are what editors and mounted volumes leave behind.
  return names
    .filter((name) => !name.startsWith("."))
    .flatMap((entry) => {
      const path = join(directory, entry);
      const kind = kindOf(path);
      if (kind === "directory" && language === "") {
        const tag = parseLanguageTag(entry);
        if (tag !== undefined) return listFiles(path, problems, tag);
        problems.push(`${path}: is not named by a language, expected one such as de or pt-BR`);
        return [];
      }
      const [, name, extension] = FILE_NAME.exec(entry) ?? [];
      if (kind === "directory" || name === undefined) return [];
      if (FILE_NAMES.has(name)) return [{ path, language, name, part: extension === "txt" ? "text" : "html" } as const];
      problems.push(`${path}: is the name of no mail, expected one of ${[...FILE_NAMES].toSorted().join(", ")}`);
      return [];
    });
}

interface Source {
  readonly path: string;
  readonly content: string;
}

function compile(
  message: MessageName,
  text: Source | undefined,
  html: Source | undefined,
  problems: string[],
): MessageOverride {
  const { subject, body } = splitSubject(text);
  const compiled = {
    subject: subject && parse(subject, subjectVariables(message), problems),
    text: body && parse(body, bodyVariables(message), problems),
    html: html && parse({ ...html, lineOffset: 0 }, bodyVariables(message), problems),
  };
  for (const [part, source] of [
    [compiled.text, text],
    [compiled.html, html],
  ] as const) {
    if (part === undefined || source === undefined) continue;
    if (source.content.trim() === "") problems.push(`${source.path}: is empty`);
    else if (factsOf(message).needsLink && !usesValue(part, "link"))
      problems.push(`${source.path}: does not show {{ link }}, without which this mail is of no use`);
  }
  return compiled;
}

interface Piece extends Source {
  /** Lines of the file before it. */
  readonly lineOffset: number;
}

/** `Subject: ...` in the first line is the subject. */
function splitSubject(source: Source | undefined): { subject: Piece | undefined; body: Piece | undefined } {
  if (source === undefined) return { subject: undefined, body: undefined };
  const [first = "", ...rest] = source.content.split("\n");
  const subject = /^subject:\s*(\S.*)$/i.exec(first.trimEnd())?.[1];
  if (subject === undefined) return { subject: undefined, body: { ...source, lineOffset: 0 } };
  const blank = rest.findIndex((line) => line.trim() !== "");
  const begin = blank < 0 ? rest.length : blank;
  return {
    subject: { ...source, content: subject, lineOffset: 0 },
    body: { ...source, content: rest.slice(begin).join("\n"), lineOffset: 1 + begin },
  };
}

function parse(piece: Piece, names: ReadonlySet<string>, problems: string[]): Template | undefined {
  const result = parseTemplate(piece.content, names);
  if (result.kind === "template") return result.template;
  problems.push(`${piece.path}:${result.line + piece.lineOffset}: ${result.problem}`);
  return undefined;
}

function readText(path: string, problems: string[]): string | undefined {
  try {
    if (statSync(path).size > MAX_BYTES) {
      problems.push(`${path}: is larger than ${MAX_BYTES / 1024} KiB`);
      return undefined;
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path)).replaceAll("\r\n", "\n");
  } catch (error) {
    problems.push(`${path}: cannot be read (${codeOf(error)}), expected text in UTF-8`);
    return undefined;
  }
}

function kindOf(path: string): "directory" | "file" {
  try {
    return statSync(path).isDirectory() ? "directory" : "file";
  } catch {
    return "file"; // which then cannot be read, and that is said
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "no reason given";
}
