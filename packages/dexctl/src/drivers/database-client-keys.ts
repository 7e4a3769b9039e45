// Keys of clients by way of the stores. There is no key secret here to seal a secret with.
import { changeClientAuthentication } from "@dex/management/client-authentication";
import { makeClientKeyAdministration } from "@dex/management/client-keys";
import type { Clock, Random } from "@dex/runtime";
import type { Storage } from "@dex/storage";
import type { Actor } from "@dex/users";
import type { ClientKeyManagement } from "../client-key-management.ts";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import { changedAuthentication, clientKeyList } from "./api-answers.ts";

/** The same by way of the stores. */
export function makeDatabaseClientKeys(parts: {
  stores: Pick<Storage, "clients" | "clientKeys" | "clientProofs">;
  actor: Actor;
  clock: Clock;
  random: Random;
}): ClientKeyManagement {
  const { stores, actor, clock, random } = parts;
  const { clients, clientKeys, clientProofs } = stores;
  const administration = makeClientKeyAdministration({ clients, keys: clientKeys, adminClients: "allowed" });
  const proving = { clients, proofs: clientProofs, adminClients: "allowed", httpKeys: "unknown", random } as const;
  return {
    async listClientKeys(clientId) {
      const list = await administration.list(clientId, clock());
      return list === undefined ? "unknown" : clientKeyList.parse(list);
    },
    async addClientKey(clientId, key) {
      const outcome = await administration.add(clientId, key, actor, clock());
      return outcome.kind === "added" ? outcome.shown : unknownOrThrow(outcome);
    },
    async removeClientKey(clientId, id) {
      const outcome = await administration.remove({ clientId, id }, actor, clock());
      return outcome.kind === "done" ? "done" : unknownOrThrow(outcome);
    },
    async changeClientAuthentication(clientId, wanted) {
      const outcome = await changeClientAuthentication(proving, clientId, wanted, actor, clock());
      if (outcome.kind !== "done") return unknownOrThrow(outcome);
      return { ...changedAuthentication.parse(outcome.shown), secret: outcome.secret?.reveal() };
    },
  };
}

function unknownOrThrow(outcome: { kind: "unknown" } | { kind: "refused"; reason: string }): "unknown" {
  if (outcome.kind === "refused") throw new Failure("refused", toPrintable(outcome.reason));
  return outcome.kind;
}
