// A person's browser at a connector of type oidc whose upstream is the fake provider.
import { type JsonObject, silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { type FakeOpenIdProvider, NOTHING_ASKED, PLAIN_CALLBACK, startFakeOpenIdProvider } from "@dex/testing";
import type { CallbackLogin, LoginOutcome, UpstreamWish } from "../src/connector.ts";
import { openConnector } from "../src/registry.ts";

export const callbackUrl = "https://dex.example/auth/corp/callback";
export const clientSecret = "a secret / with + odd & characters %";
export const state = "state-of-the-browser-1";
export const noWish: UpstreamWish = {
  reauthenticate: false,
  selectAccount: false,
  maxAgeSeconds: undefined,
  loginHint: undefined,
  asked: NOTHING_ASKED,
};

/** A provider that knows us, Jane and Joe. */
export function startProvider(): Promise<FakeOpenIdProvider> {
  return startFakeOpenIdProvider({
    clientId: "dex:client",
    clientSecret,
    redirectUris: [callbackUrl],
    path: "/realm",
    users: [
      {
        sub: "jane-1",
        claims: { email: "jane@example.com", email_verified: true, name: "Jane", groups: ["staff", { name: "dev" }] },
      },
      { sub: "joe-2", claims: { email: "joe@example.com" } },
    ],
  });
}

/** A connector of its own, with empty caches. */
export function openLogin(issuer: string, config: JsonObject = {}): CallbackLogin {
  const stored = { id: "corp", type: "oidc", config: { issuer, clientID: "dex:client", clientSecret, ...config } };
  const opened = openConnector(stored, {
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    checkPassword: async () => ({ kind: "unavailable", detail: "not used here" }),
  });
  if (opened.kind === "refused") throw new Error(opened.reason);
  if (opened.connector.login.kind !== "callback") throw new Error("expected a callback login");
  return opened.connector.login;
}

export async function begin(login: CallbackLogin, wish: Partial<UpstreamWish> = {}) {
  const begun = await login.begin({ callbackUrl, state, wish: { ...noWish, ...wish } });
  if (begun.kind !== "redirect") throw new Error(`begin: ${JSON.stringify(begun)}`);
  return begun;
}

/** What the browser does: follow the redirect and bring the answer to the callback. */
export async function visit(to: string): Promise<URLSearchParams> {
  const response = await fetch(to, { redirect: "manual" });
  const location = response.headers.get("location");
  if (location === null) throw new Error(`the provider refused: ${await response.text()}`);
  return new URL(location).searchParams;
}

export async function signIn(login: CallbackLogin, wish: Partial<UpstreamWish> = {}): Promise<LoginOutcome> {
  const begun = await begin(login, wish);
  return login.finish({
    callbackUrl,
    query: await visit(begun.to),
    state,
    data: begun.data,
    asked: NOTHING_ASKED,
    request: PLAIN_CALLBACK,
    now: systemClock(),
  });
}
