import { expect, test } from "vitest";
import { parseTokenAnswer } from "./token-answer.ts";

const JSON_TYPE = "application/json; charset=utf-8";
const FORM = "application/x-www-form-urlencoded";

test.each([
  { what: "JSON", type: JSON_TYPE, text: '{"access_token":"abc","token_type":"bearer","expires_in":"3600"}' },
  { what: "a form", type: FORM, text: "access_token=abc&scope=user%3Aemail&token_type=bearer" },
  { what: "plain text that is a form", type: "text/plain", text: "access_token=abc" },
  { what: "no token type", type: JSON_TYPE, text: '{"access_token":"abc"}' },
  { what: "a type in capitals", type: JSON_TYPE, text: '{"access_token":"abc","token_type":"BEARER"}' },
])("a token is found in $what", ({ type, text }) => {
  expect(parseTokenAnswer(200, type, text)).toMatchObject({ kind: "token", accessToken: "abc" });
});

test.each([
  { sent: "3600", means: 3600 },
  { sent: '"3600"', means: 3600 },
  { sent: '"soon"', means: undefined },
  { sent: "0", means: undefined },
  { sent: "-5", means: undefined },
  { sent: "null", means: undefined },
  { sent: "1e300", means: 315_360_000 },
])("a lifetime of $sent means $means (C 28)", ({ sent, means }) => {
  const answer = parseTokenAnswer(200, JSON_TYPE, `{"access_token":"abc","expires_in":${sent},"id_token":"x.y.z"}`);
  expect(answer).toMatchObject({ kind: "token", expiresInSeconds: means, body: { id_token: "x.y.z" } });
});

test.each([
  { sent: '"r-1"', means: "r-1" },
  { sent: '"a\\nb"', means: undefined },
  { sent: "5", means: undefined },
])("a refresh token $sent is read as $means", ({ sent, means }) => {
  const answer = parseTokenAnswer(200, JSON_TYPE, `{"access_token":"abc","refresh_token":${sent}}`);
  expect(answer).toMatchObject({ kind: "token", refreshToken: means });
});

const refusals = [
  {
    when: "it is an error with status 200",
    status: 200,
    type: JSON_TYPE,
    text: '{"error":"x","access_token":"abc"}',
    ours: false,
  },
  {
    when: "the error is an object, as Facebook's",
    status: 200,
    type: JSON_TYPE,
    text: '{"error":{"type":"OAuthException","message":"no"},"access_token":"abc"}',
    ours: false,
  },
  { when: "it is an error in a form", status: 200, type: FORM, text: "error=bad_verification_code", ours: false },
  { when: "our client is unknown", status: 400, type: JSON_TYPE, text: '{"error":"invalid_client"}', ours: true },
  {
    when: "GitHub calls our secret wrong",
    status: 200,
    type: FORM,
    text: "error=incorrect_client_credentials",
    ours: true,
  },
  {
    when: "the server is in trouble",
    status: 400,
    type: JSON_TYPE,
    text: '{"error":"temporarily_unavailable"}',
    ours: true,
  },
  { when: "the status is 401", status: 401, type: JSON_TYPE, text: "{}", ours: true },
  { when: "the status is 400", status: 400, type: JSON_TYPE, text: '{"access_token":"abc"}', ours: false },
  { when: "there is no token", status: 200, type: JSON_TYPE, text: "{}", ours: false },
  { when: "it is HTML", status: 200, type: "text/html", text: "<html>", ours: false },
  { when: "it is null", status: 200, type: JSON_TYPE, text: "null", ours: false },
  { when: "the token comes twice", status: 200, type: FORM, text: "access_token=a&access_token=b", ours: false },
  { when: "the token would break a header", status: 200, type: FORM, text: "access_token=a%0d%0ab", ours: false },
  { when: "the token is of another type", status: 200, type: FORM, text: "access_token=a&token_type=mac", ours: false },
];
test.each(refusals)("an answer is refused when $when (C 29, OAU-1)", ({ status, type, text, ours }) => {
  expect(parseTokenAnswer(status, type, text)).toMatchObject({ kind: "refused", ourFault: ours });
});
