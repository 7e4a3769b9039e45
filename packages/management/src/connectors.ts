import { keepSecrets, parseConnectorConfigs, redactConnector, type StoredConnector } from "@dex/connectors";
import type { JsonObject } from "@dex/runtime";
import type { Actor } from "@dex/users";

/** What is needed of the stored connectors. */
export interface ManagedConnectors {
  /** All of them, ordered by id. */
  list(): Promise<readonly StoredConnector[]>;
  /** Replaces all of them and writes the audit event, in one transaction (ADM-6). */
  replaceAll(connectors: readonly StoredConnector[], actor: Actor): Promise<void>;
}

export type ConnectorReplacement =
  | { readonly kind: "replaced"; readonly connectors: readonly JsonObject[] }
  | { readonly kind: "refused"; readonly reason: string };

/** Reads and replaces the connectors. Secrets go in and never come out (ADM-5); what comes out can be put back. */
export interface ConnectorAdministration {
  list(): Promise<readonly JsonObject[]>;
  /** All or nothing. `wanted` is a list as somebody wrote it, unchecked; a secret it leaves out keeps its stored value. */
  replace(wanted: unknown, actor: Actor): Promise<ConnectorReplacement>;
}

export function makeConnectorAdministration({
  connectors,
}: {
  readonly connectors: ManagedConnectors;
}): ConnectorAdministration {
  return {
    list: async () => (await connectors.list()).map(render),
    async replace(wanted, actor) {
      const parsed = parseConnectorConfigs(wanted);
      if (parsed.kind === "refused") return parsed;
      const complete = keepSecrets(parsed.connectors, await connectors.list());
      if (complete.kind === "refused") return complete;
      await connectors.replaceAll(complete.connectors, actor);
      return { kind: "replaced", connectors: complete.connectors.map(render) };
    },
  };
}

function render(connector: StoredConnector): JsonObject {
  const { id, type, config } = redactConnector(connector);
  return { ...config, id, type };
}
