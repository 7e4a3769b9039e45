import { type Clients, type LoginState, type NextStep, OAuthError, type Session } from "@dex/oidc";
import { readForm } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { formTargets } from "./form-targets.ts";
import type { LoginCookies } from "./login-cookies.ts";
import { checkFormToken, openFlow } from "./open-flow.ts";
import type { LoginPaths } from "./paths.ts";

export interface Consent {
  /** GET: asks the signed-in person what the client may know. */
  ask(visit: Visit): Promise<void>;
  /** POST: the answer. */
  answer(visit: Visit): Promise<void>;
}

export function makeConsent(parts: {
  issuerOrigin: string;
  clients: Clients;
  dispatcher: Dispatcher;
  cookies: LoginCookies;
  paths: LoginPaths;
  pages: Pages;
}): Consent {
  const { clients, dispatcher, cookies, paths, pages } = parts;

  async function show(visit: Visit, state: LoginState, step: NextStep & { kind: "consent" }): Promise<void> {
    const client = await clients.find(state.request.clientId);
    const redirect = new URL(state.request.redirectUri);
    const view = {
      clientName: client?.name ?? state.request.clientId,
      ...(client?.clientUri === undefined ? {} : { clientUri: client.clientUri }),
      redirectHost: redirect.host === "" ? redirect.protocol : redirect.host,
      userEmail: step.session.user.email,
      scopes: step.scope,
      action: paths.consent(state.id),
      formToken: tokenFor(state, step.session),
    };
    pages.consent(visit.response, 200, view, formTargets(state.request.redirectUri));
  }

  return {
    async ask(visit) {
      const state = openFlow(visit, cookies);
      const step = await dispatcher.decide(visit, state);
      return step.kind === "consent" ? show(visit, state, step) : dispatcher.next(visit, state);
    },

    async answer(visit) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const state = openFlow(visit, cookies);
      const form = await readForm(visit.request);
      const step = await dispatcher.decide(visit, state);
      if (step.kind !== "consent") return dispatcher.next(visit, state);
      checkFormToken(form, tokenFor(state, step.session));
      const decision = form.get("decision");
      if (decision === "approve") return dispatcher.finish(visit, state, step.session, state.request.scope);
      if (decision === "deny")
        return dispatcher.refuse(visit, state, new OAuthError("access_denied", "consent was not given"));
      throw new InvalidInput(400, "the form says neither yes nor no");
    },
  };
}

// The answer counts for the person who was asked: after somebody else signed in, in another tab, the form is dead.
function tokenFor(state: LoginState, session: Session): string {
  return `${state.formToken}.${session.hash.toString("base64url")}`;
}
