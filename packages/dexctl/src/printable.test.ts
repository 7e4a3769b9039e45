import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { quoteForShell, renderTable, toPrintable } from "./printable.ts";

const values = [
  "plain",
  "",
  "two words",
  "it's",
  "'''",
  "$(id) `id` $HOME",
  'double "quotes"',
  "back\\slash\\",
  "a;b&c|d<e>f",
  "*?[a-z]~",
  "line\nbreak\n",
  "-n",
  "#no comment",
  "~root/x",
  "a=b",
  "ünïcode ✓",
  "!history",
];
test.each(values)("a shell reads %j back as it was", (value) => {
  const script = `VALUE=${quoteForShell(value)}\nprintf %s "$VALUE"`;
  expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(value);
});

test("a hostile name cannot move the cursor, reorder the line or begin another (LOG-3)", () => {
  expect(toPrintable("a\u001b[2Jb\nc\u202ed\u2028e\u0000")).toBe("a\\u001b[2Jb\\u000ac\\u202ed\\u2028e\\u0000");
  expect(renderTable(["name", "kind"], [["x\ny", "public"]])).toBe("NAME      KIND\nx\\u000ay  public");
});

test("a text of any length stays short", () => {
  expect(toPrintable("x".repeat(10_000))).toHaveLength(503);
});
