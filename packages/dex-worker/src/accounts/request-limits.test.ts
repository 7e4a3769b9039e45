import { expect, test } from "vitest";
import { renderWait } from "./request-limits.ts";

test.each([
  { seconds: 1, words: "in a second" },
  { seconds: 90, words: "in 90 seconds" },
  { seconds: 91, words: "in 2 minutes" },
  { seconds: 600, words: "in 10 minutes" },
])("$seconds seconds are $words, never less than they are", ({ seconds, words }) => {
  expect(renderWait(seconds)).toBe(words);
});
