import { makeClient, parseNewClient, renderClient } from "@dex/oidc";
import type { Random } from "@dex/runtime";
import { z } from "zod";
import type { ManagedClients } from "../ports.ts";
import { ApiError } from "./api-error.ts";
import type { ApiRoute } from "./route.ts";

const postBody = z.strictObject({ client: z.unknown() });
// The ids that a client can have. Anything else, such as a NUL byte, names no client and never reaches the database.
const CLIENT_ID = /^[\x21-\x7e]{1,255}$/;

/** Lists, creates and deletes clients. The secret of a new one is shown this once. */
export function makeClientRoutes(parts: {
  clients: ManagedClients;
  random: Random;
  hashChosenSecret: (secret: string) => Promise<string>;
}): readonly ApiRoute[] {
  const { clients } = parts;
  return [
    {
      method: "GET",
      path: "/api/v1/clients",
      permission: "admin api secret",
      handle: async () => ({ status: 200, body: { clients: (await clients.list()).map(renderClient) } }),
    },
    {
      method: "POST",
      path: "/api/v1/client",
      permission: "admin api secret",
      async handle({ body, actor, now }) {
        const wanted = postBody.safeParse(body);
        if (!wanted.success) throw new ApiError("bad_request", 'expected an object with the one member "client"');
        const decision = parseNewClient(wanted.data.client);
        if (decision.kind === "refused") throw new ApiError("bad_request", decision.reason);
        const { client, secret } = await makeClient(decision.metadata, { ...parts, now });
        const outcome = await clients.create(client, actor);
        if (outcome === "id taken") throw new ApiError("duplicate_id", "a client with this id exists");
        const shown = secret === undefined ? {} : { secret: secret.reveal() };
        return { status: 200, body: { client: { ...renderClient(client), ...shown } } };
      },
    },
    {
      method: "DELETE",
      path: "/api/v1/client/:id",
      permission: "admin api secret",
      async handle({ id, actor }) {
        const deleted = CLIENT_ID.test(id) && (await clients.delete(id, actor));
        if (!deleted) throw new ApiError("resource_not_found", "there is no client with this id");
        return { status: 204 };
      },
    },
  ];
}
