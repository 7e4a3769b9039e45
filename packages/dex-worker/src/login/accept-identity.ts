import type { Connector, Identity, ProvedIdentity } from "@dex/connectors";
import { askedOfUpstream, type LoginState, releasedScope, type Session, type UnmatchedIdentity } from "@dex/oidc";
import { describeError, type Logger, type Random } from "@dex/runtime";
import {
  type AccountLinks,
  attemptAccountOf,
  decideSignIn,
  newUserId,
  type SignInDecision,
  type SignInRefusal,
  type User,
  type Users,
} from "@dex/users";
import type { ConnectorSet } from "../live/connector-set.ts";
import { requestIdOf } from "../middleware/request-id.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { LoginCookies } from "./login-cookies.ts";
import { isForOwnPages } from "./own-pages-client.ts";
import type { LoginPaths } from "./paths.ts";

/** An identity that the login state kept: proved earlier in this flow, its groups and its grant too large to travel. */
export interface RememberedIdentity {
  readonly kind: "remembered";
  readonly identity: Identity;
}

/** Turns a proved identity into one of our users, or says why not, and hands over to the dispatcher. */
export type AcceptIdentity = (
  visit: Visit,
  state: LoginState,
  connector: Connector,
  proved: ProvedIdentity | RememberedIdentity,
) => Promise<void>;

const REFUSALS: Readonly<Record<SignInRefusal, string>> = {
  disabled: "this account may not sign in; please ask the administrator",
  "no account": "there is no account here for you yet; please ask the administrator for one",
  "email missing": "your account there has no email address, which is needed here",
};

export interface AcceptIdentityParts {
  users: Users;
  /** Promises the mail that confirms an address nobody vouched for. */
  requestVerification: AccountLinks["requestVerification"];
  automaticRegistration: boolean;
  registration: boolean;
  dispatcher: Dispatcher;
  connectors: ConnectorSet;
  cookies: LoginCookies;
  paths: LoginPaths;
  pages: Pages;
  random: Random;
  logger: Logger;
}

export function makeAcceptIdentity(parts: AcceptIdentityParts): AcceptIdentity {
  const { users, dispatcher, connectors, cookies, paths, pages, logger } = parts;

  type Seen = { decision: SignInDecision; consentedScope: readonly string[] | undefined };
  async function look(visit: Visit, state: LoginState, connector: Connector, identity: Identity): Promise<Seen> {
    const owner = await users.findByIdentity(identity, state.request.clientId);
    const policy = {
      wish: state.intent === "register" ? "register" : "sign in",
      automaticRegistration: parts.automaticRegistration,
      // Who links an identity has an account.
      registration: parts.registration && state.intent !== "link",
      localConnectorId: connector.type === "local" ? connector.id : undefined,
    } as const;
    return { decision: decideSignIn(identity, owner, policy, visit.now), consentedScope: owner.consentedScope };
  }

  async function register(visit: Visit, state: LoginState, identity: Identity, user: Omit<User, "id" | "disabled">) {
    const actor = { kind: "registration", id: undefined, address: visit.request.ip } as const;
    const id = newUserId(parts.random);
    const outcome = await users.register({ id, ...user }, identity, actor);
    if (outcome !== "registered" || user.emailVerified) return;
    const { clientId, redirectUri } = state.request;
    const forClient = isForOwnPages(state)
      ? { clientId: undefined, redirectUri: undefined }
      : { clientId, redirectUri };
    const origin = { ...forClient, flowId: undefined, locale: undefined };
    // The sign-in does not hang on it: the account page offers the mail again.
    await parts.requestVerification(id, origin, visit.now).catch((error: unknown) => {
      logger.warn("verification mail not promised", { userId: id, ...describeError(error) });
    });
  }

  /** The person is signed in and proves one more identity. */
  async function acceptForLink(visit: Visit, state: LoginState, session: Session, identity: Identity): Promise<void> {
    const { user } = await users.findByIdentity(identity, state.request.clientId);
    const mine = user?.id === session.user.id;
    if (user === undefined) return dispatcher.next(visit, { ...state, unmatched: toUnmatched(identity, visit.now) });
    if (mine) return dispatcher.next(visit, { ...state, intent: "sign in", unmatched: undefined });
    refuse(visit, { ...state, unmatched: undefined }, identity, "identity of another user", {
      title: "This was not connected",
      message: "it belongs to another account here already",
      backHref: paths.chooser(state.id),
    });
  }

  function refuse(
    visit: Visit,
    state: LoginState,
    identity: Identity,
    reason: string,
    page: { title: string; message: string; backHref?: string },
  ): void {
    const { connectorId } = identity;
    logger.info("identity not accepted", { requestId: requestIdOf(visit.response), connectorId, reason });
    // One answer per trip (MIX-2): the state that goes on has none under way.
    cookies.write(visit.response, state);
    pages.error(visit.response, 403, page);
  }

  return async (visit, state, connector, given) => {
    const { identity } = given;
    // Of what was remembered the upstream is asked once more where the client asks for it.
    const asked = given.kind === "identity" ? askedOfUpstream(releasedScope(state.request)) : [];
    const grant = given.kind === "identity" ? given.grant : undefined;
    if (state.intent === "link") {
      const step = await dispatcher.decide(visit, state);
      if (step.kind === "prove identity") return acceptForLink(visit, state, step.session, identity);
    }
    let { decision, consentedScope } = await look(visit, state, connector, identity);
    if (decision.kind === "register") {
      await register(visit, state, identity, decision.user);
      // Of two racing first sign-ins one has created the user; both find it now.
      const signingIn = { ...state, intent: "sign in" } as const;
      ({ decision, consentedScope } = await look(visit, signingIn, connector, identity));
    }
    const proved = { ...state, unmatched: toUnmatched(identity, visit.now) };
    switch (decision.kind) {
      case "sign in": {
        const { user } = decision;
        const account = connector.type === "local" ? user.email : attemptAccountOf(identity);
        const tried = { account, source: visit.request.ip ?? "" };
        // A ticket that came in place of a password says nothing of who has been guessing.
        const typed = connector.login.kind === "password" && identity.amr.includes("pwd");
        const rightPassword = typed ? tried : undefined;
        const person = { user, identity, consentedScope, rightPassword, asked, grant };
        return dispatcher.signedIn(
          visit,
          isUnmatched(state, identity) ? { ...state, unmatched: undefined } : state,
          person,
        );
      }
      case "registered already":
      case "no account yet":
        return dispatcher.goOn(visit, proved, paths.identity(state.id));
      case "ask for address":
        return dispatcher.goOn(visit, proved, paths.register(state.id));
      case "account exists": {
        const intent = state.intent === "link" ? "link" : "sign in";
        const request = { ...state.request, connectorId: undefined, loginHint: identity.email };
        return dispatcher.authenticate(visit, { ...proved, intent, request, notice: "account exists already" });
      }
      // Registered a moment ago and gone again, or somebody else was faster with the address.
      case "register":
      case "refused": {
        const reason = decision.kind === "refused" ? decision.reason : "no account";
        return refuse(visit, state, identity, reason, {
          title: "You cannot sign in with this account",
          message: REFUSALS[reason],
          ...(connectors.all().length > 1 ? { backHref: paths.chooser(state.id) } : {}),
        });
      }
    }
  };
}

function isUnmatched({ unmatched }: LoginState, identity: Identity): boolean {
  return unmatched?.connectorId === identity.connectorId && unmatched.remoteId === identity.remoteId;
}

function toUnmatched(identity: Identity, now: Date): UnmatchedIdentity {
  const { connectorId, remoteId, email, emailVerified, displayName, preferredUsername, authTime, amr, sid } = identity;
  return {
    connectorId,
    remoteId,
    email,
    emailVerified,
    displayName,
    preferredUsername,
    authTime: authTime ?? now,
    amr,
    ...(sid === undefined ? {} : { sid }),
  };
}

/** The identity that the login state keeps. Its groups were too many to travel. */
export function toIdentity(unmatched: UnmatchedIdentity): Identity {
  return { ...unmatched, groups: undefined };
}
