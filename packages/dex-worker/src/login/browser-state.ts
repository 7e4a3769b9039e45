// What the session frame compares, in a cookie of its own: kept up to date by every answer of the authorization endpoint, by
// signing in and by signing out.
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  browserStateOf,
  isBrowserState,
  type LoginState,
  newBrowserState,
  newSessionState,
  OUT_OF_BAND,
  type ResponseMembers,
  signedOutStateOf,
} from "@dex/oidc";
import type { Random } from "@dex/runtime";
import { type CookieNames, readCookies, setFrameCookie } from "../middleware/cookies.ts";
import type { Visit } from "../visit.ts";
import { readSessionHash } from "./session-cookie.ts";

export interface BrowserStates {
  /**
   * What an answer says of the browser, OIDC Session Management 1.0 §2: nothing where the request is not of OpenID Connect or
   * the answer goes to no web page. `sessionHash` is that of the live session, where there is one; the cookie follows it.
   */
  describe(
    visit: Visit,
    request: Pick<LoginState["request"], "clientId" | "redirectUri" | "scope">,
    sessionHash: Buffer | undefined,
  ): ResponseMembers;
  /** Somebody has signed in. */
  begin(visit: Visit, sessionHash: Buffer): void;
  /** Nobody is signed in any more. Called before the session's own cookie is taken away. */
  end(visit: Visit): void;
}

export function makeBrowserStates({
  cookieNames,
  random,
}: {
  cookieNames: CookieNames;
  random: Random;
}): BrowserStates {
  function held(request: IncomingMessage): string | undefined {
    const value = readCookies(request).get(cookieNames.browserState) ?? "";
    return isBrowserState(value) ? value : undefined;
  }

  function keep({ request, response }: { request: IncomingMessage; response: ServerResponse }, state: string): void {
    if (held(request) !== state) setFrameCookie(response, { name: cookieNames.browserState, value: state });
  }

  function stateOf(request: IncomingMessage, sessionHash: Buffer | undefined): string {
    if (sessionHash !== undefined) return browserStateOf(sessionHash);
    const over = readSessionHash(request, cookieNames);
    if (over !== undefined) return signedOutStateOf(over);
    // A request from a frame of another site brings no session, whoever is signed in: it changes nothing.
    return held(request) ?? newBrowserState(random);
  }

  return {
    describe(visit, { clientId, redirectUri, scope }, sessionHash) {
      if (redirectUri === OUT_OF_BAND || !scope.includes("openid")) return [];
      const browserState = stateOf(visit.request, sessionHash);
      const sessionState = newSessionState({ clientId, redirectUri, browserState }, random);
      if (sessionState === undefined) return [];
      keep(visit, browserState);
      return [["session_state", sessionState]];
    },
    begin: (visit, sessionHash) => keep(visit, browserStateOf(sessionHash)),
    end(visit) {
      const over = readSessionHash(visit.request, cookieNames);
      if (over !== undefined) keep(visit, signedOutStateOf(over));
    },
  };
}
