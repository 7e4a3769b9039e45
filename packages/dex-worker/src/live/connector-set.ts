import { isDeepStrictEqual } from "node:util";
import type { Connector, OpenedConnector, StoredConnector } from "@dex/connectors";
import type { Logger } from "@dex/runtime";

/** A connector as configured; `connector` is undefined when its configuration cannot be opened. */
export interface ConnectorEntry {
  readonly id: string;
  readonly displayName: string;
  readonly connector: Connector | undefined;
}

export interface ConnectorSet {
  /** All of them, ordered by id. */
  all(): readonly ConnectorEntry[];
  find(id: string): ConnectorEntry | undefined;
  /**
   * Takes over a new configuration. A connector whose configuration did not change stays as it is, with its caches; one
   * that cannot be opened is listed as unavailable and disturbs no other.
   */
  replace(stored: readonly StoredConnector[]): void;
}

export function makeConnectorSet(parts: {
  open: (stored: StoredConnector) => OpenedConnector;
  logger: Logger;
}): ConnectorSet {
  let entries: readonly (ConnectorEntry & { stored: StoredConnector })[] = [];
  const openEntry = (stored: StoredConnector) => {
    const kept = entries.find((entry) => isDeepStrictEqual(entry.stored, stored));
    if (kept !== undefined) return kept;
    const opened = parts.open(stored);
    if (opened.kind === "connector") {
      return { id: stored.id, displayName: opened.connector.displayName, connector: opened.connector, stored };
    }
    parts.logger.error("connector cannot be opened", { connectorId: stored.id, reason: opened.reason });
    return { id: stored.id, displayName: stored.id, connector: undefined, stored };
  };
  return {
    all: () => entries,
    find: (id) => entries.find((entry) => entry.id === id),
    replace(stored) {
      entries = stored.map(openEntry).sort((left, right) => (left.id < right.id ? -1 : 1));
    },
  };
}
