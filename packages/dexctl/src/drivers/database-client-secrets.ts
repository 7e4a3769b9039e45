// Secrets of clients by way of the stores. There is no key secret here to seal any with.
import { makeClientSecretAdministration, type SecretRefusal } from "@dex/management/client-secrets";
import type { Clock, Random } from "@dex/runtime";
import type { Storage } from "@dex/storage";
import type { Actor } from "@dex/users";
import type { ClientSecretManagement } from "../client-secret-management.ts";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";

/** The same by way of the stores. */
export function makeDatabaseClientSecrets(parts: {
  stores: Pick<Storage, "clients" | "clientSecrets">;
  actor: Actor;
  clock: Clock;
  random: Random;
}): ClientSecretManagement {
  const { stores, actor, clock, random } = parts;
  const administration = makeClientSecretAdministration({
    clients: stores.clients,
    secrets: stores.clientSecrets,
    adminClients: "allowed",
    random,
  });
  return {
    listClientSecrets: async (clientId) => (await administration.list(clientId, clock())) ?? "unknown",
    async addClientSecret(clientId, expiresAt) {
      const wanted = expiresAt === undefined ? {} : { expiresAt };
      const outcome = await administration.add(clientId, wanted, actor, clock());
      if (outcome.kind !== "added") return unknownOrThrow(outcome);
      return { id: String(outcome.shown.id), secret: outcome.secret.reveal() };
    },
    async expireClientSecret(clientId, id, expiresAt) {
      const outcome = await administration.expire({ clientId, id }, { expiresAt: expiresAt ?? null }, actor);
      return outcome.kind === "done" ? "done" : unknownOrThrow(outcome);
    },
    async removeClientSecret(clientId, id) {
      const outcome = await administration.remove({ clientId, id }, actor);
      return outcome.kind === "done" ? "done" : unknownOrThrow(outcome);
    },
  };
}

function unknownOrThrow(outcome: SecretRefusal): "unknown" {
  if (outcome.kind === "refused") throw new Failure("refused", toPrintable(outcome.reason));
  return outcome.kind;
}
