import { z } from "zod";
import type { ResourceManagement } from "../resource-management.ts";
import { type ApiCaller, expectStatus, isUnknown, jsonObject, parseAnswer } from "./api-answers.ts";

const resourceList = z.object({ resources: z.array(jsonObject) });

/** Resources by way of the management API. */
export function makeHttpResources(call: ApiCaller): ResourceManagement {
  const pathOf = (identifier: string) => `/resources/${encodeURIComponent(identifier)}`;
  return {
    async listResources() {
      const answer = expectStatus(200, await call("GET", "/resources"));
      return parseAnswer(resourceList, answer, "a list of resources").resources;
    },
    async addResource(resource) {
      expectStatus(201, await call("POST", "/resources", { resource }));
    },
    async changeResource(identifier, resource) {
      const answer = await call("PATCH", pathOf(identifier), { resource });
      if (isUnknown(answer)) return "unknown";
      expectStatus(200, answer);
      return "done";
    },
    async removeResource(identifier) {
      const answer = await call("DELETE", pathOf(identifier));
      if (isUnknown(answer)) return "unknown";
      expectStatus(204, answer);
      return "removed";
    },
  };
}
