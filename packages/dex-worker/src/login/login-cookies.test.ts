import { makeEngineSealers, makeLoginStates, type VerifiedRedirectUri } from "@dex/oidc";
import { Secret, systemRandom } from "@dex/runtime";
import { expect, test } from "vitest";
import { makeCookieNames } from "../middleware/cookies.ts";
import { makeLoginCookies } from "./login-cookies.ts";

const issuer = "https://id.example.com/dex";
const now = new Date("2030-01-01T00:00:00Z");
const parts = { secrets: [new Secret(Buffer.alloc(32, 1))], salt: Buffer.alloc(32, 2), random: systemRandom };
const states = makeLoginStates({ sealer: makeEngineSealers(parts).loginState, random: systemRandom });
const cookies = makeLoginCookies(states, makeCookieNames(new URL(issuer), issuer));

/** A browser's cookies: `response` sets them, `request` sends them. */
function openJar() {
  const jar = new Map<string, string>();
  const keep = (_name: string, line: string) => {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (line.includes("Max-Age=0")) jar.delete(name);
    else jar.set(name, value);
  };
  const header = () => [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
  return {
    jar,
    response: { appendHeader: keep } as never,
    request: () => ({ headers: { cookie: header() } }) as never,
  };
}

const request = {
  clientId: "app",
  redirectUri: "https://app.example/cb" as VerifiedRedirectUri,
  responseType: "code" as const,
  responseMode: "query" as const,
  scope: ["openid"],
  state: "s".repeat(2048),
  nonce: undefined,
  codeChallenge: undefined,
  prompt: [],
  maxAgeSeconds: undefined,
  loginHint: undefined,
  hintedUserId: undefined,
  connectorId: undefined,
};

test("a login state that no longer needs its second cookie opens all the same", () => {
  const { jar, response, request: sent } = openJar();
  const state = states.begin(request, now);
  const away = { ...state, upstream: { connectorId: "up", data: { verifier: "v".repeat(1000) } } };
  expect(cookies.write(response, away)).toBe(true);
  expect(jar.size).toBe(2);
  expect(cookies.read(sent(), state.id, now)).toEqual(away);
  expect(cookies.write(response, state)).toBe(true);
  expect(cookies.read(sent(), state.id, now)).toEqual(state);
  cookies.clear(response, state.id);
  expect(jar.size).toBe(0);
});

test("a login state too large for two cookies is not written", () => {
  const { jar, response } = openJar();
  const state = states.begin(request, now);
  const data = { blob: "b".repeat(8000) };
  expect(cookies.write(response, { ...state, upstream: { connectorId: "up", data } })).toBe(false);
  expect(jar.size).toBe(0);
});
