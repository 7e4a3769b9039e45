import type { Clients, DeviceRequests, LoginState, NextStep, Resources, Session } from "@dex/oidc";
import type { Logger } from "@dex/runtime";
import type { ApprovalDoneView, ApprovalView, Theme } from "@dex/web";
import type { ConnectorSet } from "../live/connector-set.ts";
import { describeAskedOfResources, isScopeOfOurs } from "../login/asked-of-resources.ts";
import type { Dispatcher } from "../login/dispatcher.ts";
import type { LoginCookies } from "../login/login-cookies.ts";
import { scopeThrough } from "../login/offered-connectors.ts";
import { checkFormToken, openFlow } from "../login/open-flow.ts";
import type { LoginPaths } from "../login/paths.ts";
import { nameOfClient, namesOfOtherClients, questionToken, readDecision } from "../login/question.ts";
import { readForm } from "../middleware/form-body.ts";
import type { InvalidInput } from "../middleware/invalid-input.ts";
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
  /** Where a person begins again when the flow has come to nothing. */
  readonly backHref: string;
  /** The page. Throws InvalidInput when there is nothing left to answer. */
  prepare(about: About, now: Date): Promise<(theme: Theme, view: ApprovalView) => string>;
  renderDone(theme: Theme, view: ApprovalDoneView): string;
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
    paths: LoginPaths;
    pages: Pages;
    logger: Logger;
  },
): PageRoute {
  const { clients, connectors, devices, dispatcher, cookies, paths, pages } = parts;

  /** What is missing for this flow when it is not the approval, is done first: undefined then. */
  async function stepOf(visit: Visit, state: LoginState): Promise<(ApprovalStep & { about: About }) | undefined> {
    const step = await dispatcher.decide(visit, state);
    const about = kind.aboutOf(state);
    if (step.kind === "approve device" && about !== undefined) return { ...step, about };
    await dispatcher.next(visit, state);
    return undefined;
  }

  const scopeOf = ({ request }: LoginState, { connectorId }: Session) =>
    scopeThrough(connectors.find(connectorId), request.scope);

  return {
    path: kind.path,

    async GET(visit) {
      const state = openFlow(visit, cookies, kind.backHref);
      const step = await stepOf(visit, state);
      if (step === undefined) return;
      const { clientId } = state.request;
      const client = await clients.find(clientId);
      const scope = scopeOf(state, step.session);
      const view: ApprovalView = {
        clientName: client?.name ?? clientId,
        unverified: client?.dynamic === true,
        userEmail: step.session.user.email,
        scopes: scope.filter(isScopeOfOurs),
        resources: describeAskedOfResources(state.request, parts.resources),
        otherClients: await namesOfOtherClients(clients, clientId, scope),
        action: kind.actionOf(state.id),
        formToken: questionToken(state, step.session),
      };
      const render = await kind.prepare(step.about, visit.now);
      pages.show(visit.response, 200, (theme) => render(theme, view));
    },

    async POST(visit) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const state = openFlow(visit, cookies, kind.backHref);
      const form = await readForm(visit.request);
      const step = await stepOf(visit, state);
      if (step === undefined) return;
      const { session, about } = step;
      checkFormToken(form, questionToken(state, session));
      const decision: Decision = readDecision(form) === "approve" ? "approved" : "denied";
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
      const clientName = await nameOfClient(clients, clientId);
      pages.show(visit.response, 200, (theme) =>
        kind.renderDone(theme, { decision, clientName, accountHref: paths.account }),
      );
    },
  };
}
