import { keepSecrets, parseConnectorConfigs, redactConnector, type StoredConnector } from "@dex/connectors";
import type { JsonObject } from "@dex/runtime";
import type { Actor } from "@dex/users";
import { z } from "zod";
import { ApiError } from "./api-error.ts";
import type { ApiRoute } from "./api-route.ts";

/** What the API needs of the stored connectors. */
export interface ManagedConnectors {
  /** All of them, ordered by id. */
  list(): Promise<readonly StoredConnector[]>;
  /** Replaces all of them and writes the audit event, in one transaction. */
  replaceAll(connectors: readonly StoredConnector[], actor: Actor): Promise<void>;
}

const putBody = z.strictObject({ connectors: z.unknown() });

/** Reads and replaces the connectors. Secrets go in and never come out (ADM-5). */
export function makeConnectorRoutes({ connectors }: { connectors: ManagedConnectors }): readonly ApiRoute[] {
  return [
    {
      method: "GET",
      path: "/connectors",
      permission: "admin client",
      handle: async () => ({ status: 200, body: renderList(await connectors.list()) }),
    },
    {
      method: "PUT",
      path: "/connectors",
      permission: "admin client",
      async handle({ body, actor }) {
        const wanted = putBody.safeParse(body);
        if (!wanted.success)
          throw new ApiError("invalid_request", 'expected an object with the one member "connectors"');
        const parsed = parseConnectorConfigs(wanted.data.connectors);
        if (parsed.kind === "refused") throw new ApiError("invalid_request", parsed.reason);
        const complete = keepSecrets(parsed.connectors, await connectors.list());
        if (complete.kind === "refused") throw new ApiError("invalid_request", complete.reason);
        await connectors.replaceAll(complete.connectors, actor);
        return { status: 200, body: renderList(complete.connectors) };
      },
    },
  ];
}

function renderList(connectors: readonly StoredConnector[]): JsonObject {
  return { connectors: connectors.map(redactConnector).map(({ id, type, config }) => ({ ...config, id, type })) };
}
