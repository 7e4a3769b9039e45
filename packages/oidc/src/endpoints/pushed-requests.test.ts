import { addSeconds, makeSealer, Secret, systemRandom } from "@dex/runtime";
import { expect, test } from "vitest";
import type { AuthorizationRequest, VerifiedRedirectUri } from "./authorization-request.ts";
import { isPushedRequestUri, makePushedRequests } from "./pushed-requests.ts";

const now = new Date("2026-03-01T12:00:00.000Z");
const pushed = makePushedRequests({
  sealer: makeSealer({
    secrets: [new Secret(Buffer.alloc(32, 1))],
    salt: Buffer.alloc(16),
    random: systemRandom,
    purpose: "test",
  }),
  random: systemRandom,
});
const request: AuthorizationRequest = {
  clientId: "a",
  redirectUri: "https://a.example/cb" as VerifiedRedirectUri,
  responseType: "code",
  responseMode: "query",
  scope: ["openid"],
  state: "s",
  nonce: undefined,
  codeChallenge: undefined,
  prompt: [],
  maxAgeSeconds: undefined,
  loginHint: undefined,
  hintedUserId: undefined,
  connectorId: undefined,
};

test("a pushed request comes back as it was, with a name of its own (RFC 9126 §4)", () => {
  const [one = "", other = ""] = [
    pushed.push({ request, intent: "register" }, now),
    pushed.push({ request, intent: "sign in" }, now),
  ];
  expect(isPushedRequestUri(one)).toBe(true);
  const opened = pushed.open(one, "a", now);
  expect(opened).toEqual({ request: { ...request, pushedAs: expect.any(String) }, intent: "register" });
  expect(pushed.open(other, "a", now)?.request.pushedAs).not.toBe(opened?.request.pushedAs);
});

test("it is good for 60 seconds (PAR-1) (cert 11 par-attempt-to-use-expired-request_uri)", () => {
  const uri = pushed.push({ request, intent: "sign in" }, now) ?? "";
  expect(pushed.open(uri, "a", addSeconds(now, 59))).toBeDefined();
  expect(pushed.open(uri, "a", addSeconds(now, 60))).toBeUndefined();
});

test("one that would not fit into an address is not taken", () => {
  expect(pushed.push({ request: { ...request, state: "s".repeat(9_000) }, intent: "sign in" }, now)).toBeUndefined();
});
