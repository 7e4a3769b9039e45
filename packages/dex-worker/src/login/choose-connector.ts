import type { Clients, LoginState } from "@dex/oidc";
import type { ChooserView } from "@dex/web";
import type { ConnectorEntry, ConnectorSet } from "../live/connector-set.ts";
import { readForm, readQuery } from "../middleware/form-body.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { formTargets } from "./form-targets.ts";
import { connectorForAddress, MAX_ADDRESS_LENGTH } from "./home-realm.ts";
import type { LoginCookies } from "./login-cookies.ts";
import { describeNotice } from "./notices.ts";
import { type ChooserMode, offeredConnectors } from "./offered-connectors.ts";
import { checkFormToken, openFlow } from "./open-flow.ts";
import type { LoginPaths } from "./paths.ts";

/** True of an address with an account as of one without: only the domain was looked at. */
const NOBODYS_DOMAIN = "no single way to sign in is for addresses like this one; please choose one below";

/** The page on which a person picks a way to sign in, to register, or to link. */
export interface ConnectorChooser {
  /** GET: the ways there are. */
  choose(visit: Visit): Promise<void>;
  /** POST of an address: off to the connector that is for its domain. */
  find(visit: Visit): Promise<void>;
}

export function makeConnectorChooser(parts: {
  issuerOrigin: string;
  clients: Clients;
  connectors: ConnectorSet;
  registration: boolean;
  dispatcher: Dispatcher;
  cookies: LoginCookies;
  paths: LoginPaths;
  pages: Pages;
}): ConnectorChooser {
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

  /** `typed` is an address that led nowhere. */
  async function show(visit: Visit, state: LoginState, mode: ChooserMode, typed: string | undefined): Promise<void> {
    if (connectors.all().length === 0) {
      return pages.error(visit.response, 503, {
        title: "Nobody can sign in yet",
        message: "no way to sign in has been set up here; please tell the administrator",
      });
    }
    const [client, offered] = await Promise.all([
      clients.find(state.request.clientId),
      offeredConnectors(parts, state, mode),
    ]);
    const view: ChooserView = {
      clientName: client?.name ?? state.request.clientId,
      mode,
      ...(typed === undefined ? { notice: describeNotice(state, connectors) } : { message: NOBODYS_DOMAIN }),
      ...(findsByAddress(offered, mode)
        ? {
            homeRealm: {
              action: paths.chooser(state.id),
              formToken: state.formToken,
              email: typed ?? state.request.loginHint ?? "",
              wrong: typed !== undefined,
            },
          }
        : {}),
      connectors: offered.map(({ id, displayName, connector }) => ({
        id,
        displayName,
        href:
          mode === "register" && connector?.type === "local" ? paths.register(state.id) : paths.connector(id, state.id),
        available: connector !== undefined,
      })),
      ...(registration && state.intent !== "link"
        ? { otherModeHref: paths.chooser(state.id, mode === "register" ? "sign in" : "register") }
        : {}),
    };
    // The form leads to an upstream that nobody knows yet, whatever the client's own address is.
    const targets = [...formTargets(parts.issuerOrigin), ...formTargets(state.request.redirectUri)];
    pages.chooser(visit.response, typed === undefined ? 200 : 400, view, [...new Set(targets)]);
  }

  return {
    async choose(visit) {
      const state = openFlow(visit, cookies);
      const wanted = readQuery(visit.request).get("mode");
      if (wanted !== null) return changeMode(visit, state, wanted);
      const mode = await modeOf(visit, state);
      if (mode === undefined) return dispatcher.next(visit, state);
      await show(visit, state, mode, undefined);
    },

    async find(visit) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const state = openFlow(visit, cookies);
      const form = await readForm(visit.request);
      checkFormToken(form, state.formToken);
      const mode = await modeOf(visit, state);
      if (mode !== "sign in") return dispatcher.next(visit, state);
      const email = (form.get("email") ?? "").trim().slice(0, MAX_ADDRESS_LENGTH);
      const found = connectorForAddress(email, await offeredConnectors(parts, state, mode));
      if (found === undefined) return show(visit, state, mode, email);
      const request = { ...state.request, loginHint: email };
      dispatcher.goOn(visit, { ...state, request }, paths.connector(found.id, state.id));
    },
  };
}

function findsByAddress(offered: readonly ConnectorEntry[], mode: ChooserMode): boolean {
  return mode === "sign in" && offered.some(({ emailDomains, connector }) => connector && emailDomains.length > 0);
}
