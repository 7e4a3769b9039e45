import { type Clients, type LoginState, type NextStep, OAuthError, OUT_OF_BAND, type Resources } from "@dex/oidc";
import { isLoopback } from "@dex/runtime";
import { readForm } from "../middleware/form-body.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import { describeAskedOfResources, isScopeOfOurs } from "./asked-of-resources.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { formTargets } from "./form-targets.ts";
import type { LoginCookies } from "./login-cookies.ts";
import { checkFormToken, openFlow } from "./open-flow.ts";
import type { LoginPaths } from "./paths.ts";
import { hostOfClient, namesOfOtherClients, questionToken, readDecision } from "./question.ts";

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
  resources: Resources;
}): Consent {
  const { clients, dispatcher, cookies, paths, pages } = parts;

  async function show(visit: Visit, state: LoginState, step: NextStep & { kind: "consent" }): Promise<void> {
    const client = await clients.find(state.request.clientId);
    const view = {
      clientName: client?.name ?? state.request.clientId,
      ...(client?.clientUri === undefined ? {} : { clientUri: client.clientUri }),
      logoUri: client?.logoUri,
      policyUri: client?.details.policy_uri,
      termsUri: client?.details.tos_uri,
      redirectHost: hostOf(state.request.redirectUri),
      redirectsToDevice: isOnThisDevice(state.request.redirectUri),
      unverified: client?.dynamic === true,
      clientHost: client?.dynamic === true ? hostOfClient(client.id) : undefined,
      userEmail: step.session.user.email,
      scopes: step.scope.filter(isScopeOfOurs),
      resources: describeAskedOfResources(state.request, parts.resources),
      otherClients: await namesOfOtherClients(clients, state.request.clientId, step.scope),
      action: paths.consent(state.id),
      formToken: questionToken(state, step.session),
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
      checkFormToken(form, questionToken(state, step.session));
      if (readDecision(form) === "approve") return dispatcher.finish(visit, state, step.session, step.scope);
      const refused = new OAuthError("access_denied", "consent was not given");
      return dispatcher.refuse(visit, state, refused, step.session.hash);
    },
  };
}

/** What tells where the code goes; undefined where the person is shown it. */
function hostOf(redirectUri: string): string | undefined {
  if (redirectUri === OUT_OF_BAND) return undefined;
  const { host, protocol } = new URL(redirectUri);
  return host === "" ? protocol : host;
}

/** A loopback redirect_uri, RFC 8252 §7.3: which program listens there nobody can tell. */
function isOnThisDevice(redirectUri: string): boolean {
  const url = URL.parse(redirectUri);
  return url !== null && isLoopback(url);
}
