// Signing out: here, where nothing can prevent it, and then at the upstream that the session came from, if it can.
import { setTimeout as sleep } from "node:timers/promises";
import type { Connector, UpstreamDeparture } from "@dex/connectors";
import type { Session } from "@dex/oidc";
import { describeError, equalInConstantTime, type Logger, type Random, sha256 } from "@dex/runtime";
import type { OwnAccounts } from "@dex/users";
import { renderNotSignedOutPage, renderSignedOutPage, type SignedOutView } from "@dex/web";
import type { ConnectorSet } from "../live/connector-set.ts";
import { formTargets } from "../login/form-targets.ts";
import type { LoginPaths } from "../login/paths.ts";
import { readSessionHash, writeSession } from "../login/session-cookie.ts";
import { type CookieNames, readCookies, setCookie } from "../middleware/cookies.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import { ACCOUNT_PATH, type AccountGate, SIGNED_OUT_PATH } from "./account-gate.ts";

const STATE_BYTES = 16;
/** For an upstream to say where it signs people out. The person waits. */
const ASK_SECONDS = 5;
/** For the browser to come back. */
const AWAY_SECONDS = 600;

type SigningOut = Connector & Required<Pick<Connector, "signOut">>;

/** The way out of "your account". */
export function signOutPages(parts: {
  gate: AccountGate;
  accounts: OwnAccounts;
  connectors: ConnectorSet;
  cookieNames: CookieNames;
  paths: LoginPaths;
  pages: Pages;
  random: Random;
  logger: Logger;
}): readonly PageRoute[] {
  const { gate, accounts, connectors, cookieNames, paths, pages, random, logger } = parts;
  const { secure } = cookieNames;

  function findSigningOut(connectorId: string): SigningOut | undefined {
    const connector = connectors.find(connectorId)?.connector;
    return connector !== undefined && signsOut(connector) ? connector : undefined;
  }

  async function signOut(visit: Visit): Promise<void> {
    const form = await gate.receive(visit, ACCOUNT_PATH, "any");
    if (form === undefined) return;
    await accounts.endSession(form.owner, form.owner.sessionHash, visit.now);
    const connector = findSigningOut(form.session.connectorId);
    if (connector === undefined) return gate.leaveSignedOut(visit);
    writeSession(visit.response, cookieNames, "", 0);
    await leaveToUpstream(visit, connector, form.session);
  }

  /** By a page of ours and not by a redirect, for the reason that AccountGate.receive has. */
  async function leaveToUpstream({ response }: Visit, connector: SigningOut, session: Session): Promise<void> {
    const { id } = connector;
    const state = random(STATE_BYTES).toString("base64url");
    const departure = await findWay(connector, session.user.id, state);
    if (departure === undefined) {
      response.redirect(303, new URL(paths.signedOutUrl(id)).pathname);
      return;
    }
    const value = markOf(id, state);
    setCookie(response, { name: cookieNames.signedOut, value, maxAgeSeconds: AWAY_SECONDS, secure });
    const view = { to: connector.displayName, signedOut: true, ...formOf(departure) };
    pages.continue(response, view, formTargets(departure.to));
  }

  /** Undefined when the upstream has no such place, or does not say in time, or anything else goes wrong. */
  async function findWay(connector: SigningOut, userId: string, state: string): Promise<UpstreamDeparture | undefined> {
    const { id: connectorId } = connector;
    try {
      return await inTime(async () => {
        const remoteId = await accounts.soleRemoteId(userId, connectorId);
        if (remoteId === undefined) return undefined;
        const [callbackUrl, returnTo] = [paths.callbackUrl(connectorId), paths.signedOutUrl(connectorId)];
        return connector.signOut({ remoteId, callbackUrl, returnTo, state });
      });
    } catch (error) {
      // The session has ended, and the person is to read that.
      logger.warn("not signed out upstream", { connectorId, ...describeError(error) });
      return undefined;
    }
  }

  async function showSignedOut({ response }: Visit): Promise<void> {
    showPage(response, undefined);
  }

  /**
   * Where an upstream sends browsers, and whoever else likes. No message of the upstream is looked at: what it says is not
   * proved, and ends no session. Only the browser that left by our page has the mark of its state.
   */
  async function comeBack(visit: Visit): Promise<void> {
    const { request, response } = visit;
    const connector = findSigningOut(String(request.params.connectorId));
    const mark = readCookies(request).get(cookieNames.signedOut);
    const expected = connector !== undefined && mark !== undefined && hasMark(request.url, connector.id, mark);
    logger.info("came to be signed out", { ...(connector && { connectorId: connector.id }), expected });
    if (expected) setCookie(response, { name: cookieNames.signedOut, value: "", maxAgeSeconds: 0, secure });
    if (readSessionHash(request, cookieNames) !== undefined) {
      pages.show(response, 200, (theme) => renderNotSignedOutPage(theme, { accountHref: gate.href(ACCOUNT_PATH) }));
      return;
    }
    showPage(response, connector && { name: connector.displayName, signedOut: expected });
  }

  function showPage(response: Visit["response"], upstream: SignedOutView["upstream"]): void {
    const view = { signInHref: gate.href(ACCOUNT_PATH), upstream };
    pages.show(response, 200, (theme) => renderSignedOutPage(theme, view));
  }

  /** Our cookies do not come with another site's POST: they come with the GET after it. Its body is not read. */
  async function comeBackByForm({ request, response }: Visit): Promise<void> {
    const connectorId = String(request.params.connectorId);
    response.redirect(303, new URL(paths.signedOutUrl(connectorId)).pathname);
  }

  return [
    { path: `${ACCOUNT_PATH}/sign-out`, POST: signOut },
    { path: SIGNED_OUT_PATH, GET: showSignedOut },
    { path: "/auth/:connectorId/signed-out", GET: comeBack, POST: comeBackByForm },
  ];
}

function signsOut(connector: Connector): connector is SigningOut {
  return connector.signOut !== undefined;
}

/** What the cookie holds: nothing that an upstream could set it from, and of no use for another connector. */
function markOf(connectorId: string, state: string): string {
  return sha256(`${connectorId}\0${state}`).toString("base64url");
}

/** Whichever protocol it is: a parameter that is compared and nothing else needs no parsing that could refuse it. */
function hasMark(url: string, connectorId: string, mark: string): boolean {
  const parameters = new URLSearchParams(url.split("?")[1] ?? "");
  const state = parameters.get("state") ?? parameters.get("RelayState") ?? "";
  return equalInConstantTime(markOf(connectorId, state), mark);
}

/** The form that takes the browser there. One that is sent by GET has the query in its fields. */
function formOf(departure: UpstreamDeparture) {
  if (departure.kind === "form") return { action: departure.to, fields: Object.entries(departure.fields) };
  const to = new URL(departure.to);
  return { action: `${to.origin}${to.pathname}`, fields: [...to.searchParams], method: "get" as const };
}

async function inTime<T>(work: () => Promise<T>): Promise<T> {
  const waiting = new AbortController();
  const tooLate = sleep(ASK_SECONDS * 1000, undefined, { signal: waiting.signal }).then(() => {
    throw new Error(`the upstream took longer than ${ASK_SECONDS} s`);
  });
  const done = work();
  // Whichever comes second is nobody's any more.
  for (const one of [tooLate, done]) one.catch(() => {});
  try {
    return await Promise.race([done, tooLate]);
  } finally {
    waiting.abort();
  }
}
