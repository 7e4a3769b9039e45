// A person's browser at a connector of an OAuth2 type whose upstream is a fake one.

import { type JsonObject, silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { NOTHING_ASKED, PLAIN_CALLBACK } from "@dex/testing";
import type { CallbackLogin, LoginOutcome, UpstreamWish } from "../src/connector.ts";
import { openConnector } from "../src/registry.ts";

export const CALLBACK_URL = "https://dex.example/auth/up/callback";
export const STATE = "state-of-the-browser-1";
/** With characters that form-encoding changes. */
export const REGISTRATION = { clientID: "dex:client", clientSecret: "a secret / with + odd & characters %" };
export const FAKE = {
  clientId: REGISTRATION.clientID,
  clientSecret: REGISTRATION.clientSecret,
  redirectUris: [CALLBACK_URL],
};
export const NO_WISH: UpstreamWish = {
  reauthenticate: false,
  selectAccount: false,
  maxAgeSeconds: undefined,
  loginHint: undefined,
  asked: NOTHING_ASKED,
};

export function openOAuth2(type: string, config: JsonObject): CallbackLogin {
  const opened = openConnector(
    { id: "up", type, config: { ...REGISTRATION, ...config } },
    {
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      checkPassword: async () => ({ kind: "unavailable", detail: "not used here" }),
    },
  );
  if (opened.kind === "refused") throw new Error(opened.reason);
  if (opened.connector.login.kind !== "callback") throw new Error("expected a callback login");
  return opened.connector.login;
}

export async function begin(login: CallbackLogin, wish: Partial<UpstreamWish> = {}) {
  const begun = await login.begin({ callbackUrl: CALLBACK_URL, state: STATE, wish: { ...NO_WISH, ...wish } });
  if (begun.kind !== "redirect") throw new Error(`begin: ${JSON.stringify(begun)}`);
  return begun;
}

/** Follows the redirect to the upstream and brings its answer back, with `change` made to it. */
export async function signIn(
  login: CallbackLogin,
  wish: Partial<UpstreamWish> = {},
  change: (query: URLSearchParams) => void = () => undefined,
): Promise<LoginOutcome> {
  const begun = await begin(login, wish);
  const response = await fetch(begun.to, { redirect: "manual" });
  const location = response.headers.get("location");
  if (location === null) throw new Error(`the fake refused: ${await response.text()}`);
  const query = new URL(location).searchParams;
  change(query);
  return login.finish({
    callbackUrl: CALLBACK_URL,
    query,
    state: STATE,
    data: begun.data,
    asked: NOTHING_ASKED,
    request: PLAIN_CALLBACK,
    now: systemClock(),
  });
}
