import { z } from "zod";
import type { BackchannelManagement } from "../backchannel-management.ts";
import { type ApiCaller, expectStatus, isUnknown, jsonObject, parseAnswer } from "./api-answers.ts";
import { segment } from "./http-users.ts";

const requestList = z.object({ backchannelRequests: z.array(jsonObject) });

/** What clients ask of people, by way of the management API. */
export function makeHttpBackchannel(call: ApiCaller): BackchannelManagement {
  const pathOf = (userId: string) => `/users/${segment(userId)}/backchannel-requests`;
  return {
    async backchannelRequests(userId) {
      const answer = await call("GET", pathOf(userId));
      if (isUnknown(answer)) return undefined;
      return parseAnswer(requestList, expectStatus(200, answer), "a list of requests").backchannelRequests;
    },
    async answerBackchannelRequest(userId, requestId, verb) {
      const answer = await call("POST", `${pathOf(userId)}/${segment(requestId)}/${verb}`);
      if (isUnknown(answer)) return "unknown";
      expectStatus(204, answer);
      return "done";
    },
  };
}
