// The end of a session in the browser that has it: the one way to sign out, whoever asked for it. Other browsers' sessions end
// in the database; their clients are told behind the scenes.
import { setTimeout as sleep } from "node:timers/promises";
import { type Clients, type EndedSession, endpointUrl, type Logouts, sidOf } from "@dex/oidc";
import { describeError, type Logger } from "@dex/runtime";
import type { ConnectorSet } from "../live/connector-set.ts";
import { writeSession } from "../login/session-cookie.ts";
import { type CookieNames, setCookie } from "../middleware/cookies.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import type { LogoutHandles } from "./logout-handles.ts";

/** Below the issuer: where upstreams send people back to. Exactly so, for it is registered there. */
export const AFTER_UPSTREAM_PATH = "/logout/callback";

const UPSTREAM_MILLISECONDS = 3000;
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
  connectors: ConnectorSet;
  handles: LogoutHandles;
  cookieNames: CookieNames;
  pages: Pages;
  logger: Logger;
}): SignOut {
  const { issuer, logouts, clients, connectors, handles, cookieNames, pages, logger } = parts;

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

  /** Where the upstream signs the person out. Whatever goes wrong there, our own session has ended. */
  async function upstreamOf({ connectorId }: EndedSession): Promise<string | undefined> {
    const logoutUrl = connectors.find(connectorId)?.connector?.logoutUrl;
    if (logoutUrl === undefined) return undefined;
    const late = new AbortController();
    try {
      const returnTo = endpointUrl(issuer, AFTER_UPSTREAM_PATH);
      return await Promise.race([
        logoutUrl(returnTo),
        sleep(UPSTREAM_MILLISECONDS, undefined, { signal: late.signal }),
      ]);
    } catch (error) {
      logger.warn("a person could not be signed out upstream", { connectorId, ...describeError(error) });
      return undefined;
    } finally {
      late.abort();
    }
  }

  /** The place of the upstream, when the way back from there is prepared. */
  async function wayThroughUpstream(visit: Visit, ended: EndedSession, returnTo: string | undefined) {
    const upstream = await upstreamOf(ended);
    if (upstream === undefined) return undefined;
    const value = handles.seal({ hint: undefined, clientId: undefined, returnTo }, "way back", visit.now);
    const { logout: name, secure } = cookieNames;
    setCookie(visit.response, { name, value, maxAgeSeconds: WAY_BACK_SECONDS, secure });
    return upstream;
  }

  return async (visit, { session, returnTo, by, signedOutPath }) => {
    const { response, now } = visit;
    const ended = session && (await logouts.end({ ...session, address: visit.request.ip }, now));
    writeSession(response, cookieNames, "", 0);
    if (ended !== undefined) {
      const { userId, connectorId } = ended;
      logger.info("signed out", { userId, connectorId, clients: ended.clients.length });
    }
    const frames = ended === undefined ? [] : await framesOf(ended);
    const next = (ended && (await wayThroughUpstream(visit, ended, returnTo))) ?? returnTo;
    if (frames.length === 0) {
      if (next !== undefined && by === "redirect") return response.redirect(303, next);
      if (next === undefined && signedOutPath !== undefined) return response.redirect(303, signedOutPath);
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
