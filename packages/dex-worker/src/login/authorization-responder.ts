import type { AnswerTarget, AuthorizationResponses, OAuthError, ResponseMembers } from "@dex/oidc";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import { sendAuthorizationResponse } from "./send-response.ts";

/** Ends a visit with an answer of the authorization endpoint, good or bad, as the client asked to have it. */
export interface AuthorizationResponder {
  answer(visit: Visit, target: AnswerTarget, members: ResponseMembers): Promise<void>;
  refuse(visit: Visit, target: AnswerTarget, error: OAuthError, beside?: ResponseMembers): Promise<void>;
}

export function makeAuthorizationResponder(parts: {
  responses: AuthorizationResponses;
  pages: Pages;
}): AuthorizationResponder {
  const { responses, pages } = parts;
  return {
    async answer({ response, now }, target, members) {
      sendAuthorizationResponse(response, pages, await responses.answer(target, members, now));
    },
    async refuse({ response, now }, target, error, beside) {
      sendAuthorizationResponse(response, pages, await responses.refuse(target, error, now, beside));
    },
  };
}
