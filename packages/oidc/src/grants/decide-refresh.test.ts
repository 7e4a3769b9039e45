import { expect, test } from "vitest";
import { decideRefresh } from "./decide-refresh.ts";
import { REFRESH_CASES, REFRESH_CASES_NOW } from "./refresh-token-cases.ts";

test.each(REFRESH_CASES)("a refresh token when $when: $expected ($by)", (row) => {
  const decision = decideRefresh(row.stored, row.request, row, REFRESH_CASES_NOW);
  expect(decision.kind).toBe(row.expected);
  if (decision.kind === "refused" || decision.kind === "replayed") {
    const tooWide = row.when.includes("more scope");
    expect(decision.error).toMatchObject({ code: tooWide ? "invalid_scope" : "invalid_grant", status: 400 });
  }
  if (decision.kind === "repeat") expect(decision.sealedSuccessor).toBe(row.stored?.sealedCurrent);
});
