import { isDeepStrictEqual } from "node:util";
import {
  type CommonMembers,
  type Connector,
  capabilitiesOf,
  describeUnopenable,
  type OpenedConnector,
  readCommonMembers,
  type StoredConnector,
  secretAudienceOf,
  type UnsealedConnector,
} from "@dex/connectors";
import type { UpstreamClaim } from "@dex/oidc";
import type { Logger } from "@dex/runtime";

/** A connector as configured; `connector` is undefined when its configuration cannot be opened. */
export interface ConnectorEntry extends CommonMembers {
  readonly id: string;
  readonly displayName: string;
  readonly connector: Connector | undefined;
  /** The callback address that its configuration names, as those of dex v2 do. Undefined: whatever ours is. */
  readonly redirectUri: string | undefined;
  /**
   * Who is upstream: its type, and whom secrets are sent to. Another one is another upstream, whatever its id: what this one
   * gave is not shown to it.
   */
  readonly upstream: string;
  /** What it can give of that which clients ask an upstream for by scope. */
  readonly gives: readonly UpstreamClaim[];
  /** Whether a sign-in through it may end in a refresh token. */
  readonly offlineAccess: boolean;
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
    const common = readCommonMembers(source.config);
    const upstream = JSON.stringify([source.type, secretAudienceOf(source)]);
    const opened =
      unsealed.kind === "unsealed"
        ? parts.open(unsealed.connector)
        : { kind: "refused" as const, reason: describeUnopenable(unsealed.fields) };
    if (opened.kind === "connector") {
      const { connector } = opened;
      const gives = givesOf(connector, common);
      return {
        id,
        displayName: connector.displayName,
        connector,
        redirectUri: redirectUriOf(source),
        ...common,
        upstream,
        gives,
        offlineAccess: offersOfflineAccess(connector, common),
        source,
      };
    }
    parts.logger.error("connector cannot be opened", { connectorId: id, reason: opened.reason });
    return {
      id,
      displayName: id,
      connector: undefined,
      redirectUri: undefined,
      ...common,
      upstream,
      gives: [],
      offlineAccess: false,
      source,
    };
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

function givesOf({ type, refresh }: Connector, { grantTypes }: CommonMembers): readonly UpstreamClaim[] {
  const groups = capabilitiesOf(type)?.groups;
  const refreshes = refresh !== undefined && grantTypes?.includes("refresh_token") !== false;
  return [
    ...(groups === undefined || groups === "no" ? [] : (["groups"] as const)),
    ...(refreshes ? (["offline_access"] as const) : []),
  ];
}

/** Our own users are read with every refresh; others only where their upstream can be asked again. */
function offersOfflineAccess({ type, refresh }: Connector, { grantTypes }: CommonMembers): boolean {
  return (type === "local" || refresh !== undefined) && grantTypes?.includes("refresh_token") !== false;
}

function redirectUriOf({ config: { redirectURI } }: StoredConnector): string | undefined {
  return typeof redirectURI === "string" && redirectURI !== "" ? redirectURI : undefined;
}
