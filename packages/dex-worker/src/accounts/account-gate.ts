// The door of "your account": every page of it asks here who is there, and every form whether it came from such a page.
import { createHmac, type KeyObject } from "node:crypto";
import { OWN_PAGES_CLIENT_ID, type Session, type SessionLimits, type SignIns } from "@dex/oidc";
import { equalInConstantTime } from "@dex/runtime";
import { type AccountOwner, decideRecentSignIn, RECENT_SIGN_IN_SECONDS } from "@dex/users";
import type { AccountNotice } from "@dex/web";
import type { BrowserStates } from "../login/browser-state.ts";
import type { BeginOwnPages } from "../login/own-pages.ts";
import { readSessionHash, writeSession } from "../login/session-cookie.ts";
import type { CookieNames } from "../middleware/cookies.ts";
import { readForm } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";

/** Below the issuer's path. */
export const ACCOUNT_PATH = "/account";
export const SIGNED_OUT_PATH = `${ACCOUNT_PATH}/signed-out`;

/** What somebody must have done to go on: signed in at all, or a short while ago. */
export type SignInAge = "any" | "recent";

/** A form that its owner sent. */
export interface OwnersForm {
  readonly session: Session;
  readonly owner: AccountOwner;
  readonly fields: URLSearchParams;
}

export interface AccountGate {
  /**
   * The session of whoever opens the page at `path`. Undefined when there is none, or an old one where a recent one is
   * needed: the browser is then on its way to sign in, and comes back.
   */
  enter(visit: Visit, path: string, age: SignInAge): Promise<Session | undefined>;
  /**
   * The form, when a page of this session sent it: otherwise throws InvalidInput (BRO-2). Undefined when nobody is signed
   * in, or not recently enough: the person was told, and is led to `path`. Not by a redirect: Chromium holds the way on
   * to an upstream provider against the form-action of the page that the form is on.
   */
  receive(visit: Visit, path: string, age: SignInAge): Promise<OwnersForm | undefined>;
  /** What forms of this session send back as `form_token`. */
  formToken(session: Session): string;
  /** The address of a page of the account, for links and forms. */
  href(path: string): string;
  /** Back to the account, which then says what was done. */
  leave(visit: Visit, notice: AccountNotice): void;
  /** Forgets the session, which has ended, and says so. Never straight on to sign-in: see receive. */
  leaveSignedOut(visit: Visit): void;
  /** Tells that the session ended while the form was on its way. */
  tellSignedOut(visit: Visit): void;
}

export function makeAccountGate(parts: {
  basePath: string;
  issuerOrigin: string;
  signIns: SignIns;
  cookieNames: CookieNames;
  browserStates: BrowserStates;
  sessionLimits: SessionLimits;
  beginOwnPages: BeginOwnPages;
  /** The first makes form tokens, each of them is accepted. */
  formKeys: readonly [KeyObject, ...KeyObject[]];
  pages: Pages;
}): AccountGate {
  const { basePath, signIns, cookieNames, browserStates, sessionLimits, beginOwnPages, formKeys, pages } = parts;
  const href = (path: string) => `${basePath}${path}`;
  const tokenUnder = (key: KeyObject, { hash }: Session) =>
    createHmac("sha256", key).update("account\0").update(hash).digest("base64url");

  // A session of a disabled or deleted user is none.
  async function findSession({ request, now }: Visit): Promise<Session | undefined> {
    const hash = readSessionHash(request, cookieNames);
    if (hash === undefined) return undefined;
    return signIns.findSession(hash, OWN_PAGES_CLIENT_ID, now, sessionLimits.idleSeconds);
  }

  const youngEnough = (session: Session, age: SignInAge, now: Date) =>
    age === "any" || decideRecentSignIn(session.authTime, now) === "recent";

  function tell({ response }: Visit, path: string, title: string, message: string): void {
    pages.error(response, 403, { title, message, backHref: href(path) });
  }
  const tellSignedOut = (visit: Visit) =>
    tell(visit, ACCOUNT_PATH, "You are signed out", "nothing was changed, since you are no longer signed in here");

  return {
    href,
    tellSignedOut,
    formToken: (session) => tokenUnder(formKeys[0], session),

    async enter(visit, path, age) {
      const session = await findSession(visit);
      if (session !== undefined && youngEnough(session, age, visit.now)) return session;
      await beginOwnPages({ visit, path, ...(age === "recent" && { maxAgeSeconds: RECENT_SIGN_IN_SECONDS }) });
      return undefined;
    },

    async receive(visit, path, age) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const session = await findSession(visit);
      if (session === undefined) {
        tellSignedOut(visit);
        return undefined;
      }
      const fields = await readForm(visit.request);
      const token = fields.get("form_token") ?? "";
      // Each key is tried, whichever fits: the time must not tell which one did.
      if (formKeys.filter((key) => equalInConstantTime(token, tokenUnder(key, session))).length === 0) {
        throw new InvalidInput(403, "this form is no longer valid; please open your account again");
      }
      if (!youngEnough(session, age, visit.now)) {
        tell(
          visit,
          path,
          "Please sign in again",
          "nothing was changed yet: this needs a sign-in within the last ten minutes",
        );
        return undefined;
      }
      const owner = { userId: session.user.id, sessionHash: session.hash, address: visit.request.ip };
      return { session, owner, fields };
    },

    leave: ({ response }, notice) => response.redirect(303, `${href(ACCOUNT_PATH)}?notice=${notice}`),
    leaveSignedOut(visit) {
      const { response } = visit;
      browserStates.end(visit);
      writeSession(response, cookieNames, "", 0);
      response.redirect(303, href(SIGNED_OUT_PATH));
    },
  };
}
