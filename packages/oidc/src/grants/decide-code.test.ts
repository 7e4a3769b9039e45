import { expect, test } from "vitest";
import { CODE_CASES, CODE_CASES_NOW } from "./authorization-code-cases.ts";
import { decideCode } from "./decide-code.ts";

/** RFC 8707 §2, RFC 9396 §5. */
const UNGRANTED = expect.stringMatching(/^invalid_(?:target|authorization_details)$/);

test.each(CODE_CASES)("a code when $when: $expected ($by)", ({ stored, request, expected, by }) => {
  const decision = decideCode(stored, request, CODE_CASES_NOW);
  expect(decision.kind).toBe(expected);
  const code = by.startsWith("RFC 8707") || by.startsWith("RFC 9396") ? UNGRANTED : "invalid_grant";
  if (decision.kind !== "redeem") expect(decision.error).toMatchObject({ code, status: 400 });
});

test("a replayed code names the families that its first use opened and that were opened with it (TOK-1)", () => {
  const [row] = CODE_CASES.filter(({ expected }) => expected === "replayed");
  const { stored = expect.fail(), request = expect.fail() } = row ?? {};
  expect(stored.familyId).toBeDefined();
  expect(decideCode(stored, request, CODE_CASES_NOW)).toMatchObject({ familyIds: [stored.familyId] });
  const beside = { ...stored, frontChannelFamilyId: "beside" };
  expect(decideCode(beside, request, CODE_CASES_NOW)).toMatchObject({ familyIds: [stored.familyId, "beside"] });
});

test("every refusal reads the same to the client, and differently to operators", () => {
  const errors = CODE_CASES.map(({ stored, request }) => decideCode(stored, request, CODE_CASES_NOW)).flatMap(
    (decision) => (decision.kind === "redeem" || decision.error.code !== "invalid_grant" ? [] : [decision.error]),
  );
  expect(new Set(errors.map((error) => error.message)).size).toBe(1);
  expect(new Set(errors.map((error) => error.detail)).size).toBeGreaterThan(7);
});
