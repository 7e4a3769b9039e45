// Secrets of clients through the management API.
import { z } from "zod";
import type { ClientSecretManagement } from "../client-secret-management.ts";
import { type ApiCaller, expectStatus, isUnknown, jsonObject, parseAnswer } from "./api-answers.ts";

const secretList = z.object({ secrets: z.array(jsonObject) });
const addedSecret = z.object({ secret: z.object({ id: z.string(), secret: z.string() }) });

const at = (clientId: string, secretId?: string) => {
  const one = secretId === undefined ? "" : `/${encodeURIComponent(secretId)}`;
  return `/clients/${encodeURIComponent(clientId)}/secrets${one}`;
};

/** The same by way of the API. */
export function makeHttpClientSecrets(call: ApiCaller): ClientSecretManagement {
  return {
    async listClientSecrets(clientId) {
      const answer = await call("GET", at(clientId));
      if (isUnknown(answer)) return "unknown";
      return parseAnswer(secretList, expectStatus(200, answer), "a list of secrets").secrets;
    },
    async addClientSecret(clientId, expiresAt) {
      const answer = await call("POST", at(clientId), { secret: expiresAt === undefined ? {} : { expiresAt } });
      if (isUnknown(answer)) return "unknown";
      return parseAnswer(addedSecret, expectStatus(201, answer), "an added secret").secret;
    },
    async expireClientSecret(clientId, secretId, expiresAt) {
      const answer = await call("PATCH", at(clientId, secretId), { secret: { expiresAt: expiresAt ?? null } });
      if (isUnknown(answer)) return "unknown";
      expectStatus(204, answer);
      return "done";
    },
    async removeClientSecret(clientId, secretId) {
      const answer = await call("DELETE", at(clientId, secretId));
      if (isUnknown(answer)) return "unknown";
      expectStatus(204, answer);
      return "done";
    },
  };
}
