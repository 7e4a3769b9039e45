import {
  audiencesOf,
  type Client,
  type Clients,
  isClientIdUrl,
  type LoginState,
  type NextStep,
  OAuthError,
  OUT_OF_BAND,
  type Resources,
  type Session,
} from "@dex/oidc";
import { isLoopback } from "@dex/runtime";
import { readForm } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import { describeAskedOfResources, isScopeOfOurs } from "./asked-of-resources.ts";
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
  resources: Resources;
}): Consent {
  const { clients, dispatcher, cookies, paths, pages } = parts;

  async function show(visit: Visit, state: LoginState, step: NextStep & { kind: "consent" }): Promise<void> {
    const client = await clients.find(state.request.clientId);
    const view = {
      clientName: nameOf(client, state.request.clientId),
      ...(client?.clientUri === undefined ? {} : { clientUri: client.clientUri }),
      logoUri: client?.logoUri,
      policyUri: client?.details.policy_uri,
      termsUri: client?.details.tos_uri,
      redirectHost: hostOf(state.request.redirectUri),
      redirectsToDevice: isOnThisDevice(state.request.redirectUri),
      unverified: client?.dynamic === true,
      clientHost: client?.dynamic === true && isClientIdUrl(client.id) ? new URL(client.id).host : undefined,
      userEmail: step.session.user.email,
      scopes: step.scope.filter(isScopeOfOurs),
      resources: describeAskedOfResources(state.request, parts.resources),
      otherClients: await namesOfOthers(state.request.clientId, step.scope),
      action: paths.consent(state.id),
      formToken: tokenFor(state, step.session),
    };
    pages.consent(visit.response, 200, view, formTargets(state.request.redirectUri));
  }

  /** Who else is to be told who the person is, by this client's tokens. */
  async function namesOfOthers(clientId: string, scope: readonly string[]): Promise<readonly string[]> {
    const ids = audiencesOf(scope).filter((id) => id !== clientId);
    return Promise.all(ids.map(async (id) => nameOf(await clients.find(id), id)));
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
      if (decision === "approve") return dispatcher.finish(visit, state, step.session, step.scope);
      if (decision === "deny")
        return dispatcher.refuse(
          visit,
          state,
          new OAuthError("access_denied", "consent was not given"),
          step.session.hash,
        );
      throw new InvalidInput(400, "the form says neither yes nor no");
    },
  };
}

// The answer counts for the person who was asked: after somebody else signed in, in another tab, the form is dead.
function tokenFor(state: LoginState, session: Session): string {
  return `${state.formToken}.${session.hash.toString("base64url")}`;
}

function nameOf(client: Client | undefined, id: string): string {
  return client?.name ?? id;
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
