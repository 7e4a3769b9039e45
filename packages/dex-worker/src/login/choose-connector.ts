import type { Clients, LoginState } from "@dex/oidc";
import type { ConnectorSet } from "../live/connector-set.ts";
import { readQuery } from "../middleware/form-body.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { LoginCookies } from "./login-cookies.ts";
import { describeNotice } from "./notices.ts";
import { type ChooserMode, offeredConnectors } from "./offered-connectors.ts";
import { openFlow } from "./open-flow.ts";
import type { LoginPaths } from "./paths.ts";

/** The page on which a person picks a way to sign in, to register, or to link. */
export function makeConnectorChooser(parts: {
  clients: Clients;
  connectors: ConnectorSet;
  registration: boolean;
  dispatcher: Dispatcher;
  cookies: LoginCookies;
  paths: LoginPaths;
  pages: Pages;
}): (visit: Visit) => Promise<void> {
  const { clients, connectors, registration, dispatcher, cookies, paths, pages } = parts;

  /** What the flow is at, or undefined when there is nothing to choose any more. */
  async function modeOf(visit: Visit, state: LoginState): Promise<ChooserMode | undefined> {
    if (state.intent === "register") return "register";
    if (state.intent === "sign in") return "sign in";
    const { kind } = await dispatcher.decide(visit, state);
    return kind === "authenticate" ? "sign in" : kind === "prove identity" ? "link" : undefined;
  }

  /** From signing in to registering and back: everything that the client asked for stays in the login state (v1 L10). */
  function changeMode(visit: Visit, state: LoginState, wanted: string): Promise<void> {
    const { request } = state;
    const anyConnector = { ...request, connectorId: undefined };
    if (wanted === "register" && registration && state.intent !== "link") {
      const changed = { ...state, intent: "register", unmatched: undefined, notice: undefined } as const;
      return dispatcher.authenticate(visit, { ...changed, request: anyConnector });
    }
    const intent = state.intent === "register" ? "sign in" : state.intent;
    return dispatcher.authenticate(visit, { ...state, intent, request: anyConnector });
  }

  return async (visit) => {
    const state = openFlow(visit, cookies);
    const wanted = readQuery(visit.request).get("mode");
    if (wanted !== null) return changeMode(visit, state, wanted);
    const mode = await modeOf(visit, state);
    if (mode === undefined) return dispatcher.next(visit, state);
    if (connectors.all().length === 0) {
      return pages.error(visit.response, 503, {
        title: "Nobody can sign in yet",
        message: "no way to sign in has been set up here; please tell the administrator",
      });
    }
    const client = await clients.find(state.request.clientId);
    pages.chooser(visit.response, 200, {
      clientName: client?.name ?? state.request.clientId,
      mode,
      notice: describeNotice(state, connectors),
      connectors: (await offeredConnectors(parts, state, mode)).map(({ id, displayName, connector }) => ({
        id,
        displayName,
        href:
          mode === "register" && connector?.type === "local" ? paths.register(state.id) : paths.connector(id, state.id),
        available: connector !== undefined,
      })),
      ...(registration && state.intent !== "link"
        ? { otherModeHref: paths.chooser(state.id, mode === "register" ? "sign in" : "register") }
        : {}),
    });
  };
}
