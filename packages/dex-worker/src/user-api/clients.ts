import { type Client, makeClient, parseNewClient, renderClient } from "@dex/oidc";
import type { Random } from "@dex/runtime";
import type { Actor } from "@dex/users";
import { z } from "zod";
import { ApiError } from "./api-error.ts";
import type { ApiRoute } from "./api-route.ts";

/** What the API needs of the stored clients. Each write and its audit event are one transaction (ADM-6). */
export interface ManagedClients {
  find(clientId: string): Promise<Client | undefined>;
  /** All of them, ordered by id. */
  list(): Promise<readonly Client[]>;
  create(client: Client, actor: Actor): Promise<"created" | "id taken">;
  /** Deletes the client with its codes, token families and consents; false when there is none. */
  delete(clientId: string, actor: Actor): Promise<boolean>;
}

const postBody = z.strictObject({ client: z.unknown() });
// The ids that a client can have. Anything else, such as a NUL byte, names no client and never reaches the database.
const CLIENT_ID = /^[\x21-\x7e]{1,255}$/;

/** Lists, creates and deletes clients. */
export function makeClientRoutes(parts: {
  clients: ManagedClients;
  random: Random;
  hashChosenSecret: (secret: string) => Promise<string>;
}): readonly ApiRoute[] {
  const { clients } = parts;
  return [
    {
      method: "GET",
      path: "/clients",
      permission: "admin client",
      handle: async () => ({ status: 200, body: { clients: (await clients.list()).map(renderClient) } }),
    },
    {
      method: "POST",
      path: "/clients",
      permission: "admin client",
      async handle({ body, actor, now }) {
        const metadata = parseWanted(body);
        const { client, secret } = await makeClient(metadata, { ...parts, now });
        const outcome = await clients.create(client, actor);
        if (outcome === "id taken") throw new ApiError("duplicate_id", "a client with this id exists");
        const shown = secret === undefined ? {} : { secret: secret.reveal() };
        return { status: 201, body: { client: { ...renderClient(client), ...shown } } };
      },
    },
    {
      method: "DELETE",
      path: "/clients/:id",
      permission: "admin client",
      async handle({ id, actor }) {
        const deleted = CLIENT_ID.test(id) && (await clients.delete(id, actor));
        if (!deleted) throw new ApiError("resource_not_found", "there is no client with this id");
        return { status: 204 };
      },
    },
  ];
}

function parseWanted(body: unknown) {
  const wanted = postBody.safeParse(body);
  if (!wanted.success) throw new ApiError("invalid_request", 'expected an object with the one member "client"');
  const decision = parseNewClient(wanted.data.client);
  if (decision.kind === "refused") throw new ApiError("invalid_request", decision.reason);
  // A stolen admin token lives for minutes. Were it able to make admin clients, the theft would outlive it.
  if (decision.metadata.admin) {
    throw new ApiError(
      "forbidden",
      "isAdmin: an admin client can only be created with dexctl on the database or by the overlord's admin API",
    );
  }
  return decision.metadata;
}
