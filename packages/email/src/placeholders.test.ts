import { expect, test } from "vitest";
import { fillTemplate, parseTemplate, usesValue } from "./placeholders.ts";

const names = new Set(["link", "issuer_name"]);

test("places are filled with values, which are not looked at again", () => {
  const result = parseTemplate("Hello {{ issuer_name }}:\n{{link}} {{ .link }}", names);
  if (result.kind === "refused") throw new Error(result.problem);
  const values: Record<string, string> = { link: "{{ issuer_name }}", issuer_name: "<dex>" };
  const filled = fillTemplate(
    result.template,
    (text) => text,
    (name) => values[name] ?? "",
  );
  expect(filled).toBe("Hello <dex>:\n{{ issuer_name }} {{ issuer_name }}");
  expect(usesValue(result.template, "link")).toBe(true);
  expect(usesValue(result.template, "subject")).toBe(false);
});

const refusals = [
  { what: "an unknown variable", text: "a\nb {{ password }}", line: 2, says: "unknown variable {{ password }}" },
  { what: "a condition", text: "{{ if .link }}x{{ end }}", line: 1, says: "expected {{ name }}" },
  { what: "a property of objects", text: "{{ constructor }}", line: 1, says: "unknown variable" },
  { what: "an open place", text: "\n\n{{ link", line: 3, says: "without its }}" },
  { what: "an empty place", text: "{{}}", line: 1, says: "expected {{ name }}" },
  {
    what: "a definition, as whole files of Go templates have them",
    text: '{{define "invite.txt"}}',
    line: 1,
    says: "found",
  },
];
test.each(refusals)("$what is refused, with its line", ({ text, line, says }) => {
  expect(parseTemplate(text, names)).toMatchObject({ kind: "refused", line, problem: expect.stringContaining(says) });
});
