// The database, used directly: the same rules as behind the HTTP API, without a worker in between.
import { changeClient, makeClientAdministration } from "@dex/management/clients";
import { makeConnectorAdministration } from "@dex/management/connectors";
import { type Clock, makeOutgoingClient, type Random } from "@dex/runtime";
import type { Storage } from "@dex/storage";
import type { Actor, PasswordHasher } from "@dex/users";
import { Failure } from "../failure.ts";
import { runImport } from "../import/run-import.ts";
import type { DatabaseManagement } from "../management.ts";
import { toPrintable } from "../printable.ts";
import { makeDatabaseClientKeys } from "./database-client-keys.ts";
import { makeDatabaseClientSecrets } from "./database-client-secrets.ts";
import { makeDatabaseResources } from "./database-resources.ts";
import { makeDatabaseUsers, type UserStores } from "./database-users.ts";

/** What is needed of the stores. Each write and its audit event are one transaction there (ADM-6). */
export type DatabaseStores = Pick<
  Storage,
  "clients" | "clientSecrets" | "clientKeys" | "clientProofs" | "connectors" | "resources" | "signingKeys" | "imports"
> &
  UserStores;

const ACTOR: Actor = { kind: "dexctl", id: undefined, address: undefined };

/** Management by way of the stores. */
export function makeDatabaseManagement(parts: {
  stores: DatabaseStores;
  migrate: () => Promise<readonly string[]>;
  hasher: PasswordHasher;
  clock: Clock;
  random: Random;
}): DatabaseManagement {
  const { stores, clock, random } = parts;
  const { fetchDocument } = makeOutgoingClient({ privateAddresses: "refused" });
  const clients = makeClientAdministration({
    clients: stores.clients,
    adminClients: "allowed",
    httpKeys: "unknown",
    hashChosenSecret: refuseChosenSecret,
    fetchDocument,
    random,
  });
  const connectors = makeConnectorAdministration(stores);
  return {
    ...makeDatabaseUsers({ ...parts, actor: ACTOR }),
    backchannelRequests: refuseAnswers,
    answerBackchannelRequest: refuseAnswers,
    ...makeDatabaseClientKeys({ ...parts, actor: ACTOR }),
    ...makeDatabaseClientSecrets({ ...parts, actor: ACTOR }),
    ...makeDatabaseResources({ ...parts, actor: ACTOR }),
    async createClient(request) {
      const outcome = await clients.create(request, ACTOR, clock());
      if (outcome.kind === "refused" && outcome.code === "duplicate_id") {
        throw new Failure("refused", `client ${toPrintable(String(request.id))} exists already: choose another --id`);
      }
      if (outcome.kind === "refused") throw new Failure("refused", toPrintable(outcome.reason));
      const { client, secret } = outcome;
      return { id: client.id, secret: secret?.reveal(), redirectUris: client.redirectUris };
    },
    listClients: clients.list,
    async changeClient(clientId, changes) {
      const outcome = await changeClient(
        { clients: stores.clients, fetchDocument, adminClients: "allowed", httpKeys: "unknown" },
        clientId,
        changes,
        ACTOR,
        clock(),
      );
      if (outcome.kind === "refused") throw new Failure("refused", toPrintable(outcome.reason));
      return outcome.kind;
    },
    deleteClient: async (clientId) => ((await clients.delete(clientId, ACTOR)) ? "deleted" : "unknown"),
    listConnectors: connectors.list,
    async replaceConnectors(configs) {
      const outcome = await connectors.replace(configs, ACTOR);
      if (outcome.kind === "refused") throw new Failure("refused", toPrintable(outcome.reason));
      return outcome.connectors.length;
    },
    async saveConnector(config) {
      const outcome = await connectors.save(config, ACTOR);
      if (outcome.kind === "refused") throw new Failure("refused", toPrintable(outcome.reason));
    },
    removeConnector: (id) => connectors.remove(id, ACTOR),
    async checkConnector() {
      throw new Failure(
        "refused",
        "its secrets are sealed in the database: give --issuer to have a worker try it, or --file with its configuration",
      );
    },
    migrate: parts.migrate,
    signingKeys: () => stores.signingKeys.load(),
    importFrom: (source, mode) => runImport(source, mode, { ...parts, actor: ACTOR }),
    setClientAdmin: (clientId, admin) => stores.clients.setAdmin(clientId, admin, ACTOR),
    requestKeyRotation: () => stores.signingKeys.requestRotation(ACTOR, clock()),
  };
}

// It is for a worker to allow, whose flag the database does not know.
async function refuseAnswers(): Promise<never> {
  throw new Failure(
    "refused",
    "only a worker lets administrators answer for people: give --issuer instead of --db-url",
  );
}

// No flag of ours carries a secret for a client: a person's choice is never as good as 256 random bits.
async function refuseChosenSecret(): Promise<string> {
  throw new Failure("refused", "a client's secret cannot be chosen here");
}
