import { expect, test } from "vitest";
import { issuer } from "../../test/fakes.ts";
import { matchRedirectUri } from "../clients/redirect-uri.ts";
import { OAuthError } from "../errors.ts";
import { errorMembers, renderAuthorizationResponse } from "./authorization-response.ts";
import type { ResponseMode } from "./response-type.ts";

function target(uri: string, state: string | undefined, responseMode: ResponseMode = "query") {
  return {
    responseMode,
    redirectUri: matchRedirectUri({ public: false, redirectUris: [uri] }, uri) ?? expect.fail("registered"),
    state,
  };
}

const code = [["code", "c"]] as const;
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
    const to = `${starts}c&state=s&iss=${iss}`;
    expect(renderAuthorizationResponse(target(uri, "s"), code, issuer)).toEqual({ kind: "redirect", to });
  },
);

test("in the fragment the registered query stays where it was, and nothing joins it (OAuth 2.0 Multiple Response Types §5)", () => {
  const members = [["id_token", "a.b.c"]] as const;
  const response = renderAuthorizationResponse(
    target("https://a.example/cb?b=c", "s #&=+%", "fragment"),
    members,
    issuer,
  );
  expect(response).toEqual({
    kind: "redirect",
    to: `https://a.example/cb?b=c#id_token=a.b.c&state=s%20%23%26%3D%2B%25&iss=${iss}`,
  });
});

test("a form is posted to the redirect_uri as it is, with the answer in its fields alone (Form Post Response Mode §2)", () => {
  const response = renderAuthorizationResponse(target("https://a.example/cb?b=c", "\"'<>", "form_post"), code, issuer);
  expect(response).toEqual({
    kind: "form_post",
    to: "https://a.example/cb?b=c",
    fields: [
      ["code", "c"],
      ["state", "\"'<>"],
      ["iss", issuer],
    ],
  });
});

test("without a state none is made up, and the issuer is named all the same (AUT-1, AUT-2)", () => {
  const response = renderAuthorizationResponse(target("https://a.example/cb", undefined), code, issuer);
  expect(response).toEqual({ kind: "redirect", to: `https://a.example/cb?code=c&iss=${iss}` });
});

test("an error carries state and issuer, and no code (AUT-1, AUT-2, RFC 6749 §4.1.2.1)", () => {
  const error = new OAuthError("access_denied", 'consent "was" not\r\ngiven \\ \u00e4', { detail: "for operators" });
  const response = renderAuthorizationResponse(target("https://a.example/cb", "a b&c=d"), errorMembers(error), issuer);
  const to = new URL(response.to);
  expect(Object.fromEntries(to.searchParams)).toEqual({
    error: "access_denied",
    error_description: "consent ?was? not??given ? ?",
    state: "a b&c=d",
    iss: issuer,
  });
});
