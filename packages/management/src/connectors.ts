import {
  keepSecrets,
  parseConnectorConfigs,
  redactConnector,
  type StoredConnector,
  whyNotTogether,
} from "@dex/connectors";
import type { JsonObject } from "@dex/runtime";
import type { Actor } from "@dex/users";

/** What is needed of the stored connectors. */
export interface ManagedConnectors {
  /** All of them, ordered by id. */
  list(): Promise<readonly StoredConnector[]>;
  /** Replaces all of them and writes the audit event, in one transaction (ADM-6). */
  replaceAll(connectors: readonly StoredConnector[], actor: Actor): Promise<void>;
  /** The same, provided that the stored ones still are those that `read` lists. */
  replaceRead(
    read: readonly StoredConnector[],
    connectors: readonly StoredConnector[],
    actor: Actor,
  ): Promise<"replaced" | "changed">;
}

export type ConnectorReplacement =
  | { readonly kind: "replaced"; readonly connectors: readonly JsonObject[] }
  | { readonly kind: "refused"; readonly reason: string };

/** Reads and replaces the connectors. Secrets go in and never come out (ADM-5); what comes out can be put back. */
export interface ConnectorAdministration {
  list(): Promise<readonly JsonObject[]>;
  /** All or nothing. `wanted` is a list as somebody wrote it, unchecked; a secret it leaves out keeps its stored value. */
  replace(wanted: unknown, actor: Actor): Promise<ConnectorReplacement>;
  /** Adds one or puts it in the place of that with its id, whoever changes others meanwhile. */
  save(wanted: unknown, actor: Actor): Promise<ConnectorReplacement>;
  remove(id: string, actor: Actor): Promise<"removed" | "unknown">;
}

/** Each lost race means that somebody else's change went through. */
const MAX_RACES = 20;

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
    async save(wanted, actor) {
      const parsed = parseConnectorConfigs([wanted]);
      if (parsed.kind === "refused") return parsed;
      for (let race = 0; race < MAX_RACES; race += 1) {
        const read = await connectors.list();
        const complete = keepSecrets(parsed.connectors, read);
        if (complete.kind === "refused") return complete;
        const [saved] = complete.connectors;
        const others = read.filter(({ id }) => id !== saved?.id);
        const refusal = whyNotTogether([...others, ...complete.connectors]);
        if (refusal !== undefined) return { kind: "refused", reason: refusal };
        const outcome = await connectors.replaceRead(read, [...others, ...complete.connectors], actor);
        if (outcome === "replaced") return { kind: "replaced", connectors: complete.connectors.map(render) };
      }
      throw new Error("the connectors changed faster than one of them could be saved");
    },
    async remove(id, actor) {
      for (let race = 0; race < MAX_RACES; race += 1) {
        const read = await connectors.list();
        const others = read.filter((one) => one.id !== id);
        if (others.length === read.length) return "unknown";
        if ((await connectors.replaceRead(read, others, actor)) === "replaced") return "removed";
      }
      throw new Error("the connectors changed faster than one of them could be removed");
    },
  };
}

function render(connector: StoredConnector): JsonObject {
  const { id, type, config } = redactConnector(connector);
  return { ...config, id, type };
}
