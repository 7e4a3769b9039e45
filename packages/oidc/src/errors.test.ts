import { expect, test } from "vitest";
import { BearerTokenMissing, OAuthError, renderBearerChallenge, renderErrorBody } from "./errors.ts";

const statuses = [
  { code: "invalid_request", status: 400, by: "RFC 6749 §5.2" },
  { code: "invalid_client", status: 401, by: "RFC 6749 §5.2" },
  { code: "invalid_grant", status: 400, by: "RFC 6749 §5.2" },
  { code: "invalid_token", status: 401, by: "RFC 6750 §3.1" },
  { code: "insufficient_scope", status: 403, by: "RFC 6750 §3.1" },
  { code: "temporarily_unavailable", status: 503, by: "RFC 6749 §4.1.2.1" },
  { code: "too_many_requests", status: 429, by: "TOK-18" },
] as const;
test.each(statuses)("$code means $status ($by, v1 T21)", ({ code, status }) => {
  expect(new OAuthError(code, "x").status).toBe(status);
});

test("what goes out holds the characters of the RFCs alone, and never the detail (RFC 6749 §5.2, RFC 6750 §3)", () => {
  const error = new OAuthError("invalid_token", 'a "b"\r\n\\ \u00e4\u{1f600}~', { detail: "for operators" });
  expect(renderErrorBody(error)).toEqual({ error: "invalid_token", error_description: "a ?b???? ??~" });
  expect(renderBearerChallenge(error)).toBe(
    'Bearer realm="dex", error="invalid_token", error_description="a ?b???? ??~"',
  );
});

test("a challenge for a request without a token names no error (RFC 6750 §3.1)", () => {
  expect(renderBearerChallenge(new BearerTokenMissing("nothing"))).toBe('Bearer realm="dex"');
});
