import type { LoginState } from "@dex/oidc";
import type { ConnectorEntry, ConnectorSet } from "../live/connector-set.ts";

/** What a chooser is for. Linking only makes sense once somebody is signed in. */
export type ChooserMode = "sign in" | "register" | "link";

/** The connectors that this flow offers, ordered by id. */
export function offeredConnectors(
  connectors: ConnectorSet,
  state: LoginState,
  mode: ChooserMode,
): readonly ConnectorEntry[] {
  const { unmatched, notice } = state;
  // Who is to sign in to an account that exists cannot do so with the identity that is not linked to it yet.
  const isWay = ({ id, connector }: ConnectorEntry) =>
    mode === "link"
      ? connector?.type !== "local"
      : !(notice === "account exists already" && unmatched?.connectorId === id);
  const ways = connectors.all().filter(isWay);
  const shown = state.request.shownConnectorIds;
  // dex v1: unknown ids are ignored. The client may have named the very connector that just did not lead to an account.
  if (shown === undefined || notice === "account exists already") return ways;
  return ways.filter(({ id }) => shown.includes(id));
}

/** The connector that checks our own passwords, where it is offered and can be used. */
export function offeredLocalConnector(connectors: ConnectorSet, state: LoginState): ConnectorEntry | undefined {
  return offeredConnectors(connectors, state, "register").find(({ connector }) => connector?.type === "local");
}
