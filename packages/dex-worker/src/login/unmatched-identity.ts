// A proved identity that does not simply sign in: nobody has it yet, or somebody who wants a new account has one with it.
// The login state keeps it; the person says what is to become of it.
import type { Connector } from "@dex/connectors";
import type { Clients, UnmatchedIdentity } from "@dex/oidc";
import type { Users } from "@dex/users";
import { renderUnmatchedIdentityPage } from "@dex/web";
import type { ConnectorSet } from "../live/connector-set.ts";
import { readForm } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import { type AcceptIdentity, toIdentity } from "./accept-identity.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { formTargets } from "./form-targets.ts";
import type { LoginCookies } from "./login-cookies.ts";
import { checkFormToken, openFlow } from "./open-flow.ts";
import type { LoginPaths } from "./paths.ts";

export function unmatchedIdentityPage(parts: {
  issuerOrigin: string;
  users: Users;
  clients: Clients;
  connectors: ConnectorSet;
  dispatcher: Dispatcher;
  acceptIdentity: AcceptIdentity;
  cookies: LoginCookies;
  paths: LoginPaths;
  pages: Pages;
}): PageRoute {
  const { users, clients, dispatcher, cookies, paths, pages } = parts;
  return {
    path: "/identity",

    async GET(visit) {
      const state = openFlow(visit, cookies);
      const { unmatched, request } = state;
      if (unmatched === undefined || state.intent === "link") return dispatcher.next(visit, state);
      const [owner, client] = await Promise.all([
        users.findByIdentity(toIdentity(unmatched), request.clientId),
        clients.find(request.clientId),
      ]);
      const { displayName } = connectorOf(unmatched, parts.connectors);
      const registered = owner.user !== undefined;
      const view = {
        kind: registered ? "registered" : "no account",
        connectorName: displayName,
        name: owner.user?.email ?? unmatched.displayName ?? unmatched.email,
        clientName: client?.name ?? request.clientId,
        action: paths.identity(state.id),
        formToken: state.formToken,
        otherWaysHref: paths.chooser(state.id, registered ? "register" : "sign in"),
      } as const;
      const render = (theme: Parameters<typeof renderUnmatchedIdentityPage>[0]) =>
        renderUnmatchedIdentityPage(theme, view);
      pages.show(visit.response, 200, render, formTargets(request.redirectUri));
    },

    async POST(visit: Visit) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const state = openFlow(visit, cookies);
      const form = await readForm(visit.request);
      checkFormToken(form, state.formToken);
      const { unmatched } = state;
      if (unmatched === undefined || state.intent === "link") return dispatcher.next(visit, state);
      const decision = form.get("decision");
      if (decision !== "create" && decision !== "continue") {
        throw new InvalidInput(400, "the form does not say what to do");
      }
      const intent = decision === "create" ? "register" : "sign in";
      const { connector } = connectorOf(unmatched, parts.connectors);
      // Decided anew: meanwhile it may have become somebody's.
      const undecided = { ...state, intent, unmatched: undefined, notice: undefined } as const;
      await parts.acceptIdentity(visit, undecided, connector, { kind: "remembered", identity: toIdentity(unmatched) });
    },
  };
}

/** The connector that proved it. Throws InvalidInput when it was taken away meanwhile. */
export function connectorOf(
  { connectorId }: UnmatchedIdentity,
  connectors: ConnectorSet,
): { readonly displayName: string; readonly connector: Connector } {
  const { displayName, connector } = connectors.find(connectorId) ?? {};
  if (displayName !== undefined && connector !== undefined) return { displayName, connector };
  throw new InvalidInput(404, "this way to sign in is not available any more; please choose another one");
}
