// Where people read that they are signed out: at once, or when they come back from having signed out upstream.
import type { Logger } from "@dex/runtime";
import { renderNotSignedOutPage, renderSignedOutPage, type SignedOutView } from "@dex/web";
import { ACCOUNT_PATH, SIGNED_OUT_PATH } from "../accounts/account-gate.ts";
import type { LoginPaths } from "../login/paths.ts";
import { readSessionHash } from "../login/session-cookie.ts";
import { type CookieNames, readCookies, setCookie } from "../middleware/cookies.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import type { LogoutHandles } from "./logout-handles.ts";
import { bringsMark, type UpstreamDepartures } from "./upstream-departure.ts";

export function signedOutPages(parts: {
  /** The issuer's path. */
  basePath: string;
  departures: UpstreamDepartures;
  handles: LogoutHandles;
  cookieNames: CookieNames;
  paths: LoginPaths;
  pages: Pages;
  logger: Logger;
}): readonly PageRoute[] {
  const { basePath, departures, handles, cookieNames, paths, pages, logger } = parts;
  const accountHref = `${basePath}${ACCOUNT_PATH}`;

  function showPage(response: Visit["response"], upstream: SignedOutView["upstream"]): void {
    pages.show(response, 200, (theme) => renderSignedOutPage(theme, { signInHref: accountHref, upstream }));
  }

  /**
   * Where an upstream sends browsers, and whoever else likes. No message of the upstream is looked at: what it says is not
   * proved, and ends no session. Only the browser that left by our page has the mark of its state, and is sent on to where
   * the client that asked for it wants it.
   */
  async function comeBack(visit: Visit): Promise<void> {
    const { request, response, now } = visit;
    const connector = departures.connector(String(request.params.connectorId));
    const cookies = readCookies(request);
    const mark = cookies.get(cookieNames.signedOut);
    const expected = connector !== undefined && mark !== undefined && bringsMark(request, connector.id, mark);
    logger.info("came to be signed out", { ...(connector && { connectorId: connector.id }), expected });
    if (expected) {
      const returnTo = handles.open(cookies.get(cookieNames.logout) ?? "", "way back", now)?.returnTo;
      for (const name of [cookieNames.signedOut, cookieNames.logout]) {
        setCookie(response, { name, value: "", maxAgeSeconds: 0, secure: cookieNames.secure });
      }
      if (returnTo !== undefined) return response.redirect(303, returnTo);
    }
    if (readSessionHash(request, cookieNames) !== undefined) {
      pages.show(response, 200, (theme) => renderNotSignedOutPage(theme, { accountHref }));
      return;
    }
    showPage(response, connector && { name: connector.displayName, signedOut: expected });
  }

  /** Our cookies do not come with another site's POST: they come with the GET after it. Its body is not read. */
  async function comeBackByForm({ request, response }: Visit): Promise<void> {
    response.redirect(303, new URL(paths.signedOutUrl(String(request.params.connectorId))).pathname);
  }

  return [
    { path: SIGNED_OUT_PATH, GET: async ({ response }) => showPage(response, undefined) },
    { path: "/auth/:connectorId/signed-out", GET: comeBack, POST: comeBackByForm },
  ];
}
