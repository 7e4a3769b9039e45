// The database, used directly: the same rules as behind the HTTP API, without a worker in between.
import { keepSecrets, parseConnectorConfigs, redactConnector } from "@dex/connectors";
import { makeClient, parseNewClient, renderClient } from "@dex/oidc";
import type { Clock, Random } from "@dex/runtime";
import type { Storage } from "@dex/storage";
import type { Actor } from "@dex/users";
import { Failure } from "../failure.ts";
import type { DatabaseManagement } from "../management.ts";
import { toPrintable } from "../printable.ts";

/** What is needed of the stores. Each write and its audit event are one transaction there (ADM-6). */
export type DatabaseStores = Pick<Storage, "clients" | "connectors" | "signingKeys">;

const ACTOR: Actor = { kind: "dexctl", id: undefined, address: undefined };
// The ids that a client can have. Anything else, such as a control character, names no client.
const CLIENT_ID = /^[\x21-\x7e]{1,255}$/;

/** Management by way of the stores. */
export function makeDatabaseManagement(parts: {
  stores: DatabaseStores;
  migrate: () => Promise<readonly string[]>;
  clock: Clock;
  random: Random;
}): DatabaseManagement {
  const { stores, clock, random } = parts;
  return {
    async createClient(request) {
      const decision = parseNewClient(request);
      if (decision.kind === "refused") throw new Failure("refused", toPrintable(decision.reason));
      const now = clock();
      const { client, secret } = await makeClient(decision.metadata, {
        random,
        now,
        hashChosenSecret: refuseChosenSecret,
      });
      const outcome = await stores.clients.create(client, ACTOR);
      if (outcome === "id taken") {
        throw new Failure("refused", `client ${toPrintable(client.id)} exists already: choose another --id`);
      }
      return { id: client.id, secret: secret?.reveal(), redirectUris: client.redirectUris };
    },
    listClients: async () => (await stores.clients.list()).map(renderClient),
    async deleteClient(clientId) {
      if (!CLIENT_ID.test(clientId)) return "unknown";
      return (await stores.clients.delete(clientId, ACTOR)) ? "deleted" : "unknown";
    },
    async listConnectors() {
      const stored = await stores.connectors.list();
      return stored.map(redactConnector).map(({ id, type, config }) => ({ ...config, id, type }));
    },
    async replaceConnectors(configs) {
      const parsed = parseConnectorConfigs(configs);
      if (parsed.kind === "refused") throw new Failure("refused", toPrintable(parsed.reason));
      const complete = keepSecrets(parsed.connectors, await stores.connectors.list());
      if (complete.kind === "refused") throw new Failure("refused", toPrintable(complete.reason));
      await stores.connectors.replaceAll(complete.connectors, ACTOR);
      return complete.connectors.length;
    },
    migrate: parts.migrate,
    signingKeys: () => stores.signingKeys.load(),
    requestKeyRotation: () => stores.signingKeys.requestRotation(ACTOR, clock()),
  };
}

// No flag of ours carries a secret for a client: a person's choice is never as good as 256 random bits.
async function refuseChosenSecret(): Promise<string> {
  throw new Failure("refused", "a client's secret cannot be chosen here");
}
