import type { LoginState } from "@dex/oidc";
import type { ConnectorSet } from "../live/connector-set.ts";

/** What the next page of the flow says first: a whole sentence. */
export function describeNotice(state: LoginState, connectors: ConnectorSet): string | undefined {
  const { unmatched } = state;
  const name = unmatched && (connectors.find(unmatched.connectorId)?.displayName ?? unmatched.connectorId);
  switch (state.notice) {
    case undefined:
      return undefined;
    case "address confirmed":
      return "Your address is confirmed. You can sign in now.";
    case "password changed":
      return "Your password is changed. You can sign in with it now.";
    case "no account yet":
      return "There is no account for you yet. You can create one.";
    case "account exists already":
      return `An account with your email address exists already. Sign in to it${name === undefined ? "" : ` to connect ${name}`}.`;
  }
}
