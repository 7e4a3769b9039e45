import { expect, test } from "vitest";
import { canonicalEmail } from "./email-address.ts";

test.each([
  ["jane@example.com", "jane@example.com"],
  ["r@r.com", "r@r.com"],
  ["  Jane.Doe+Tag@EXAMPLE.com\n", "jane.doe+tag@example.com"],
  ["o'brien@sub.example.co.uk", "o'brien@sub.example.co.uk"],
  ["root@localhost", "root@localhost"],
  ["ｊａｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "jane@example.com"],
  ["\u212aate@example.com", "kate@example.com"],
  ["jane@xn--bcher-kva.example", "jane@xn--bcher-kva.example"],
  [`${"a".repeat(64)}@example.com`, `${"a".repeat(64)}@example.com`],
])("%j is known as %s (ACC-3, v1 U03)", (text, canonical) => {
  expect(canonicalEmail(text)).toBe(canonical);
  expect(canonicalEmail(canonical)).toBe(canonical);
});

test.each([
  "",
  "jane",
  "@example.com",
  "jane@",
  "jane@@example.com",
  "jane@evil.example@example.com",
  "jane@example.com,joe@example.com",
  "jane@example.com;joe@example.com",
  "jane@example.com joe@example.com",
  "Jane <jane@example.com>",
  "<jane@example.com>",
  '"jane doe"@example.com',
  "jane(comment)@example.com",
  "group: jane@example.com;",
  ".jane@example.com",
  "jane.@example.com",
  "ja..ne@example.com",
  "jane@example..com",
  "jane@.example.com",
  "jane@example.com.",
  "jane@-example.com",
  "jane@example-.com",
  "jane@[127.0.0.1]",
  "jane@exam_ple.com",
  "jane@example.com\r\nBcc: all@example.com",
  "jane\0@example.com",
  "jane\u200b@example.com",
  "j\u0131m@example.com",
  "jane@b\u00fccher.example",
  "j\u0430ne@example.com",
  `${"a".repeat(65)}@example.com`,
  `jane@${"a".repeat(64)}.com`,
  `jane@${"a.".repeat(130)}com`,
  `${"a".repeat(2000)}@example.com`,
])("%j is not an address (ACC-10)", (text) => {
  expect(canonicalEmail(text)).toBeUndefined();
});
