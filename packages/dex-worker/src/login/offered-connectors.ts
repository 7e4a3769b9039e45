// Which connectors a flow offers, and whether one may be used for it: the same rules for every page and every step.
import { CIBA_GRANT, type Clients, DEVICE_CODE_GRANT, grantTypesOf, type LoginState } from "@dex/oidc";
import type { ConnectorEntry, ConnectorSet } from "../live/connector-set.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";

/** What a chooser is for. Linking only makes sense once somebody is signed in. */
export type ChooserMode = "sign in" | "register" | "link";

/** `clients` with what stands for our own pages, which allows every connector. */
export interface OfferParts {
  readonly connectors: ConnectorSet;
  readonly clients: Clients;
}

/** The connectors that this flow offers, ordered by id. */
export async function offeredConnectors(
  parts: OfferParts,
  state: LoginState,
  mode: ChooserMode,
): Promise<readonly ConnectorEntry[]> {
  const { unmatched, notice } = state;
  // Who is to sign in to an account that exists cannot do so with the identity that is not linked to it yet.
  const isWay = ({ id, connector }: ConnectorEntry) =>
    mode === "link"
      ? connector?.type !== "local"
      : !(notice === "account exists already" && unmatched?.connectorId === id);
  const allowed = await allowedBy(parts.clients, state);
  const ways = parts.connectors.all().filter((entry) => isWay(entry) && allowed(entry));
  const shown = state.request.shownConnectorIds;
  // dex v1: unknown ids are ignored. The client may have named the very connector that just did not lead to an account.
  if (shown === undefined || notice === "account exists already") return ways;
  return ways.filter(({ id }) => shown.includes(id));
}

/** The connector that checks our own passwords, where it is offered and can be used. */
export async function offeredLocalConnector(parts: OfferParts, state: LoginState): Promise<ConnectorEntry | undefined> {
  const offered = await offeredConnectors(parts, state, "register");
  return offered.find(({ connector }) => connector?.type === "local");
}

/**
 * Throws InvalidInput when the client of this flow does not allow sign-in through the connector, or the connector is not for
 * people in a browser. To be asked at each step that takes a connector from an address, since what was allowed when the
 * flow began may not be any more (SAM-8).
 */
export async function refuseUnlessAllowed(parts: OfferParts, state: LoginState, connectorId: string): Promise<void> {
  const entry = parts.connectors.find(connectorId);
  if (entry === undefined) throw new InvalidInput(404, "this way to sign in does not exist");
  if ((await allowedBy(parts.clients, state))(entry)) return;
  throw new InvalidInput(403, "the application does not allow this way to sign in; please choose another one");
}

async function allowedBy(clients: Clients, state: LoginState): Promise<(entry: ConnectorEntry) => boolean> {
  const client = await clients.find(state.request.clientId);
  return (entry) => client?.allowedConnectors?.includes(entry.id) !== false && servesAnswer(entry, state);
}

function grantsNeeded({
  request,
  deviceUserCode,
  backchannelRequest,
}: Pick<LoginState, "request" | "deviceUserCode" | "backchannelRequest">): NonNullable<ConnectorEntry["grantTypes"]> {
  if (backchannelRequest !== undefined) return [CIBA_GRANT];
  return deviceUserCode === undefined ? grantTypesOf(request.responseType) : [DEVICE_CODE_GRANT];
}

/** Whether the connector's `grantTypes` let it sign people in for what the flow is to end with (dex v2). */
export function servesAnswer(
  { grantTypes }: ConnectorEntry,
  state: Pick<LoginState, "request" | "deviceUserCode" | "backchannelRequest">,
): boolean {
  const needed = grantsNeeded(state);
  return grantTypes === undefined || needed.every((grant) => grantTypes.includes(grant));
}

/** What of a scope can be had through a connector: no offline access where it cannot be asked again, or is not to be. */
export function scopeThrough(entry: ConnectorEntry | undefined, scope: readonly string[]): readonly string[] {
  return entry?.offlineAccess === false ? scope.filter((word) => word !== "offline_access") : scope;
}
