// What our mails say: pure functions from data to text. Hosts come from the configured issuer only (ACC-9).
import { compileLanguages, FALLBACK_LANGUAGE, type Language, parseLanguageTag, widenLanguageTag } from "./built-in.ts";
import type { MailAddress } from "./mail-address.ts";
import type { MessageName } from "./message-names.ts";
import { fillTemplate, type Template } from "./placeholders.ts";
import type { MailTemplates, MessageOverride } from "./template-files.ts";

/** Who the mail is from, as its reader knows them. Configuration, never taken from a request. */
export interface Brand {
  readonly issuerName: string;
  readonly issuer: URL;
  /** Shown at the top of the HTML part when it is an https address. */
  readonly logo?: URL | undefined;
}

/** Everything a message can say. Names in it are other people's words and are shown as such. */
export interface MailContent {
  readonly message: MessageName;
  readonly to: MailAddress;
  readonly link: URL | undefined;
  readonly clientName: string | undefined;
  readonly connectorId: string | undefined;
  readonly occurredAt: Date;
  /** A BCP 47 tag. */
  readonly locale: string | undefined;
}

export interface RenderedMessage {
  readonly subject: string;
  /** At least one of the two is there. */
  readonly text: string | undefined;
  readonly html: string | undefined;
}

export interface MailWriterParts {
  readonly brand: Brand;
  readonly from: MailAddress;
  readonly templates: MailTemplates;
  /** The language of whoever has not said theirs. */
  readonly locale: string;
}

/** The message as plain text and as HTML, saying the same. */
export type WriteMail = (content: MailContent) => RenderedMessage;

/** Whether there is anything in this language or in what it narrows. */
export function speaks(locale: string, templates: MailTemplates): boolean {
  const known = new Set([...compileLanguages().keys(), ...templates.languages]);
  const tag = parseLanguageTag(locale);
  return tag !== undefined && widenLanguageTag(tag).some((language) => known.has(language));
}

export function makeMailWriter({ brand, from, templates, locale }: MailWriterParts): WriteMail {
  const languages = compileLanguages();
  return (content) => {
    const own = [...tagsOf(locale), FALLBACK_LANGUAGE];
    const wanted = [...tagsOf(content.locale), ...own];
    const { language, override } = choose(content.message, { wanted, own, languages, templates });
    const builtIn = language.messages.get(content.message);
    if (builtIn === undefined) throw new Error(`no message ${content.message}`); // the type of a catalogue has them all
    const values = toValues(content, language, brand, from);
    const subject = fillLine(override?.subject ?? builtIn.subject, values);
    const all = new Map([...values, ["subject", { text: subject }]]);
    if (override === undefined)
      return renderText(subject, builtIn.text, all, { brand, lang: language.tag, lines: "wrap" });
    const { html } = override;
    const text = override.text && renderText(subject, override.text, all, { brand, lang: language.tag, lines: "keep" });
    return {
      subject,
      text: text?.text,
      html:
        html === undefined
          ? text?.html
          : fillTemplate(
              html,
              (literal) => literal,
              (name) => escapeHtml(findValue(all, name).text),
            ),
    };
  };
}

function tagsOf(locale: string | undefined): readonly string[] {
  const tag = locale === undefined ? undefined : parseLanguageTag(locale);
  return tag === undefined ? [] : widenLanguageTag(tag);
}

interface Choice {
  /** Languages by preference; the last one is ours. */
  readonly wanted: readonly string[];
  /** Those of the deployment, in which its texts for all languages are written. */
  readonly own: readonly string[];
  readonly languages: ReadonlyMap<string, Language>;
  readonly templates: MailTemplates;
}

/** What operators put into a message's place comes before the built-in one: in the reader's language, else for all. */
function choose(
  message: MessageName,
  { wanted, own, languages, templates }: Choice,
): { language: Language; override: MessageOverride | undefined } {
  const firstOf = (tags: readonly string[]): Language => {
    const [language] = tags.flatMap((tag) => languages.get(tag) ?? []);
    if (language === undefined) throw new Error("the last language wanted is one of ours");
    return language;
  };
  const forAll = templates.find(message, undefined);
  for (const tag of wanted) {
    const override = templates.find(message, tag);
    if (override !== undefined) return { language: { ...firstOf(wanted), tag }, override };
    if (forAll === undefined && languages.has(tag)) break;
  }
  if (forAll === undefined) return { language: firstOf(wanted), override: undefined };
  return { language: { ...firstOf(own), tag: own[0] ?? FALLBACK_LANGUAGE }, override: forAll };
}

/** `link`: an address of ours, to be opened by a click. */
interface Value {
  readonly text: string;
  readonly link?: true;
}
type Values = ReadonlyMap<string, Value>;

function toValues(content: MailContent, language: Language, brand: Brand, from: MailAddress): Values {
  const { to, link, clientName, connectorId, occurredAt } = content;
  const client =
    clientName === undefined
      ? fillLine(language.someClient, new Map())
      : fillLine(language.namedClient, new Map([["client_name", { text: toShownName(clientName) }]]));
  return new Map<string, Value>([
    ["email", { text: to.address }],
    ["to", { text: to.address }],
    ["from", { text: from.address }],
    ["issuer_name", { text: toShownName(brand.issuerName) }],
    ["issuer", { text: brand.issuer.href, link: true }],
    ["time", { text: renderInstant(occurredAt, language.instant) }],
    ["client", { text: client }],
    ["connector", { text: toShownName(connectorId ?? "") }],
    ...(link === undefined ? [] : [["link", { text: link.href, link: true }] as const]),
  ]);
}

function findValue(values: Values, name: string): Value {
  const value = values.get(name);
  // Templates are checked against what their message has; a message with a link is not written without it.
  if (value === undefined) throw new Error(`the message has no ${name}`);
  return value;
}

function fillLine(template: Template, values: Values): string {
  const line = fillTemplate(
    template,
    (text) => text,
    (name) => findValue(values, name).text,
  );
  return line.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
}

interface TextOptions {
  readonly brand: Brand;
  readonly lang: string;
  /** `wrap`: a paragraph is one long line in the template. */
  readonly lines: "wrap" | "keep";
}

/** Text, and HTML made from it: blank lines end paragraphs, addresses of ours become links that show where they lead. */
function renderText(
  subject: string,
  template: Template,
  values: Values,
  { brand, lang, lines }: TextOptions,
): RenderedMessage & { text: string; html: string } {
  const text = fillTemplate(
    template,
    (literal) => literal,
    (name) => findValue(values, name).text,
  ).trimEnd();
  const body = fillTemplate(template, escapeHtml, (name) => {
    const value = findValue(values, name);
    const shown = escapeHtml(value.text);
    return value.link === true ? `<a href="${shown}">${shown}</a>` : shown;
  });
  const paragraphs = body
    .trim()
    .split(/\n(?:[ \t]*\n)+/)
    .map((paragraph) => `<p>${paragraph.split("\n").join("<br>\n")}</p>`);
  const wrapped = lines === "wrap" ? text.split("\n").map(wrap).join("\n") : text;
  return { subject, text: `${wrapped}\n`, html: renderPage(subject, paragraphs, brand, lang) };
}

function renderPage(subject: string, paragraphs: readonly string[], brand: Brand, lang: string): string {
  const style = "font-family:sans-serif;font-size:16px;line-height:1.5;color:#1a1a1a;max-width:36em";
  const { logo } = brand;
  // The name stands in its place where pictures are not shown.
  const name = escapeHtml(toShownName(brand.issuerName));
  const header =
    logo?.protocol === "https:"
      ? [`<p><img src="${escapeHtml(logo.href)}" alt="${name}" style="max-height:48px;max-width:240px"></p>`]
      : [];
  return [
    `<!doctype html>\n<html lang="${escapeHtml(lang)}">\n<head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>`,
    `<body style="${style}">`,
    ...header,
    ...paragraphs,
    "</body>\n</html>\n",
  ].join("\n");
}

const MAX_NAME = 80;

/**
 * A name chosen by somebody else, on one line and bounded, without controls or marks that reorder text. Dots and colons
 * get a zero-width space behind them, so that no mail program turns a client called "evil.example" into a link.
 */
function toShownName(name: string): string {
  const line = name.replace(/[\p{C}\p{Z}\s]+/gu, " ").trim();
  const characters = [...line];
  const short = characters.length > MAX_NAME ? `${characters.slice(0, MAX_NAME).join("")}...` : line;
  return short.replace(/[.:@](?=\S)/g, "$&\u200b");
}

function renderInstant(instant: Date, template: Template): string {
  const [year = "", month = "", day = "", clock = ""] = instant.toISOString().split(/[-T]/);
  const values = { year, month, day, clock: clock.slice(0, 5) };
  return fillLine(template, new Map(Object.entries(values).map(([name, text]) => [name, { text }])));
}

function escapeHtml(text: string): string {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" } as const;
  return text.replace(/[&<>"']/g, (character) => entities[character as keyof typeof entities]);
}

const LINE_WIDTH = 72;

/** RFC 5322 §2.1.1 asks for lines below 78 characters. A link is never broken. */
function wrap(paragraph: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of paragraph.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > LINE_WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join("\n");
}
