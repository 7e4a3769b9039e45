// A person's browser at a connector of an OAuth2 type whose upstream is a fake one.

import { type JsonObject, silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { NOTHING_ASKED, PLAIN_CALLBACK } from "@dex/testing";
import type {
  CallbackLogin,
  Connector,
  LoginOutcome,
  UpstreamGrant,
  UpstreamRefresh,
  UpstreamWish,
} from "../src/connector.ts";
import type { ConnectorParts } from "../src/connector-kind.ts";
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

export function openOAuth2Connector(type: string, config: JsonObject, parts: Partial<ConnectorParts> = {}): Connector {
  const opened = openConnector(
    { id: "up", type, config: { ...REGISTRATION, ...config } },
    {
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      checkPassword: async () => ({ kind: "unavailable", detail: "not used here" }),
      ...parts,
    },
  );
  if (opened.kind === "refused") throw new Error(opened.reason);
  return opened.connector;
}

export function openOAuth2(type: string, config: JsonObject): CallbackLogin {
  return callbackOf(openOAuth2Connector(type, config));
}

export function callbackOf({ login }: Connector): CallbackLogin {
  if (login.kind !== "callback") throw new Error("expected a callback login");
  return login;
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
  const page = await response.text();
  const query = location === null ? readPostedForm(page) : new URL(location).searchParams;
  change(query);
  return login.finish({
    callbackUrl: CALLBACK_URL,
    query,
    state: STATE,
    data: begun.data,
    asked: wish.asked ?? NOTHING_ASKED,
    request: PLAIN_CALLBACK,
    now: systemClock(),
  });
}

/** Signs in with everything asked, and returns how to be read again with what that left behind. */
export async function signInForRefresh(connector: Connector, loginHint?: string) {
  const asked = { groups: true, offlineAccess: true };
  const outcome = await signIn(callbackOf(connector), { asked, loginHint });
  if (outcome.kind !== "identity" || outcome.grant === undefined) throw new Error(JSON.stringify(outcome));
  const { identity } = outcome;
  const kept: UpstreamGrant[] = [];
  let grant = outcome.grant;
  return {
    identity,
    /** Grants in the order in which they were to be kept. */
    kept,
    grant: () => grant,
    async refresh(now: Date = systemClock(), change: Partial<UpstreamRefresh> = {}): Promise<LoginOutcome> {
      const keep = async (next: UpstreamGrant) => {
        kept.push(next);
        grant = next;
      };
      const { remoteId } = identity;
      const again = await connector.refresh?.({ grant, remoteId, asked, now, keep, ...change });
      if (again === undefined) throw new Error("the connector cannot refresh");
      return again;
    },
  };
}

export const secondsFromNow = (seconds: number) => new Date(systemClock().getTime() + seconds * 1000);

function readPostedForm(page: string): URLSearchParams {
  if (!page.includes('method="post"')) throw new Error(`the fake refused: ${page}`);
  const inputs = page.matchAll(/name="([^"]*)" value="([^"]*)"/g);
  return new URLSearchParams([...inputs].map(([, name = "", value = ""]): [string, string] => [name, value]));
}
