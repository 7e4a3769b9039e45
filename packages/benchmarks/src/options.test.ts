import { expect, test } from "vitest";
import { parseOptions } from "./options.ts";

const names = ["discovery", "refresh"];

test("without flags everything is measured once, for five seconds each", () => {
  expect(parseOptions([], names)).toMatchObject({
    kind: "run",
    options: { seconds: 5, warmUpSeconds: 2, rounds: 1, concurrency: 8, only: [], json: undefined, record: undefined },
  });
});

test("scenarios are chosen by name", () => {
  const argv = ["--only", "refresh", "--only", "discovery", "--seconds", "0.5"];
  expect(parseOptions(argv, names)).toMatchObject({
    options: { only: ["refresh", "discovery"], seconds: 0.5, warmUpSeconds: 0.25 },
  });
});

const mistakes = [
  { argv: ["--seconds", "0"], says: "--seconds" },
  { argv: ["--seconds", "61"], says: "at most 60" },
  { argv: ["--rounds", "1.5"], says: "--rounds" },
  { argv: ["--concurrency", "many"], says: "--concurrency" },
  { argv: ["--only", "nothing"], says: "discovery, refresh" },
  { argv: ["--record", "../x"], says: "--record" },
  { argv: ["--unknown"], says: "--unknown" },
];
test.each(mistakes)("$argv is refused", ({ argv, says }) => {
  const decision = parseOptions(argv, names);
  expect(decision).toMatchObject({ kind: "exit", code: 2, message: expect.stringContaining(says) });
});

test("all mistakes are told at once", () => {
  const decision = parseOptions(["--seconds", "x", "--rounds", "x"], names);
  expect(decision).toMatchObject({ message: expect.stringMatching(/--seconds[\s\S]*--rounds/) });
});
