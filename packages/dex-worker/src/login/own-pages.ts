// Our own pages, such as "your account", sign people in by the steps of every client.
import { type LoginState, OWN_PAGES_CLIENT_ID, type VerifiedRedirectUri } from "@dex/oidc";
import type { Visit } from "../visit.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { LoginCookies } from "./login-cookies.ts";

export interface OwnPagesWish {
  readonly visit: Visit;
  /** Where the browser comes back to: a path of ours as PageRoute has it, with its query. Never from a request (BRO-13). */
  readonly path: string;
  /** The sign-in must not be older than this; 0 asks for a new one. */
  readonly maxAgeSeconds?: number;
  /** `link` has the person prove an identity, which becomes theirs when they say yes. */
  readonly intent?: "sign in" | "link";
  /** The connector that the person has chosen already. */
  readonly connectorId?: string;
}

/** Signs the person in for a page of ours and leads back there. With a session that is young enough, at once. */
export type BeginOwnPages = (wish: OwnPagesWish) => Promise<void>;

export function makeBeginOwnPages(parts: {
  /** The issuer without a trailing slash. */
  issuer: string;
  beginLogin: (request: LoginState["request"], now: Date) => LoginState;
  cookies: LoginCookies;
  dispatcher: Dispatcher;
}): BeginOwnPages {
  const { issuer, beginLogin, cookies, dispatcher } = parts;
  return async ({ visit, path, maxAgeSeconds, intent, connectorId }) => {
    if (!/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(path)) throw new Error("expected a path of our own pages");
    const request: LoginState["request"] = {
      clientId: OWN_PAGES_CLIENT_ID,
      // Below our own issuer, from our own code: there is nothing to match it with.
      redirectUri: `${issuer}${path}` as VerifiedRedirectUri,
      responseType: "code",
      responseMode: "query",
      scope: ["openid"],
      state: undefined,
      nonce: undefined,
      codeChallenge: undefined,
      prompt: [],
      maxAgeSeconds,
      loginHint: undefined,
      hintedUserId: undefined,
      connectorId,
    };
    cookies.prune(visit.request, visit.response, visit.now);
    await dispatcher.next(visit, { ...beginLogin(request, visit.now), intent: intent ?? "sign in" });
  };
}
