import { expect, test } from "vitest";
import { parse } from "yaml";
import { renderData } from "./render-data.ts";

const hostile = [
  "plain",
  "line\nbreak: x",
  "\u001b[2J cleared",
  "\u202etxt.exe",
  "\u009b2J",
  "a\u2028b\u2029c",
  "\u{e0001}tag",
  "- not a list",
  "yes",
  "",
  "#",
  "'\"\\",
  "x".repeat(5_000),
];
test.each(hostile)("%j comes back from JSON and YAML, and moves nothing on a terminal (LOG-3)", (name) => {
  const value = [{ name, [name]: [name], other: { no: null, yes: true, count: 3 } }];
  const json = renderData(value, "json");
  const yaml = renderData(value, "yaml");
  expect(JSON.parse(json)).toEqual(value);
  expect(parse(yaml)).toEqual(value);
  for (const text of [json, yaml]) expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
});

test("a name with a line break takes one line", () => {
  expect(renderData([{ name: "a\nb" }], "yaml")).toBe('- name: "a\\nb"');
  expect(renderData([], "yaml")).toBe("[]");
});
