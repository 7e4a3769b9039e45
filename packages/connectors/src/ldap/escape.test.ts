import { expect, test } from "vitest";
import { canonicalDn, escapeDnValue, escapeFilterValue } from "./escape.ts";

test.each([
  ["plain", "plain", "plain"],
  ["a*b", "a\\2ab", "a*b"],
  ["(a)", "\\28a\\29", "(a)"],
  ["a\\b", "a\\5cb", "a\\\\b"],
  ["a\0b", "a\\00b", "a\\00b"],
  ["a,b+c", "a,b+c", "a\\,b\\+c"],
  ['"<a>;=', '"<a>;=', '\\"\\<a\\>\\;\\='],
  [" a ", " a ", "\\ a\\ "],
  ["#a", "#a", "\\#a"],
  [" ", " ", "\\ "],
  ["jürgen 李", "jürgen 李", "jürgen 李"],
])("%j in a filter is %j (RFC 4515 §3), in a DN %j (RFC 4514 §2.4) (LDA-1)", (value, inFilter, inDn) => {
  expect(escapeFilterValue(value)).toBe(inFilter);
  expect(escapeDnValue(value)).toBe(inDn);
});

test("one entry's name in two spellings is one, two entries' names are two (LDA-5)", () => {
  expect(canonicalDn("CN=Admins , OU=Groups,DC=x")).toBe(canonicalDn("cn=admins,ou=groups,dc=x"));
  expect(canonicalDn("cn=a\\, b,dc=x")).not.toBe(canonicalDn("cn=a,b,dc=x"));
  expect(canonicalDn("cn=a\\,b,dc=x")).not.toBe(canonicalDn("cn=a,b=dc=x"));
});
