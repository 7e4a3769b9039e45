import { keepSecrets, parseConnectorConfigs, redactConnector } from "@dex/connectors";
import { z } from "zod";
import type { ManagedConnectors } from "../ports.ts";
import { ApiError } from "./api-error.ts";
import type { ApiRoute } from "./route.ts";

const putBody = z.strictObject({ connectors: z.unknown() });

/** Reads and replaces the connectors. Secrets go in and never come out (ADM-5); what comes out can be put back. */
export function makeConnectorRoutes({ connectors }: { connectors: ManagedConnectors }): readonly ApiRoute[] {
  return [
    {
      method: "GET",
      path: "/api/v1/connectors",
      permission: "admin api secret",
      async handle() {
        const shown = (await connectors.list()).map(redactConnector);
        // As in dex v1: without connectors the member is left out.
        if (shown.length === 0) return { status: 200, body: {} };
        return { status: 200, body: { connectors: shown.map(({ id, type, config }) => ({ ...config, id, type })) } };
      },
    },
    {
      method: "PUT",
      path: "/api/v1/connectors",
      permission: "admin api secret",
      async handle({ body, actor }) {
        const wanted = putBody.safeParse(body);
        if (!wanted.success || wanted.data.connectors === undefined) {
          throw new ApiError("invalid_request", 'expected an object with the one member "connectors"');
        }
        // dex v1 took null for an empty list.
        const parsed = parseConnectorConfigs(wanted.data.connectors ?? []);
        if (parsed.kind === "refused") throw new ApiError("invalid_request", parsed.reason);
        const complete = keepSecrets(parsed.connectors, await connectors.list());
        if (complete.kind === "refused") throw new ApiError("invalid_request", complete.reason);
        await connectors.replaceAll(complete.connectors, actor);
        return { status: 200 };
      },
    },
  ];
}
