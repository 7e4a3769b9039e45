import { expect, test } from "vitest";
import { initiateLoginUrl } from "./initiate-login.ts";

test.each([
  { uri: "https://rp.example/login", url: "https://rp.example/login?iss=https%3A%2F%2Fid.example%2Fdex" },
  { uri: "https://rp.example/login?a=b", url: "https://rp.example/login?a=b&iss=https%3A%2F%2Fid.example%2Fdex" },
  { uri: "https://rp.example/?iss=evil", url: "https://rp.example/?iss=https%3A%2F%2Fid.example%2Fdex" },
])("$uri is told who sends the person (OIDC Core §4)", ({ uri, url }) => {
  expect(initiateLoginUrl(uri, "https://id.example/dex")).toBe(url);
});
