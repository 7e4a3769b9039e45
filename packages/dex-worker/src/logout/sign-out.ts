// The end of a session in the browser that has it: the one way to sign out, whoever asked for it. Other browsers' sessions end
// in the database; their clients are told behind the scenes.
import { type Clients, type EndedSession, type Logouts, sidOf } from "@dex/oidc";
import type { Logger } from "@dex/runtime";
import type { BrowserStates } from "../login/browser-state.ts";
import { formTargets } from "../login/form-targets.ts";
import type { LoginPaths } from "../login/paths.ts";
import { writeSession } from "../login/session-cookie.ts";
import { type CookieNames, setCookie } from "../middleware/cookies.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import type { LogoutHandles } from "./logout-handles.ts";
import { type FoundDeparture, formOf, type UpstreamDepartures } from "./upstream-departure.ts";

const NOWHERE: FoundDeparture = { kind: "none" };
const WAY_BACK_SECONDS = 600;
/** Whoever has more applications open than this is signed out of the others behind the scenes. */
const MAX_FRAMES = 50;
/** With a moment between, so that people see what happened to them. */
const ONWARD_SECONDS = 1;

export interface SignOutOrder {
  /** Undefined: there is none, and the person is only sent on. Its user may be unknown where the caller knows whose it is. */
  readonly session: { readonly hash: Buffer; readonly userId: string | undefined } | undefined;
  /** Where the person goes in the end. */
  readonly returnTo?: string | undefined;
  /**
   * How. A `page` leads on from itself, since Chromium holds a redirect after a form against the form-action of the page that
   * the form is on. A `link` waits for the person: nobody has vouched for the wish to go there.
   */
  readonly by: "redirect" | "page" | "link";
  /** Where the person ends when there is nowhere to go on to. A page that says so, at this very address, when left out. */
  readonly signedOutPath?: string;
}

/** Ends the session, tells whom it concerns, and sends the browser where it is to go. Harmless when it has ended already. */
export type SignOut = (visit: Visit, order: SignOutOrder) => Promise<void>;

export function makeSignOut(parts: {
  issuer: string;
  /** Where people sign in again. */
  signInPath: string;
  logouts: Logouts;
  clients: Clients;
  departures: UpstreamDepartures;
  paths: LoginPaths;
  handles: LogoutHandles;
  cookieNames: CookieNames;
  browserStates: BrowserStates;
  pages: Pages;
  logger: Logger;
}): SignOut {
  const { issuer, logouts, clients, departures, paths, handles, cookieNames, browserStates, pages, logger } = parts;

  /** OIDC Front-Channel Logout §3: the clients' own addresses, with the session as each of them knows it. */
  async function framesOf(ended: EndedSession): Promise<readonly URL[]> {
    const found = await Promise.all(
      ended.clients.slice(0, MAX_FRAMES).map(async ({ clientId, sessionHash }) => {
        const url = URL.parse((await clients.find(clientId))?.details.frontchannel_logout_uri ?? "");
        if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return [];
        url.searchParams.append("iss", issuer);
        url.searchParams.append("sid", sidOf(sessionHash));
        return [url];
      }),
    );
    return found.flat();
  }

  /** Marks the browser that is sent away, and keeps where it is to go on to when it comes back. */
  function prepareWayBack({ response, now }: Visit, mark: string, returnTo: string | undefined): void {
    const { signedOut, logout, secure } = cookieNames;
    setCookie(response, { name: signedOut, value: mark, maxAgeSeconds: WAY_BACK_SECONDS, secure });
    const value =
      returnTo === undefined ? "" : handles.seal({ hint: undefined, clientId: undefined, returnTo }, "way back", now);
    setCookie(response, { name: logout, value, maxAgeSeconds: value === "" ? 0 : WAY_BACK_SECONDS, secure });
  }

  /** Sends the browser to the upstream. By a page after a form, for the reason that SignOutOrder names. */
  function leave(
    visit: Visit,
    { connector, departure, mark }: Extract<FoundDeparture, { kind: "found" }>,
    { returnTo, by }: Pick<SignOutOrder, "returnTo" | "by">,
  ): void {
    prepareWayBack(visit, mark, returnTo);
    if (departure.kind === "redirect" && by === "redirect") visit.response.redirect(303, departure.to);
    else {
      const view = { to: connector.displayName, signedOut: true, ...formOf(departure) };
      pages.continue(visit.response, view, formTargets(departure.to));
    }
  }

  /** Who could not be signed out upstream is told so. */
  function pathOfEnd(found: FoundDeparture, signedOutPath: string): string {
    return found.kind === "failed" ? new URL(paths.signedOutUrl(found.connector.id)).pathname : signedOutPath;
  }

  return async (visit, { session, returnTo, by, signedOutPath }) => {
    const { response, now } = visit;
    const ended = session && (await logouts.end({ ...session, address: visit.request.ip }, now));
    browserStates.end(visit);
    writeSession(response, cookieNames, "", 0);
    if (ended !== undefined) {
      const { userId, connectorId } = ended;
      logger.info("signed out", { userId, connectorId, clients: ended.clients.length });
    }
    const frames = ended === undefined ? [] : await framesOf(ended);
    const found = ended === undefined ? NOWHERE : await departures.find(ended);
    if (found.kind === "found" && frames.length === 0) return leave(visit, found, { returnTo, by });
    const throughUpstream = found.kind === "found" && found.departure.kind === "redirect" ? found : undefined;
    if (throughUpstream !== undefined) prepareWayBack(visit, throughUpstream.mark, returnTo);
    const next = throughUpstream?.departure.to ?? returnTo;
    if (frames.length === 0) {
      if (next !== undefined && by === "redirect") return response.redirect(303, next);
      if (next === undefined && signedOutPath !== undefined)
        return response.redirect(303, pathOfEnd(found, signedOutPath));
    }
    if (next !== undefined && by !== "link" && isHeaderSafe(next)) {
      // Browsers begin to count when the page has loaded with all its frames.
      response.setHeader("Refresh", `${ONWARD_SECONDS};url=${next}`);
    }
    const view = { frames: frames.map(({ href }) => href), next, signInHref: parts.signInPath };
    pages.loggedOut(response, view, [...new Set(frames.map(({ origin }) => origin))]);
  };
}

function isHeaderSafe(url: string): boolean {
  return /^[\x21-\x7e]+$/.test(url);
}
