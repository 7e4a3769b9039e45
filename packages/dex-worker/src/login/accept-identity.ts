import type { Connector, Identity } from "@dex/connectors";
import type { LoginState } from "@dex/oidc";
import type { Logger, Random } from "@dex/runtime";
import { decideSignIn, newUserId, type SignInDecision, type SignInRefusal, type Users } from "@dex/users";
import type { ConnectorSet } from "../live/connector-set.ts";
import { requestIdOf } from "../middleware/request-id.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { LoginCookies } from "./login-cookies.ts";
import type { LoginPaths } from "./paths.ts";

/** Turns a proved identity into one of our users, or says why not, and hands over to the dispatcher. */
export type AcceptIdentity = (
  visit: Visit,
  state: LoginState,
  connector: Connector,
  identity: Identity,
) => Promise<void>;

const REFUSALS: Readonly<Record<SignInRefusal, string>> = {
  disabled: "this account may not sign in; please ask the administrator",
  "no account": "there is no account here for you yet; please ask the administrator for one",
  "email belongs to another account":
    "an account with your email address exists already; please sign in the way you did before",
  "email missing": "your account there has no email address, which is needed here",
};

export function makeAcceptIdentity(parts: {
  users: Users;
  automaticRegistration: boolean;
  dispatcher: Dispatcher;
  connectors: ConnectorSet;
  cookies: LoginCookies;
  paths: LoginPaths;
  pages: Pages;
  random: Random;
  logger: Logger;
}): AcceptIdentity {
  const { users, dispatcher, connectors, cookies, paths, pages, logger } = parts;

  async function look(visit: Visit, clientId: string, connector: Connector, identity: Identity) {
    const owner = await users.findByIdentity(identity, clientId);
    const policy = {
      automaticRegistration: parts.automaticRegistration,
      localConnectorId: connector.type === "local" ? connector.id : undefined,
    };
    const decision: SignInDecision = decideSignIn(identity, owner, policy, visit.now);
    return { decision, consentedScope: owner.consentedScope };
  }

  return async (visit, state, connector, identity) => {
    const { clientId } = state.request;
    let { decision, consentedScope } = await look(visit, clientId, connector, identity);
    if (decision.kind === "register") {
      const actor = { kind: "registration", id: undefined, address: visit.request.ip } as const;
      await users.register({ id: newUserId(parts.random), ...decision.user }, identity, actor);
      // Of two racing first sign-ins one has created the user; both find it now.
      ({ decision, consentedScope } = await look(visit, clientId, connector, identity));
    }
    if (decision.kind === "sign in") {
      const { user } = decision;
      const tried = { account: user.email, source: visit.request.ip ?? "" };
      const rightPassword = connector.login.kind === "password" ? tried : undefined;
      return dispatcher.signedIn(visit, state, { user, identity, consentedScope, rightPassword });
    }
    const reason = decision.kind === "refused" ? decision.reason : "no account";
    logger.info("identity not accepted", { requestId: requestIdOf(visit.response), connectorId: connector.id, reason });
    // One answer per trip (MIX-2): the state that goes on has none under way.
    cookies.write(visit.response, state);
    pages.error(visit.response, 403, {
      title: "You cannot sign in with this account",
      message: REFUSALS[reason],
      ...(connectors.all().length > 1 ? { backHref: paths.chooser(state.id) } : {}),
    });
  };
}
