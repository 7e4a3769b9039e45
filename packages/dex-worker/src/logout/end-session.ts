import { createHmac, type KeyObject } from "node:crypto";
import {
  type Clients,
  decideEndSession,
  END_SESSION_PATH,
  type LogoutRequest,
  mustConfirmLogout,
  namesSession,
  OWN_PAGES_CLIENT_ID,
  type OwnTokenVerifier,
  type Session,
  type SessionLimits,
  type SignIns,
  type Subjects,
} from "@dex/oidc";
import { equalInConstantTime } from "@dex/runtime";
import { renderLogoutPage } from "@dex/web";
import { readSessionHash } from "../login/session-cookie.ts";
import type { CookieNames } from "../middleware/cookies.ts";
import { readForm, readQuery } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import type { LogoutHandles } from "./logout-handles.ts";
import type { SignOut } from "./sign-out.ts";

const CONFIRM_PATH = `${END_SESSION_PATH}/confirm`;
const MAX_FORM_BYTES = 32 * 1024;

/** The end session endpoint, OIDC RP-Initiated Logout 1.0, with the pages that belong to it. */
export function endSessionPages(parts: {
  issuer: string;
  issuerOrigin: string;
  /** The issuer's path. */
  basePath: string;
  clients: Clients;
  idTokens: OwnTokenVerifier;
  signIns: SignIns;
  subjects: Subjects;
  sessionLimits: SessionLimits;
  cookieNames: CookieNames;
  handles: LogoutHandles;
  signOut: SignOut;
  /** The first makes form tokens, each of them is accepted. */
  formKeys: readonly [KeyObject, ...KeyObject[]];
  pages: Pages;
}): readonly PageRoute[] {
  const { clients, signIns, cookieNames, handles, signOut, formKeys, pages } = parts;

  async function readRequest(params: URLSearchParams, now: Date): Promise<LogoutRequest> {
    const decision = await decideEndSession(params, { issuer: parts.issuer, clients, idTokens: parts.idTokens, now });
    if (decision.kind === "refused") throw decision.error;
    return decision.request;
  }

  function openHandle(handle: string, now: Date): LogoutRequest {
    const request = handles.open(handle, "page", now);
    if (request === undefined) throw new InvalidInput(400, "this page is no longer valid; please sign out again");
    return request;
  }

  // The token counts for the person who was asked, and for what was asked of them.
  const formToken = (key: KeyObject, hash: Buffer, request: string) =>
    createHmac("sha256", key).update("logout\0").update(hash).update(request).digest("base64url");

  async function confirm({ response, now }: Visit, request: LogoutRequest, session: Session): Promise<void> {
    const client = request.clientId === undefined ? undefined : await clients.find(request.clientId);
    const handle = handles.seal(request, "page", now);
    const view = {
      clientName: client === undefined ? undefined : (client.name ?? client.id),
      userEmail: session.user.email,
      action: `${parts.basePath}${CONFIRM_PATH}`,
      formToken: formToken(formKeys[0], session.hash, handle),
      request: handle,
    };
    pages.show(response, 200, (theme) => renderLogoutPage(theme, view));
  }

  function findSession(hash: Buffer | undefined, now: Date): Promise<Session | undefined> {
    const { idleSeconds } = parts.sessionLimits;
    return hash === undefined
      ? Promise.resolve(undefined)
      : signIns.findSession(hash, OWN_PAGES_CLIENT_ID, now, idleSeconds);
  }

  return [
    {
      path: END_SESSION_PATH,
      async GET(visit) {
        const query = readQuery(visit.request);
        const handle = query.get("request");
        const request = handle === null ? await readRequest(query, visit.now) : openHandle(handle, visit.now);
        const hash = readSessionHash(visit.request, cookieNames);
        const session = await findSession(hash, visit.now);
        if (session !== undefined && mustConfirmLogout(request, session, parts.subjects))
          return confirm(visit, request, session);
        const { hint, returnTo } = request;
        const by = hint === undefined ? "link" : "redirect";
        // One that has expired is found by nobody, yet its clients may still hold theirs.
        const mayEnd = hash !== undefined && (session !== undefined || namesSession(request, hash));
        await signOut(visit, { session: mayEnd ? { hash, userId: session?.user.id } : undefined, returnTo, by });
      },

      // A POST from the client's site brings no Lax cookie, so the session would not be seen: it is turned into a GET, and
      // what was posted is kept out of its address.
      async POST({ request, response, now }) {
        if (readQuery(request).size > 0) throw new InvalidInput(400, "parameters belong into the body alone");
        const asked = await readRequest(await readForm(request, MAX_FORM_BYTES), now);
        const handle = handles.seal(asked, "page", now);
        response.redirect(303, `${parts.basePath}${END_SESSION_PATH}?request=${handle}`);
      },
    },
    {
      path: CONFIRM_PATH,
      async POST(visit) {
        refuseForeignOrigin(visit.request, parts.issuerOrigin);
        const form = await readForm(visit.request, MAX_FORM_BYTES);
        const handle = form.get("request") ?? "";
        const { returnTo } = openHandle(handle, visit.now);
        const session = await findSession(readSessionHash(visit.request, cookieNames), visit.now);
        const token = form.get("form_token") ?? "";
        if (session === undefined) return signOut(visit, { session: undefined, returnTo, by: "page" });
        // Each key is tried, whichever fits: the time must not tell which one did.
        if (formKeys.filter((key) => equalInConstantTime(token, formToken(key, session.hash, handle))).length === 0) {
          throw new InvalidInput(403, "this form is no longer valid; please sign out again");
        }
        await signOut(visit, { session: { hash: session.hash, userId: session.user.id }, returnTo, by: "page" });
      },
    },
  ];
}
