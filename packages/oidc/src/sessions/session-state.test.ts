import { sha256, systemRandom } from "@dex/runtime";
import { expect, test } from "vitest";
import { browserStateOf, isBrowserState, newBrowserState, signedOutStateOf } from "./browser-state.ts";
import { sidOf } from "./session-id.ts";
import { newSessionState } from "./session-state.ts";

const cookie = Buffer.alloc(32, 1);
const hash = sha256(cookie);

test("a browser's state is the same for one session, another for the next, and gives away nothing of either (BRO-14)", () => {
  const state = browserStateOf(hash);
  expect(isBrowserState(state)).toBe(true);
  expect(browserStateOf(Buffer.from(hash))).toBe(state);
  expect(signedOutStateOf(hash)).not.toBe(state);
  expect(browserStateOf(sha256(Buffer.alloc(32, 2)))).not.toBe(state);
  expect(newBrowserState(systemRandom)).not.toBe(newBrowserState(systemRandom));
  expect(isBrowserState(newBrowserState(systemRandom))).toBe(true);
  const held = [cookie, hash, sha256(hash)].map((bytes) => bytes.toString("base64url"));
  expect(held).not.toContain(state);
  expect(state).not.toContain(sidOf(hash));
});

const states = [
  { of: "nothing", text: "" },
  { of: "something shorter", text: "a".repeat(42) },
  { of: "what is no base64url", text: `${"a".repeat(42)};` },
  { of: "an attempt at another cookie", text: `${"a".repeat(43)}\n` },
];
test.each(states)("a cookie that holds $of is no state (BRO-15)", ({ text }) => {
  expect(isBrowserState(text)).toBe(false);
});

const about = {
  clientId: "client-a",
  redirectUri: "https://a.example:8443/cb?x=y",
  browserState: browserStateOf(hash),
};
const random = (length: number) => Buffer.alloc(length, 9);

test("a session_state is bound to client, origin, state of the browser and salt (OIDC Session Management §2)", () => {
  const salt = Buffer.alloc(16, 9).toString("base64url");
  const text = `client-a https://a.example:8443 ${about.browserState} ${salt}`;
  const state = newSessionState(about, random);
  expect(state).toBe(`${sha256(text).toString("base64url")}.${salt}`);
  const others = [
    { ...about, clientId: "client-b" },
    { ...about, redirectUri: "https://a.example/cb?x=y" },
    { ...about, redirectUri: "http://a.example:8443/cb" },
    { ...about, browserState: signedOutStateOf(hash) },
  ].map((other) => newSessionState(other, random));
  expect(new Set([...others, state]).size).toBe(others.length + 1);
  expect(newSessionState(about, systemRandom)).not.toBe(newSessionState(about, systemRandom));
});

test.each(["com.example.app:/cb", "urn:ietf:wg:oauth:2.0:oob", "nothing"])(
  "%s has no origin and gets no session_state",
  (redirectUri) => {
    expect(newSessionState({ ...about, redirectUri }, random)).toBeUndefined();
  },
);
