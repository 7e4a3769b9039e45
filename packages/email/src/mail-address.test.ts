import { expect, test } from "vitest";
import { maskMailAddress, parseMailAddress } from "./mail-address.ts";

const accepted = [
  "jane@example.com",
  "Jane.Doe+dex@mail.example.co.uk",
  "o'hara_{x}=1@example.com",
  "jane@localhost",
  "jane@xn--bcher-kva.example",
  `${"a".repeat(64)}@example.com`,
];
test.each(accepted)("%s is one plain address (ACC-10)", (address) => {
  expect(parseMailAddress(address)).toEqual({ address });
});

const refused: readonly { what: string; value: unknown }[] = [
  { what: "a list of addresses in an array", value: ["jane@example.com", "eve@evil.example"] },
  { what: "an object", value: { address: "jane@example.com" } },
  { what: "nothing", value: undefined },
  { what: "no @", value: "jane" },
  { what: "an empty local part", value: "@example.com" },
  { what: "an empty domain", value: "jane@" },
  { what: "two addresses", value: "jane@example.com,eve@evil.example" },
  { what: "two addresses with a semicolon", value: "jane@example.com;eve@evil.example" },
  { what: "two @", value: "jane@evil.example@example.com" },
  { what: "a display name", value: "Jane <jane@example.com>" },
  { what: "angle brackets", value: "<jane@example.com>" },
  { what: "a group", value: "all:jane@example.com;" },
  { what: "a comment", value: "jane(eve@evil.example)@example.com" },
  { what: "a quoted local part", value: '"eve@evil.example"@example.com' },
  { what: "a source route", value: "@evil.example:jane@example.com" },
  { what: "a space", value: "jane doe@example.com" },
  { what: "a percent route", value: "eve%evil.example@example.com" },
  { what: "a bang path", value: "evil.example!eve@example.com" },
  { what: "a new header after CRLF", value: "jane@example.com\r\nBcc: eve@evil.example" },
  { what: "a bare line feed", value: "jane@example.com\nBcc: eve@evil.example" },
  { what: "a line feed at the end", value: "jane@example.com\n" },
  { what: "an SMTP command in the local part", value: "jane>\r\nRCPT TO:<eve@evil.example" },
  { what: "a NUL", value: "jane\0@example.com" },
  { what: "a tab", value: "jane\t@example.com" },
  { what: "a full-width @", value: "jane＠example.com" },
  { what: "a letter of another script", value: "jаne@example.com" },
  { what: "an address literal", value: "jane@[127.0.0.1]" },
  { what: "an IPv4 address as domain", value: "jane@127.0.0.1" },
  { what: "two dots in a row", value: "jane..doe@example.com" },
  { what: "a dot at the front", value: ".jane@example.com" },
  { what: "a dot at the end of the domain", value: "jane@example.com." },
  { what: "a label that begins with a hyphen", value: "jane@-example.com" },
  { what: "an encoded word", value: "=?utf-8?q?eve=40evil.example=2C?=@example.com" },
  { what: "a local part of 65 characters", value: `${"a".repeat(65)}@example.com` },
  { what: "255 characters", value: `jane@${"a.".repeat(124)}aa` },
  { what: "a label of 64 characters", value: `jane@${"a".repeat(64)}.com` },
];
test.each(refused)("$what is refused (ACC-10)", ({ value }) => {
  expect(parseMailAddress(value)).toBeUndefined();
});

test("an address of a megabyte is refused at once (ACC-10)", () => {
  const started = performance.now();
  expect(parseMailAddress(`${"a.".repeat(500_000)}@example.com`)).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(50);
});

test("a masked address tells the domain and one letter (LOG-2)", () => {
  const address = parseMailAddress("jane@example.com");
  expect(address && maskMailAddress(address)).toBe("j***@example.com");
});
