// Keys of clients through the management API.
import { z } from "zod";
import type { ClientKeyManagement } from "../client-key-management.ts";
import {
  type ApiCaller,
  changedAuthentication,
  clientKeyList,
  expectStatus,
  isUnknown,
  jsonObject,
  parseAnswer,
} from "./api-answers.ts";

const addedKey = z.object({ key: jsonObject });
const authentication = z.object({ authentication: changedAuthentication });

const at = (clientId: string) => `/clients/${encodeURIComponent(clientId)}`;

/** The same by way of the API. */
export function makeHttpClientKeys(call: ApiCaller): ClientKeyManagement {
  return {
    async listClientKeys(clientId) {
      const answer = await call("GET", `${at(clientId)}/keys`);
      if (isUnknown(answer)) return "unknown";
      return parseAnswer(clientKeyList, expectStatus(200, answer), "a list of keys");
    },
    async addClientKey(clientId, key) {
      const answer = await call("POST", `${at(clientId)}/keys`, { key });
      if (isUnknown(answer)) return "unknown";
      return parseAnswer(addedKey, expectStatus(201, answer), "an added key").key;
    },
    async removeClientKey(clientId, key) {
      const answer = await call("DELETE", `${at(clientId)}/keys/${encodeURIComponent(key)}`);
      if (isUnknown(answer)) return "unknown";
      expectStatus(204, answer);
      return "done";
    },
    async changeClientAuthentication(clientId, wanted) {
      const answer = await call("PUT", `${at(clientId)}/authentication`, { authentication: wanted });
      if (isUnknown(answer)) return "unknown";
      return parseAnswer(authentication, expectStatus(200, answer), "how the client proves itself").authentication;
    },
  };
}
