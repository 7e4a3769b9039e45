import { describe, expect, test } from "vitest";
import { compileLinearRegex, explainRegex } from "./linear-regex.ts";

describe("a pattern", () => {
  const rows: [pattern: string, matching: string[], others: string[]][] = [
    ["", ["", "a"], []],
    ["^.*\\d$", ["group1", "2"], ["groupA", "1a", ""]],
    ["^(admins|dev-.+)$", ["admins", "dev-x"], ["admin", "dev-", "xadmins"]],
    ["b", ["abc"], ["ac"]],
    ["^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]],
    ["^a{2}$", ["aa"], ["a", "aaa"]],
    ["^a{2,}$", ["aa", "aaaaa"], ["a"]],
    ["^a{,2}$", ["a{,2}"], ["a", "aa"]],
    ["^(?:ab)*?c+?$", ["c", "ababcc"], ["ab", "abac"]],
    ["^(?i)Admin(?-i)S$", ["aDMINS"], ["ADMINs"]],
    ["^(?i:[a-c])x$", ["Bx"], ["BX", "Dx"]],
    ["^(?P<team>\\w+)/(?<role>\\w+)$", ["a/b"], ["a/", "a/b c"]],
    ["^[^a-c\\s-]+$", ["xyz"], ["b", "x y", "x-y"]],
    ["^[]a]+$", ["]a"], ["b"]],
    ["^[a\\]\\-]+$", ["]-a"], ["b"]],
    ["^[[:alpha:]]+[[:^digit:]]$", ["ab!"], ["ab1", "1a"]],
    ["^\\p{Lu}\\pL\\P{L}$", ["Äb1"], ["äb1", "Äbc"]],
    ["^\\p{Greek}+$", ["αβ"], ["ab"]],
    ["^\\x41\\x{1F600}\\065$", ["A😀5"], ["A😀6"]],
    ["^\\Qa.b*\\E+$", ["a.b*", "a.b***"], ["axb*", "a.b"]],
    ["\\bdev\\b", ["a dev b", "dev"], ["devs", "adev"]],
    ["a\\Bb", ["ab"], ["a b"]],
    ["^a.c$", ["abc"], ["a\nc"]],
    ["(?s)^a.c$", ["a\nc"], []],
    ["(?m)^b$", ["a\nb\nc"], ["ab"]],
    ["\\Ab\\z", ["b"], ["ab", "b\n"]],
    ["^(|a)b$", ["b", "ab"], ["aab"]],
    ["^(a*)*$", ["", "aaa"], ["b"]],
    ["x{", ["x{"], ["x"]],
  ];
  test.each(rows)("%j is found where RE2 finds it (C 153)", (pattern, matching, others) => {
    const regex = compileLinearRegex(pattern);
    for (const text of matching) expect(regex.test(text), text).toBe(true);
    for (const text of others) expect(regex.test(text), text).toBe(false);
  });

  const refusals = [
    ...["(", ")", "[a", "a**", "a{2}{3}", "*a", "\\", "(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "\\1", "\\k<a>", "(?P<>a)"],
    ...["[b-a]", "\\p{Nonsense}", "\\x{110000}", "a{2,1}", "a{1001}", "[[:nonsense:]]", "(?x)a", "(a", "\\y"],
    ...["((a{100}){100}){100}", "a".repeat(1001), "(".repeat(101) + ")".repeat(101)],
  ];
  test.each(refusals)("%j is refused, not ignored (C 153)", (pattern) => {
    expect(explainRegex(pattern)).toMatch(/^expected a regular expression/);
  });

  // Each of these takes JavaScript's own matching longer than anybody waits.
  test.each(["^(a+)+$", "^(a|a)*$", "^(.*a){20}$", "(x+x+)+y"])(
    "%j takes no exponential time",
    (pattern) => {
      expect(compileLinearRegex(pattern).test(`${"a".repeat(200)}${"x".repeat(54)}!`)).toBe(false);
    },
    2_000,
  );
});
