import { expect, test } from "vitest";
import { decideRefresh } from "./decide-refresh.ts";
import { REFRESH_CASES, REFRESH_CASES_NOW } from "./refresh-token-cases.ts";

/** RFC 8707 §2, RFC 9396 §5. */
const UNGRANTED = expect.stringMatching(/^invalid_(?:target|authorization_details)$/);

test.each(REFRESH_CASES)("a refresh token when $when: $expected ($by)", (row) => {
  const decision = decideRefresh(row.stored, row.request, row, REFRESH_CASES_NOW);
  expect(decision.kind).toBe(row.expected);
  if (decision.kind === "refused" || decision.kind === "replayed") {
    const tooWide = row.when.includes("more scope");
    const code = row.by.startsWith("RFC 8707") || row.by.startsWith("RFC 9396") ? UNGRANTED : "invalid_grant";
    expect(decision.error).toMatchObject({ code: tooWide ? "invalid_scope" : code, status: 400 });
  }
  if (decision.kind === "repeat") expect(decision.sealedSuccessor).toBe(row.stored?.sealedCurrent);
});
