import type { Random, Sealer } from "@dex/runtime";
import type { LoginState } from "../login-state/login-state.ts";
import { makeLoginStates } from "../login-state/seal-login-state.ts";
import type { AuthorizationRequest } from "./authorization-request.ts";

export const PUSHED_AUTHORIZATION_PATH = "/par";
/** RFC 9126 §2.2: how a request_uri of ours begins, and no address that a client could register. */
const PREFIX = "urn:ietf:params:oauth:request_uri:";
/** As short as a redirect takes, since the address could be read over somebody's shoulder (FAPI 2.0 §5.3.2.2). */
export const PUSHED_REQUEST_LIFETIME_SECONDS = 60;

/** A request that a client pushed, found good then. */
export type PushedRequest = Pick<LoginState, "request" | "intent">;

/** The same when it comes back, with the name that it was pushed under. */
export interface OpenedRequest extends PushedRequest {
  readonly request: AuthorizationRequest & { readonly pushedAs: string };
}

export interface PushedRequests {
  /** The request_uri for a request, or undefined when it would be too long for an address. */
  push(pushed: PushedRequest, now: Date): string | undefined;
  /** The request of this client that `requestUri` stands for at `now`, or undefined: another's, altered or expired. */
  open(requestUri: string, clientId: string, now: Date): OpenedRequest | undefined;
}

/** Whether this stands for a pushed request, and not for a document of the client's. */
export function isPushedRequestUri(text: string): boolean {
  return text.startsWith(PREFIX);
}

/**
 * RFC 9126 without a store: the request_uri holds the request itself, sealed, as the browser holds a login state. A client that
 * has not authenticated writes nothing so, and any worker can read it. That it is good for one code only is held by the code's
 * row, which carries the name of what was pushed under its unique index (PAR-1).
 */
export function makePushedRequests(parts: { sealer: Sealer; random: Random }): PushedRequests {
  const states = makeLoginStates({ ...parts, lifetimeSeconds: PUSHED_REQUEST_LIFETIME_SECONDS });
  return {
    push({ request, intent }, now) {
      const state = { ...states.begin(request, now), intent };
      const sealed = states.seal(state);
      return sealed === undefined ? undefined : `${PREFIX}${state.id}.${sealed}`;
    },
    open(requestUri, clientId, now) {
      const [id = "", sealed = "", ...more] = requestUri.slice(PREFIX.length).split(".");
      const state = isPushedRequestUri(requestUri) && more.length === 0 ? states.open(id, sealed, now) : undefined;
      if (state === undefined || state.request.clientId !== clientId) return undefined;
      return { request: { ...state.request, pushedAs: state.id }, intent: state.intent };
    },
  };
}
