import { expect, test } from "vitest";
import { decodeBase64Url, equalInConstantTime } from "./digest.ts";

test.each([
  ["secret", "secret", true],
  ["secret", "secret\0", false],
  ["secret", "secre", false],
  ["secret", "Secret", false],
  ["", "", true],
  ["", "\0", false],
])("%j and %j compare as %s (TOK-8)", (left, right, equal) => {
  expect(equalInConstantTime(left, right)).toBe(equal);
});

test.each(["AA", "AAA", "_-8", ""])("canonical base64url %j is decoded", (text) => {
  expect(decodeBase64Url(text)).toEqual(Buffer.from(text, "base64url"));
});

test.each(["AB", "AAB", "AA==", "A A", "+/8", "A", "AA\n", "é"])(
  "base64url %j, which another text also stands for, is refused (JWT-9)",
  (text) => {
    expect(decodeBase64Url(text)).toBeUndefined();
  },
);
