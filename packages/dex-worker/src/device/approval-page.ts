import {
  audiencesOf,
  type Clients,
  DEVICE_VERIFICATION_PATH,
  type DeviceRequests,
  isAudienceScope,
  type LoginState,
  type NextStep,
  renderUserCode,
  type Session,
  type UserCode,
  type UserCodeHashes,
} from "@dex/oidc";
import type { Logger } from "@dex/runtime";
import { renderDeviceApprovalPage, renderDeviceDonePage } from "@dex/web";
import type { ConnectorSet } from "../live/connector-set.ts";
import type { Dispatcher } from "../login/dispatcher.ts";
import type { LoginCookies } from "../login/login-cookies.ts";
import { scopeThrough } from "../login/offered-connectors.ts";
import { checkFormToken, openFlow } from "../login/open-flow.ts";
import type { LoginPaths } from "../login/paths.ts";
import { readForm } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";

type ApprovalStep = Extract<NextStep, { kind: "approve device" }>;

/**
 * The page on which a person who is signed in says whether the device may be too. Always shown, also for trusted clients and
 * for what was allowed before; and what is said here is no consent for other days: it is about the device with this code. Were
 * it recorded, who was talked into allowing a device would let the client in silently from then on.
 */
export function deviceApprovalPage(parts: {
  issuerOrigin: string;
  clients: Clients;
  connectors: ConnectorSet;
  devices: Pick<DeviceRequests, "decide">;
  userCodeHashes: UserCodeHashes;
  dispatcher: Dispatcher;
  cookies: LoginCookies;
  paths: LoginPaths;
  pages: Pages;
  logger: Logger;
}): PageRoute {
  const { clients, connectors, devices, dispatcher, cookies, paths, pages } = parts;

  /** What is missing for this flow when it is not the approval, is done first: undefined then. */
  async function stepOf(visit: Visit, state: LoginState): Promise<(ApprovalStep & { userCode: UserCode }) | undefined> {
    const step = await dispatcher.decide(visit, state);
    const { deviceUserCode: userCode } = state;
    if (step.kind === "approve device" && userCode !== undefined) return { ...step, userCode };
    await dispatcher.next(visit, state);
    return undefined;
  }

  const nameOf = async (id: string) => (await clients.find(id))?.name ?? id;
  const scopeOf = ({ request }: LoginState, { connectorId }: Session) =>
    scopeThrough(connectors.find(connectorId), request.scope);

  return {
    path: `${DEVICE_VERIFICATION_PATH}/approve`,

    async GET(visit) {
      const state = openFlow(visit, cookies);
      const step = await stepOf(visit, state);
      if (step === undefined) return;
      const { clientId } = state.request;
      const client = await clients.find(clientId);
      const scope = scopeOf(state, step.session);
      const others = audiencesOf(scope).filter((id) => id !== clientId);
      const view = {
        clientName: client?.name ?? clientId,
        unverified: client?.dynamic === true,
        userEmail: step.session.user.email,
        scopes: scope.filter((word) => !isAudienceScope(word)),
        otherClients: await Promise.all(others.map(nameOf)),
        userCode: renderUserCode(step.userCode),
        action: paths.deviceApproval(state.id),
        formToken: tokenFor(state, step.session),
      };
      pages.show(visit.response, 200, (theme) => renderDeviceApprovalPage(theme, view));
    },

    async POST(visit) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const state = openFlow(visit, cookies);
      const form = await readForm(visit.request);
      const step = await stepOf(visit, state);
      if (step === undefined) return;
      const { session, userCode } = step;
      checkFormToken(form, tokenFor(state, session));
      const decision = decisionIn(form);
      const { clientId } = state.request;
      const answer = { decision, clientId, session, scope: scopeOf(state, session) };
      const decided = await devices.decide(parts.userCodeHashes.all(userCode), answer, visit.now);
      cookies.clear(visit.response, state.id);
      if (!decided) throw new InvalidInput(400, GONE, {}, paths.device());
      parts.logger.info("device decided", { clientId, userId: session.user.id, decision });
      const clientName = await nameOf(clientId);
      pages.show(visit.response, 200, (theme) => renderDeviceDonePage(theme, { decision, clientName }));
    },
  };
}

const GONE = "this code has expired or was answered already; please begin again on the device";

function decisionIn(form: URLSearchParams): "approved" | "denied" {
  const decision = form.get("decision");
  if (decision === "approve") return "approved";
  if (decision === "deny") return "denied";
  throw new InvalidInput(400, "the form says neither yes nor no");
}

// The answer counts for the person who was asked: after somebody else signed in, in another tab, the form is dead.
function tokenFor(state: LoginState, session: Session): string {
  return `${state.formToken}.${session.hash.toString("base64url")}`;
}
