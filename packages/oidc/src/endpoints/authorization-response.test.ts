import { expect, test } from "vitest";
import { issuer } from "../../test/fakes.ts";
import { matchRedirectUri } from "../clients/redirect-uri.ts";
import { OAuthError } from "../errors.ts";
import { renderAuthorizationError, renderAuthorizationSuccess } from "./authorization-response.ts";

function target(uri: string, state: string | undefined) {
  return {
    redirectUri: matchRedirectUri({ public: false, redirectUris: [uri] }, uri) ?? expect.fail("registered"),
    state,
  };
}

const iss = encodeURIComponent(issuer);
const places = [
  { uri: "https://a.example/cb", starts: "https://a.example/cb?code=" },
  { uri: "https://a.example", starts: "https://a.example?code=" },
  { uri: "https://a.example/cb?b=%41+c", starts: "https://a.example/cb?b=%41+c&code=" },
  { uri: "https://a.example/cb?", starts: "https://a.example/cb?code=" },
  { uri: "com.example.app:/cb", starts: "com.example.app:/cb?code=" },
];
test.each(places)(
  "the code goes to $uri as registered, with its query (RFC 6749 §3.1.2, v1 F10)",
  ({ uri, starts }) => {
    expect(renderAuthorizationSuccess(target(uri, "s"), "c", issuer)).toBe(`${starts}c&state=s&iss=${iss}`);
  },
);

test("without a state none is made up, and the issuer is named all the same (AUT-1, AUT-2)", () => {
  const to = renderAuthorizationSuccess(target("https://a.example/cb", undefined), "c", issuer);
  expect(to).toBe(`https://a.example/cb?code=c&iss=${iss}`);
});

test("an error carries state and issuer, and no code (AUT-1, AUT-2, RFC 6749 §4.1.2.1)", () => {
  const error = new OAuthError("access_denied", 'consent "was" not\r\ngiven \\ \u00e4', { detail: "for operators" });
  const to = new URL(renderAuthorizationError(target("https://a.example/cb", "a b&c=d"), error, issuer));
  expect(Object.fromEntries(to.searchParams)).toEqual({
    error: "access_denied",
    error_description: "consent ?was? not??given ? ?",
    state: "a b&c=d",
    iss: issuer,
  });
});
