// An identity that was proved in this flow becomes one of the signed-in person's, if they say so. There is no other way to
// link one: an equal email address never does (ACC-12).
import { type LoginState, OAuthError, type Session } from "@dex/oidc";
import type { Logger } from "@dex/runtime";
import type { OwnAccounts, Users } from "@dex/users";
import { renderLinkIdentityPage } from "@dex/web";
import type { ConnectorSet } from "../live/connector-set.ts";
import { readForm } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import { toIdentity } from "./accept-identity.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { formTargets } from "./form-targets.ts";
import type { LoginCookies } from "./login-cookies.ts";
import { checkFormToken, openFlow } from "./open-flow.ts";
import type { LoginPaths } from "./paths.ts";
import { connectorOf } from "./unmatched-identity.ts";

export function linkIdentityPage(parts: {
  issuerOrigin: string;
  ownAccounts: OwnAccounts;
  users: Users;
  connectors: ConnectorSet;
  dispatcher: Dispatcher;
  cookies: LoginCookies;
  paths: LoginPaths;
  pages: Pages;
  logger: Logger;
}): PageRoute {
  const { ownAccounts, users, connectors, dispatcher, cookies, paths, pages, logger } = parts;

  async function link(visit: Visit, state: LoginState, session: Session): Promise<void> {
    const { unmatched } = state;
    if (unmatched === undefined) return dispatcher.next(visit, state);
    connectorOf(unmatched, connectors);
    const owner = { userId: session.user.id, sessionHash: session.hash, address: visit.request.ip };
    const outcome = await ownAccounts.link(owner, unmatched, visit.now);
    if (outcome === "signed out") return dispatcher.next(visit, state);
    if (outcome === "taken") {
      const { user } = await users.findByIdentity(toIdentity(unmatched), state.request.clientId);
      // By this very form, sent twice.
      if (user?.id !== session.user.id) return refuseTaken(visit, decided(state));
    } else {
      logger.info("identity linked", { userId: session.user.id, connectorId: unmatched.connectorId });
    }
    await dispatcher.next(visit, decided(state));
  }

  function refuseTaken(visit: Visit, state: LoginState): void {
    if (!cookies.write(visit.response, state)) throw new OAuthError("invalid_request", "the request is too large");
    pages.error(visit.response, 409, {
      title: "This was not connected",
      message: "it belongs to another account here already",
      backHref: paths.consent(state.id),
    });
  }

  return {
    path: "/link",

    async GET(visit) {
      const state = openFlow(visit, cookies);
      const step = await dispatcher.decide(visit, state);
      if (step.kind !== "link") return dispatcher.next(visit, state);
      const view = {
        connectorName: connectorOf(step.identity, connectors).displayName,
        identityName: step.identity.displayName ?? step.identity.email ?? step.identity.preferredUsername,
        userEmail: step.session.user.email,
        action: paths.link(state.id),
        formToken: tokenFor(state, step.session),
      };
      const targets = formTargets(state.request.redirectUri);
      pages.show(visit.response, 200, (theme) => renderLinkIdentityPage(theme, view), targets);
    },

    async POST(visit) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const state = openFlow(visit, cookies);
      const form = await readForm(visit.request);
      const step = await dispatcher.decide(visit, state);
      if (step.kind !== "link") return dispatcher.next(visit, state);
      checkFormToken(form, tokenFor(state, step.session));
      const decision = form.get("decision");
      if (decision === "skip") return dispatcher.next(visit, decided(state));
      if (decision === "link") return link(visit, state, step.session);
      throw new InvalidInput(400, "the form says neither yes nor no");
    },
  };
}

/** The question is answered and not asked again in this flow (BRO-6). */
function decided(state: LoginState): LoginState {
  return { ...state, intent: "sign in", unmatched: undefined };
}

// The answer counts for the person who was asked: after somebody else signed in, in another tab, the form is dead.
function tokenFor(state: LoginState, session: Session): string {
  return `link.${state.formToken}.${session.hash.toString("base64url")}`;
}
