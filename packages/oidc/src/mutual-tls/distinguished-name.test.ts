import { expect, test } from "vitest";
import { comparableName } from "./distinguished-name.ts";

const same: readonly (readonly [string, string, string])[] = [
  ["types in another case", "CN=client,O=Acme", "cn=client,o=Acme"],
  ["spaces around commas and equals signs", "CN=client,O=Acme", " CN = client ,  O = Acme "],
  ["types as object identifiers", "CN=client,UID=7", "2.5.4.3=client,0.9.2342.19200300.100.1.1=7"],
  ["two names of one type", "SERIALNUMBER=1,emailAddress=a@b", "2.5.4.5=1,1.2.840.113549.1.9.1=a@b"],
  ["values in hexadecimal", "CN=client", "CN=#0C06636C69656E74"],
  ["values of another string type", "CN=#0c06636c69656e74", "CN=#1306636c69656e74"],
  ["escapes of characters and of their bytes", "O=Acme\\, Inc.", "O=Acme\\2C Inc."],
  ["letters and their bytes in UTF-8", "CN=Lu\\C4\\8Di\\C4\\87", "CN=Lu\u010di\u0107"],
  ["attributes of one set in another order", "CN=client+UID=7,O=Acme", "UID=7 + CN=client,O=Acme"],
  ["escaped spaces, inside and at the end", "CN=\\ a b\\ ", "CN=\\20a b\\20"],
];
test.each(same)("names with %s are the same (RFC 4514 §3)", (_what, one, other) => {
  expect(comparableName(one)).toBeTypeOf("string");
  expect(comparableName(other)).toBe(comparableName(one));
});

const different: readonly (readonly [string, string, string])[] = [
  ["in another order", "CN=client,O=Acme", "O=Acme,CN=client"],
  ["with a value in another case", "CN=client", "CN=Client"],
  ["with one part more", "CN=client", "CN=client,O=Acme"],
  ["of one set and of two", "CN=client+UID=7", "CN=client,UID=7"],
  ["with a comma in the value and with a part more", "CN=client\\,O=Acme", "CN=client,O=Acme"],
  ["with a space at the end", "CN=client", "CN=client\\ "],
  ["with an escaped backslash", "CN=a\\\\2C", "CN=a\\2C"],
];
test.each(different)("names %s are others (RFC 4514 §2)", (_what, one, other) => {
  expect(comparableName(one)).toBeTypeOf("string");
  expect(comparableName(other)).toBeTypeOf("string");
  expect(comparableName(other)).not.toBe(comparableName(one));
});

test.each([
  ...["", "client", "CN", "CN=", "CN=,O=a", "=client", "CN=client,", ",CN=client", "CN=client+", "CN=a;O=b"],
  ...["CN=a\\", "CN=a\\x", 'CN="a"', "CN=a\0", "XX=a", "CN=#0c", "CN=#0c0661", "CN=#0203010001", "CN=#zz"],
  ...["CN=a\\FF", "/CN=client", "CN=a\nO=b=c,", "CN=#0c01610c0162"],
])("%j is no name (RFC 4514 §3)", (text) => {
  expect(comparableName(text)).toBeUndefined();
});

test("a name of a thousand characters is read at once", () => {
  const began = performance.now();
  for (const part of ["\\ ", " ", "\\", "CN=a+", "\\20", "#0c"]) comparableName(`CN=${part.repeat(1000)}`);
  expect(performance.now() - began).toBeLessThan(200);
});
