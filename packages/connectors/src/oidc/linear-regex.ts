// Patterns of operators on text of strangers, matched in time linear in the text: JavaScript's own matching can take
// exponential time, which RE2 (dex v2's) never does. Thompson's construction; what was matched is of no interest.
import {
  type Assertion,
  type CharTest,
  isWordChar,
  parseRegex,
  type RegexNode,
  RegexSyntaxError,
} from "./linear-regex-syntax.ts";

/** A pattern that is matched in time linear in the text. */
export interface LinearRegex {
  /** Whether it is found anywhere in the text. */
  test(text: string): boolean;
}

type Step =
  | { readonly op: "char"; readonly test: CharTest; next: number }
  | { readonly op: "assert"; readonly what: Assertion; next: number }
  | { readonly op: "split"; next: number; other: number }
  | { readonly op: "found" };

/** A repetition multiplies what it repeats: `(((a{100}){100}){100})` is short and large. */
const MAX_STEPS = 2000;

/** Throws RegexSyntaxError for what is no pattern of RE2, or too large a one. */
export function compileLinearRegex(pattern: string): LinearRegex {
  const steps: Step[] = [];
  const start = build(parseRegex(pattern), add(steps, { op: "found" }), steps);
  return {
    test: (text) =>
      isFound(
        steps,
        start,
        [...text].map((char) => char.codePointAt(0) ?? 0),
      ),
  };
}

/** What is wrong with a pattern; undefined for a good one. */
export function explainRegex(pattern: string): string | undefined {
  try {
    compileLinearRegex(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof RegexSyntaxError) return `expected a regular expression of RE2: ${error.message}`;
    throw error;
  }
}

function add(steps: Step[], step: Step): number {
  if (steps.length >= MAX_STEPS) throw new RegexSyntaxError("too large");
  return steps.push(step) - 1;
}

/** Adds the steps of `node`, which lead to `next`, and returns the first of them. */
function build(node: RegexNode, next: number, steps: Step[]): number {
  switch (node.kind) {
    case "char":
      return add(steps, { op: "char", test: node.test, next });
    case "assert":
      return add(steps, { op: "assert", what: node.what, next });
    case "all":
      return node.of.reduceRight((following, part) => build(part, following, steps), next);
    case "any":
      return node.of
        .map((part) => build(part, next, steps))
        .reduceRight((other, first) => add(steps, { op: "split", next: first, other }));
    case "repeat":
      return buildRepeat(node, next, steps);
  }
}

function buildRepeat({ of, min, max }: RegexNode & { kind: "repeat" }, next: number, steps: Step[]): number {
  let first = next;
  if (max === undefined) {
    const loop: Step = { op: "split", next, other: next };
    first = add(steps, loop);
    loop.next = build(of, first, steps);
  } else {
    for (let count = min; count < max; count += 1) {
      first = add(steps, { op: "split", next: build(of, first, steps), other: next });
    }
  }
  for (let count = 0; count < min; count += 1) first = build(of, first, steps);
  return first;
}

function isFound(steps: readonly Step[], start: number, text: readonly number[]): boolean {
  let current: number[] = [];
  for (let at = 0; at <= text.length; at += 1) {
    // It may begin anywhere.
    const reached = follow(steps, [...current, start], text, at);
    if (reached === "found") return true;
    const char = text[at];
    if (char === undefined) return false;
    current = [];
    for (const index of reached) {
      const step = steps[index];
      if (step?.op === "char" && step.test(char)) current.push(step.next);
    }
  }
  return false;
}

/** All steps that take a character and are reached from `from` without one; each step is visited once. */
function follow(
  steps: readonly Step[],
  from: readonly number[],
  text: readonly number[],
  at: number,
): number[] | "found" {
  const seen = new Set<number>();
  const waiting = [...from];
  const reached: number[] = [];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (seen.has(index)) continue;
    seen.add(index);
    const step = steps[index];
    if (step === undefined || step.op === "found") return "found";
    if (step.op === "char") reached.push(index);
    else if (step.op === "split") waiting.push(step.next, step.other);
    else if (holds(step.what, text, at)) waiting.push(step.next);
  }
  return reached;
}

function holds(what: Assertion, text: readonly number[], at: number): boolean {
  const before = text[at - 1];
  const after = text[at];
  const isWord = (char: number | undefined) => char !== undefined && isWordChar(char);
  switch (what) {
    case "start":
      return before === undefined;
    case "end":
      return after === undefined;
    case "line start":
      return before === undefined || before === 10;
    case "line end":
      return after === undefined || after === 10;
    case "word":
      return isWord(before) !== isWord(after);
    case "no word":
      return isWord(before) === isWord(after);
  }
}
