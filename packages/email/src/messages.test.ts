import { expect, test } from "vitest";
import { CATALOGUES } from "./built-in.ts";
import { parseMailAddress } from "./mail-address.ts";
import { factsOf, MESSAGE_NAMES } from "./message-names.ts";
import { type Brand, type MailContent, makeMailWriter, speaks } from "./messages.ts";
import { NO_TEMPLATES } from "./template-files.ts";

function addressOf(text: string) {
  const address = parseMailAddress(text);
  if (address === undefined) throw new Error(`${text} is not an address`);
  return address;
}

const brand: Brand = { issuerName: "Example Accounts", issuer: new URL("https://id.example.com/dex") };
const from = addressOf("noreply@example.com");
const replayed: MailContent = {
  message: "refresh-token-replayed",
  to: addressOf("jane@example.com"),
  link: undefined,
  clientName: "Wiki",
  connectorId: undefined,
  occurredAt: new Date("2026-03-01T12:34:56Z"),
  locale: undefined,
};
const link = new URL("https://id.example.com/dex/verify-email?token=dxl_1&x=2");

function write(content: MailContent, more: { brand?: Brand; locale?: string } = {}) {
  const writeMail = makeMailWriter({ brand, from, templates: NO_TEMPLATES, locale: "en", ...more });
  const { subject, text = "", html = "" } = writeMail(content);
  return { subject, text, html };
}

function contentOf(message: MailContent["message"], locale?: string): MailContent {
  const needsLink = factsOf(message).needsLink;
  return { ...replayed, message, locale, connectorId: "github", link: needsLink ? link : undefined };
}

/** What a reader of the HTML part sees. */
const shown = (html: string) =>
  html
    .replace(/<title>.*<\/title>/, "")
    .replace(/<[^>]+>/g, " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replace(/\s+/g, " ")
    .trim();

const languages = Object.keys(CATALOGUES);
const everyMail = languages.flatMap((locale) => MESSAGE_NAMES.map((message) => ({ locale, message })));

test("every language has every message, with the same values in it", () => {
  const placesOf = (text: string) =>
    [...new Set([...text.matchAll(/\{\{ (\w+) \}\}/g)].map(([, name]) => name))].toSorted();
  const shapes = Object.values(CATALOGUES).map(({ messages }) =>
    Object.fromEntries(
      Object.entries(messages).map(([name, { subject, text }]) => [name, [placesOf(subject), placesOf(text)]]),
    ),
  );
  expect(languages).toEqual(["en", "de"]);
  for (const shape of shapes) expect(shape).toEqual(shapes[0]);
  expect(Object.keys(shapes[0] ?? {}).toSorted()).toEqual(MESSAGE_NAMES.toSorted());
});

test.each(everyMail)(
  "$message in $locale says the same in text and in HTML, names who writes and shows every link (ACC-9)",
  ({ message, locale }) => {
    const { subject, text, html } = write(contentOf(message, locale));
    expect(subject).toContain("Example Accounts");
    expect(shown(html)).toBe(text.replace(/\s+/g, " ").trim());
    expect(html).toContain(`<html lang="${locale}">`);
    const hrefs = [...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href?.replaceAll("&amp;", "&"));
    const expected = factsOf(message).needsLink ? [link.href, brand.issuer.href] : [brand.issuer.href];
    expect(hrefs).toEqual(expected);
    for (const href of expected) expect(text.split("\n")).toContain(href);
    const hosts = [...`${text}${html}`.matchAll(/https?:\/\/([^/\s"<]+)/g)].map(([, host]) => host);
    expect(new Set(hosts)).toEqual(new Set(["id.example.com"]));
    const prose = text.split("\n").filter((line) => line !== link.href);
    expect(Math.max(...prose.map((line) => line.length)), "RFC 5322 §2.1.1").toBeLessThan(78);
    expect(`${subject}${text}${html}`).not.toMatch(/\{\{|undefined/);
  },
);

test("the notice of a replayed refresh token names issuer, client and time, in text and in HTML (RFC 9700 §4.14.2)", () => {
  const { subject, text, html } = write(replayed);
  expect(subject).toBe("Example Accounts: one of your sign-ins was ended");
  for (const part of [text.replaceAll("\n", " "), shown(html)]) {
    expect(part).toContain('application "Wiki" through Example Accounts');
    expect(part).toContain("2026-03-01 at 12:34 UTC");
  }
});

const locales = [
  { said: "de", deployment: "en", language: "de" },
  { said: "de-CH", deployment: "en", language: "de" },
  { said: "DE_at", deployment: "en", language: "en" },
  { said: "fr", deployment: "de", language: "de" },
  { said: undefined, deployment: "de-AT", language: "de" },
  { said: "x'; DROP TABLE outbox --", deployment: "en", language: "en" },
  { said: "e".repeat(10_000), deployment: "en", language: "en" },
];
test.each(locales)(
  "a reader of $said at a deployment in $deployment gets $language",
  ({ said, deployment, language }) => {
    expect(write({ ...replayed, locale: said }, { locale: deployment }).html).toContain(`<html lang="${language}">`);
  },
);

test.each([
  { locale: "en", known: true },
  { locale: "de-DE", known: true },
  { locale: "fr", known: false },
  { locale: "../de", known: false },
])("a deployment may speak $locale: $known", ({ locale, known }) => {
  expect(speaks(locale, NO_TEMPLATES)).toBe(known);
});

test("the logo stands at the top when it is an https address, and nowhere otherwise", () => {
  const withLogo = (logo: string) => write(replayed, { brand: { ...brand, logo: new URL(logo) } }).html;
  expect(withLogo("https://cdn.example.com/logo.png?a=1&b=2")).toContain(
    '<img src="https://cdn.example.com/logo.png?a=1&amp;b=2" alt="Example Accounts"',
  );
  for (const logo of ["http://cdn.example.com/logo.png", "data:image/png;base64,AAAA"]) {
    expect(withLogo(logo)).not.toContain("<img");
  }
});

test("a client whose name is gone is still spoken of", () => {
  expect(write({ ...replayed, clientName: undefined }).text).toContain("sign-in to an application through");
});

const hostileNames = [
  { what: "markup", name: '<img src=x onerror="alert(1)">' },
  { what: "a closing quote and a tag", name: `"'><script>alert(1)</script>` },
  { what: "a place for a value", name: "{{ link }}" },
  { what: "line breaks and headers", name: "Wiki\r\nBcc: eve@evil.example\r\n\r\nbody" },
  { what: "line separators", name: "Wiki\u2028Bcc: eve@evil.example\u0085x" },
  { what: "marks that reorder text", name: "\u202eikiW\u2066" },
  { what: "an address that mail programs link", name: "evil.example" },
  { what: "10,000 characters", name: "é".repeat(10_000) },
];
test.each(hostileNames)("a name with $what is shown as one short, harmless line (ACC-9)", ({ name }) => {
  for (const { subject, text, html } of [
    write({ ...replayed, clientName: name }),
    write({ ...replayed, message: "identity-linked", connectorId: name }),
    write(replayed, { brand: { ...brand, issuerName: name } }),
  ]) {
    expect(subject).not.toMatch(/[\r\n\u0085\u2028\u2029\u202e\u2066]/);
    expect(text).not.toMatch(/[\r\u0085\u2028\u2029\u202e\u2066]/);
    expect(text).not.toMatch(/^Bcc/m);
    expect(`${text}${html}`).not.toMatch(/\bevil\.example/);
    expect(html).not.toMatch(/<(img|script)/);
    expect(subject.length).toBeLessThan(160);
  }
});
