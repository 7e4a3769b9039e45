import {
  audiencesOf,
  type Clients,
  type DeviceRequests,
  type LoginState,
  type NextStep,
  type Resources,
  type Session,
} from "@dex/oidc";
import type { Logger } from "@dex/runtime";
import type { ApprovalView, Theme } from "@dex/web";
import type { ConnectorSet } from "../live/connector-set.ts";
import { describeAskedOfResources, isScopeOfOurs } from "../login/asked-of-resources.ts";
import type { Dispatcher } from "../login/dispatcher.ts";
import type { LoginCookies } from "../login/login-cookies.ts";
import { scopeThrough } from "../login/offered-connectors.ts";
import { checkFormToken, openFlow } from "../login/open-flow.ts";
import { readForm } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";

type ApprovalStep = Extract<NextStep, { kind: "approve device" }>;
type Decision = "approved" | "denied";

/** What is approved: a device whose code was typed, or what a client asked of this person. `About` is what the flow knows of it. */
export interface ApprovalKind<About> {
  readonly path: string;
  /** For logs. */
  readonly what: string;
  /** Undefined when the flow is about something else. */
  aboutOf(state: LoginState): About | undefined;
  /** The names of the request in the store. */
  hashesOf(about: About): readonly Buffer[];
  /** Where the form of this flow goes. */
  actionOf(flowId: string): string;
  /** The page. Throws InvalidInput when there is nothing left to answer. */
  prepare(about: About, now: Date): Promise<(theme: Theme, view: ApprovalView) => string>;
  renderDone(theme: Theme, view: { readonly decision: Decision; readonly clientName: string }): string;
  /** What who comes too late is told. */
  gone(): InvalidInput;
}

/**
 * The page on which a person who is signed in says whether a client may sign them in elsewhere. Always shown, also for trusted
 * clients and for what was allowed before; and what is said here is no consent for other days: it is about this one request.
 * Were it recorded, who was talked into allowing one would let the client in silently from then on.
 */
export function approvalPage<About>(
  kind: ApprovalKind<About>,
  parts: {
    issuerOrigin: string;
    clients: Clients;
    connectors: ConnectorSet;
    resources: Resources;
    devices: Pick<DeviceRequests, "decide">;
    dispatcher: Dispatcher;
    cookies: LoginCookies;
    pages: Pages;
    logger: Logger;
  },
): PageRoute {
  const { clients, connectors, devices, dispatcher, cookies, pages } = parts;

  /** What is missing for this flow when it is not the approval, is done first: undefined then. */
  async function stepOf(visit: Visit, state: LoginState): Promise<(ApprovalStep & { about: About }) | undefined> {
    const step = await dispatcher.decide(visit, state);
    const about = kind.aboutOf(state);
    if (step.kind === "approve device" && about !== undefined) return { ...step, about };
    await dispatcher.next(visit, state);
    return undefined;
  }

  const nameOf = async (id: string) => (await clients.find(id))?.name ?? id;
  const scopeOf = ({ request }: LoginState, { connectorId }: Session) =>
    scopeThrough(connectors.find(connectorId), request.scope);

  return {
    path: kind.path,

    async GET(visit) {
      const state = openFlow(visit, cookies);
      const step = await stepOf(visit, state);
      if (step === undefined) return;
      const { clientId } = state.request;
      const client = await clients.find(clientId);
      const scope = scopeOf(state, step.session);
      const others = audiencesOf(scope).filter((id) => id !== clientId);
      const view: ApprovalView = {
        clientName: client?.name ?? clientId,
        unverified: client?.dynamic === true,
        userEmail: step.session.user.email,
        scopes: scope.filter(isScopeOfOurs),
        resources: describeAskedOfResources(state.request, parts.resources),
        otherClients: await Promise.all(others.map(nameOf)),
        action: kind.actionOf(state.id),
        formToken: tokenFor(state, step.session),
      };
      const render = await kind.prepare(step.about, visit.now);
      pages.show(visit.response, 200, (theme) => render(theme, view));
    },

    async POST(visit) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const state = openFlow(visit, cookies);
      const form = await readForm(visit.request);
      const step = await stepOf(visit, state);
      if (step === undefined) return;
      const { session, about } = step;
      checkFormToken(form, tokenFor(state, session));
      const decision = decisionIn(form);
      const { clientId, resources, authorizationDetails } = state.request;
      const targets = {
        ...(resources === undefined ? {} : { resources }),
        ...(authorizationDetails === undefined ? {} : { authorizationDetails }),
      };
      const answer = { decision, clientId, session, scope: scopeOf(state, session), targets };
      const decided = await devices.decide(kind.hashesOf(about), answer, visit.now);
      cookies.clear(visit.response, state.id);
      if (!decided) throw kind.gone();
      parts.logger.info(`${kind.what} decided`, { clientId, userId: session.user.id, decision });
      const clientName = await nameOf(clientId);
      pages.show(visit.response, 200, (theme) => kind.renderDone(theme, { decision, clientName }));
    },
  };
}

function decisionIn(form: URLSearchParams): Decision {
  const decision = form.get("decision");
  if (decision === "approve") return "approved";
  if (decision === "deny") return "denied";
  throw new InvalidInput(400, "the form says neither yes nor no");
}

// The answer counts for the person who was asked: after somebody else signed in, in another tab, the form is dead.
function tokenFor(state: LoginState, session: Session): string {
  return `${state.formToken}.${session.hash.toString("base64url")}`;
}
