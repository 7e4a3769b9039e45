import { expect, test } from "vitest";
import { ApiError, type ApiErrorCode, statusOf } from "./api-error.ts";

const STATUSES: readonly (readonly [ApiErrorCode, number])[] = [
  ["unauthorized", 401],
  ["forbidden", 403],
  ["resource_not_found", 404],
  ["invalid_email", 400],
  ["duplicate_email", 409],
  ["verified_email", 400],
  ["invalid_redirect_url", 400],
  ["max_results_too_high", 400],
  ["invalid_request", 400],
  ["server_error", 500],
];

test.each(STATUSES)("%s goes out with the status %i of dex v1 (v1 D03)", (code, status) => {
  expect(statusOf(code)).toBe(status);
  expect(new ApiError(code, "why").status).toBe(status);
});
