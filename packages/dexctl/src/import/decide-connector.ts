// What becomes of one found connector. Pure.
import { isDeepStrictEqual } from "node:util";
import { MAX_CONNECTORS, parseConnectorConfigs, redactConnector, type StoredConnector } from "@dex/connectors";
import type { FoundConnector } from "./import-source.ts";

export type ConnectorDecision =
  | { readonly kind: "take"; readonly connector: StoredConnector }
  | { readonly kind: "here"; readonly differs: boolean }
  | { readonly kind: "refused"; readonly reason: string };

/** `here` is all that is here, with what this import has taken already. */
export function decideConnector(found: FoundConnector, here: readonly StoredConnector[]): ConnectorDecision {
  if (found.entry === undefined) return refused("its stored configuration is not JSON");
  const parsed = parseConnectorConfigs([found.entry]);
  if (parsed.kind === "refused") return refused(parsed.reason);
  const [connector] = parsed.connectors;
  if (connector === undefined) return refused("it could not be read");
  const same = here.find(({ id }) => id === connector.id);
  if (same !== undefined) {
    // The stored secrets may be sealed, so they cannot be compared.
    return { kind: "here", differs: !isDeepStrictEqual(redactConnector(same), redactConnector(connector)) };
  }
  const local = here.find(({ type }) => type === "local");
  if (connector.type === "local" && local !== undefined) {
    return refused(`there is a connector of type "local" here, "${local.id}", and there can be only one`);
  }
  if (here.length >= MAX_CONNECTORS) return refused(`there are ${MAX_CONNECTORS} connectors here, and no more can be`);
  return { kind: "take", connector };
}

function refused(reason: string): ConnectorDecision {
  return { kind: "refused", reason };
}
