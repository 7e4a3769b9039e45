import { isDeepStrictEqual } from "node:util";
import {
  type Connector,
  describeUnopenable,
  type OpenedConnector,
  type StoredConnector,
  type UnsealedConnector,
} from "@dex/connectors";
import type { Logger } from "@dex/runtime";

/** A connector as configured; `connector` is undefined when its configuration cannot be opened. */
export interface ConnectorEntry {
  readonly id: string;
  readonly displayName: string;
  readonly connector: Connector | undefined;
  /** The callback address that its configuration names, as those of dex v2 do. Undefined: whatever ours is. */
  readonly redirectUri: string | undefined;
}

export interface ConnectorSet {
  /** All of them, ordered by id. */
  all(): readonly ConnectorEntry[];
  find(id: string): ConnectorEntry | undefined;
  /**
   * Takes over a new configuration and closes the connectors it no longer holds. One whose configuration did not change
   * stays as it is, with its caches, even if its secrets were sealed again; one that cannot be opened is listed as
   * unavailable and disturbs no other.
   */
  replace(stored: readonly StoredConnector[]): void;
}

export function makeConnectorSet(parts: {
  unseal: (stored: StoredConnector) => UnsealedConnector;
  open: (unsealed: StoredConnector) => OpenedConnector;
  logger: Logger;
}): ConnectorSet {
  // With the configuration it was made of: the unsealed one, or the stored one when its seals cannot be opened.
  let entries: readonly (ConnectorEntry & { source: StoredConnector })[] = [];
  const openEntry = (stored: StoredConnector) => {
    const { id } = stored;
    const unsealed = parts.unseal(stored);
    const source = unsealed.kind === "unsealed" ? unsealed.connector : stored;
    const kept = entries.find((entry) => isDeepStrictEqual(entry.source, source));
    if (kept !== undefined) return kept;
    const opened =
      unsealed.kind === "unsealed"
        ? parts.open(unsealed.connector)
        : { kind: "refused" as const, reason: describeUnopenable(unsealed.fields) };
    if (opened.kind === "connector") {
      const { connector } = opened;
      return { id, displayName: connector.displayName, connector, redirectUri: redirectUriOf(source), source };
    }
    parts.logger.error("connector cannot be opened", { connectorId: id, reason: opened.reason });
    return { id, displayName: id, connector: undefined, redirectUri: undefined, source };
  };
  return {
    all: () => entries,
    find: (id) => entries.find((entry) => entry.id === id),
    replace(stored) {
      const before = entries;
      entries = stored.map(openEntry).sort((left, right) => (left.id < right.id ? -1 : 1));
      for (const old of before) if (!entries.includes(old)) old.connector?.close?.();
    },
  };
}

function redirectUriOf({ config: { redirectURI } }: StoredConnector): string | undefined {
  return typeof redirectURI === "string" && redirectURI !== "" ? redirectURI : undefined;
}
