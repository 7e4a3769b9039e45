import type { Clients } from "@dex/oidc";
import type { ConnectorSet } from "../live/connector-set.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import type { LoginCookies } from "./login-cookies.ts";
import { openFlow } from "./open-flow.ts";
import type { LoginPaths } from "./paths.ts";

/** The page on which a person picks a way to sign in. */
export function makeConnectorChooser(parts: {
  clients: Clients;
  connectors: ConnectorSet;
  cookies: LoginCookies;
  paths: LoginPaths;
  pages: Pages;
}): (visit: Visit) => Promise<void> {
  const { clients, connectors, cookies, paths, pages } = parts;
  return async (visit) => {
    const state = openFlow(visit, cookies);
    const client = await clients.find(state.request.clientId);
    const ways = connectors.all().map(({ id, displayName, connector }) => ({
      id,
      displayName,
      href: paths.connector(id, state.id),
      available: connector !== undefined,
    }));
    if (ways.length === 0) {
      return pages.error(visit.response, 503, {
        title: "Nobody can sign in yet",
        message: "no way to sign in has been set up here; please tell the administrator",
      });
    }
    pages.chooser(visit.response, 200, { clientName: client?.name ?? state.request.clientId, connectors: ways });
  };
}
