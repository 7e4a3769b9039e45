// Requests that are for one answer, however often they are opened: pushed ones (RFC 9126 §4) and signed request objects.
import { OAuthError } from "../errors.ts";
import type { AuthorizationRequest } from "./authorization-request.ts";

type NamedRequest = {
  readonly [Name in "requestObject" | "pushedAs"]?: AuthorizationRequest[Name] | undefined;
};

/**
 * What such a request goes by where answers are kept; undefined for every other, of which only its login state is for one
 * answer. An object that was pushed twice is still one.
 */
export function nameForOneAnswer({ requestObject, pushedAs }: NamedRequest): string | undefined {
  return requestObject?.name ?? pushedAs;
}

/** What is said of a request, or of a login state, that was answered before. */
export function answeredBefore({ requestObject, pushedAs }: NamedRequest): OAuthError {
  const detail = "answered before";
  if (pushedAs !== undefined) {
    const message = "this request_uri was used; go back to the application and sign in again";
    return new OAuthError("invalid_request_uri", message, { detail });
  }
  if (requestObject !== undefined) {
    return new OAuthError("invalid_request_object", "the request object has been used", { detail });
  }
  const message = "this sign-in was already completed; go back to the application and sign in again";
  return new OAuthError("invalid_request", message, { detail });
}
