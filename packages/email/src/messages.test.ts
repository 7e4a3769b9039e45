import { expect, test } from "vitest";
import { type Brand, type MailContent, renderMessage, toMailContent } from "./messages.ts";

const brand: Brand = { issuerName: "Example Accounts", issuer: new URL("https://id.example.com/dex") };
const replayed: MailContent = {
  kind: "refresh-token-replayed",
  clientName: "Wiki",
  occurredAt: new Date("2026-03-01T12:34:56Z"),
};

test("the notice of a replayed refresh token names issuer, client and time, in text and in HTML (RFC 9700 §4.14.2)", () => {
  const { subject, text, html } = renderMessage(replayed, brand);
  expect(subject).toBe("Example Accounts: one of your sign-ins was ended");
  for (const part of [text.replaceAll("\n", " "), html.replaceAll("&quot;", '"')]) {
    expect(part).toContain('application "Wiki" through Example Accounts');
    expect(part).toContain("2026-03-01 at 12:34 UTC");
    expect(part).toContain("https://id.example.com/dex");
  }
});

test("every link of a message leads to the configured issuer (ACC-9)", () => {
  const { text, html } = renderMessage({ ...replayed, clientName: "https://evil.example/login" }, brand);
  const links = [...`${text}${html}`.matchAll(/https?:\/\/[^\s"<]+/g)].map(([link]) => link);
  expect(new Set(links)).toEqual(new Set(["https://id.example.com/dex"]));
});

test("lines of text stay below 78 characters (RFC 5322 §2.1.1)", () => {
  const { text } = renderMessage({ ...replayed, clientName: "a b ".repeat(40) }, brand);
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThan(78);
});

test("a client whose name is gone is still spoken of", () => {
  expect(renderMessage({ ...replayed, clientName: undefined }, brand).text).toContain(
    "sign-in to an application through",
  );
});

const hostileNames = [
  { what: "markup", name: '<img src=x onerror="alert(1)">' },
  { what: "a closing quote and a tag", name: `"'><script>alert(1)</script>` },
  { what: "line breaks and headers", name: "Wiki\r\nBcc: eve@evil.example\r\n\r\nbody" },
  { what: "line separators", name: "Wiki\u2028Bcc: eve@evil.example\u0085x" },
  { what: "marks that reorder text", name: "\u202eikiW\u2066" },
  { what: "an address that mail programs link", name: "evil.example" },
  { what: "10,000 characters", name: "é".repeat(10_000) },
];
test.each(hostileNames)("a name with $what is shown as one short, harmless line (ACC-9)", ({ name }) => {
  for (const where of ["client", "issuer"]) {
    const { subject, text, html } =
      where === "client"
        ? renderMessage({ ...replayed, clientName: name }, brand)
        : renderMessage(replayed, { ...brand, issuerName: name });
    expect(subject).not.toMatch(/[\r\n\u0085\u2028\u2029\u202e\u2066]/);
    expect(text).not.toMatch(/[\r\u0085\u2028\u2029\u202e\u2066]/);
    expect(text).not.toMatch(/^Bcc/m);
    expect(`${text}${html}`).not.toContain("evil.example\n");
    expect(`${text}${html}`).not.toMatch(/\bevil\.example/);
    expect(html).not.toMatch(/<(img|script)/);
    expect(subject.length).toBeLessThan(160);
  }
});

test("a row of a kind that this version does not know has no content", () => {
  expect(
    toMailContent({ kind: "of-tomorrow", clientName: undefined, occurredAt: replayed.occurredAt }),
  ).toBeUndefined();
});
