// What a client says in an authentication request: CIBA Core §7.1.
import type { Client } from "../clients/client.ts";
import { citing, demandsOf } from "../clients/profile.ts";
import { refuseRepeated, refuseUnsafeParameters, single } from "../endpoints/parameters.ts";
import {
  readScopeAndTargets,
  type ScopeAndTargets,
  type ScopeAndTargetsParts,
  TARGET_PARAMETERS,
} from "../endpoints/scope-and-targets.ts";
import { OAuthError } from "../errors.ts";
import { hidesSomething, isBlank } from "../text-for-people.ts";
import { AUTH_REQ_ID_SECONDS } from "./auth-req-id.ts";

export const BACKCHANNEL_PARAMETERS = [
  "scope",
  "client_notification_token",
  "acr_values",
  "login_hint_token",
  "id_token_hint",
  "login_hint",
  "binding_message",
  "user_code",
  "requested_expiry",
  ...TARGET_PARAMETERS.single,
] as const;

export interface BackchannelRequest extends ScopeAndTargets {
  readonly hint: { readonly kind: "login_hint" | "id_token_hint"; readonly text: string };
  readonly bindingMessage: string | undefined;
  readonly lifetimeSeconds: number;
  /** Of a client that is told of the decision. */
  readonly clientNotificationToken: string | undefined;
}

const MAX_BINDING_MESSAGE_LENGTH = 100;
const MAX_ACR_VALUES_LENGTH = 1000;
/** RFC 6750 §2.1: we send it as a bearer token. */
const NOTIFICATION_TOKEN = /^[A-Za-z0-9._~+/-]{1,1024}={0,2}$/;

/** The claims of a signed request as the parameters that they stand for: numbers may be JSON numbers (CIBA Core §7.1.1). */
export function parametersIn(claims: Readonly<Record<string, unknown>>): URLSearchParams {
  const params = new URLSearchParams();
  for (const name of BACKCHANNEL_PARAMETERS) {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (value === undefined) continue;
    params.set(name, textOf(name, value));
  }
  for (const resource of [claims.resource ?? []].flat()) {
    if (typeof resource !== "string") throw invalid("resource of the request is malformed"); // RFC 8707 §2.1
    params.append("resource", resource);
  }
  return params;
}

/** authorization_details is JSON within the JSON of the claims. */
function textOf(name: string, value: unknown): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  if (name === "authorization_details" && Array.isArray(value)) return JSON.stringify(value);
  throw invalid(`${name} of the request is malformed`);
}

/**
 * Throws an OAuthError of CIBA Core §13, or one of readScopeAndTargets. Of `acr_values` nothing but the length is looked at:
 * they are a wish, as at the authorization endpoint, and the ID token says what the sign-in was.
 */
export async function parseBackchannelRequest(
  params: URLSearchParams,
  parts: ScopeAndTargetsParts,
): Promise<BackchannelRequest> {
  const { client } = parts;
  const malformed = refuseUnsafeParameters(params) ?? refuseRepeated(params, BACKCHANNEL_PARAMETERS);
  if (malformed !== undefined) throw malformed;
  if (single(params, "user_code") !== undefined) throw invalid("user_code is not supported");
  if ((single(params, "acr_values")?.length ?? 0) > MAX_ACR_VALUES_LENGTH) throw invalid("acr_values is too long");
  return {
    ...(await readScopeAndTargets(params, { scope: single(params, "scope") ?? "", openid: "needed" }, parts)),
    hint: hintIn(params),
    bindingMessage: bindingMessageIn(params, client),
    lifetimeSeconds: lifetimeIn(params),
    clientNotificationToken: notificationTokenIn(params, client),
  };
}

/** CIBA Core §7.1: one and no more. */
function hintIn(params: URLSearchParams): BackchannelRequest["hint"] {
  const given = (["login_hint", "id_token_hint", "login_hint_token"] as const).flatMap((kind) => {
    const text = single(params, kind);
    return text === undefined ? [] : [{ kind, text }];
  });
  const [hint, second] = given;
  if (hint === undefined || second !== undefined) {
    throw invalid("exactly one of login_hint, id_token_hint and login_hint_token is needed");
  }
  const { kind, text } = hint;
  if (kind === "login_hint_token") throw invalid("login_hint_token is not supported");
  return { kind, text };
}

/** People compare it with what another screen shows, so nothing in it is invisible or turns the text around. */
function bindingMessageIn(params: URLSearchParams, { details }: Client): string | undefined {
  const text = single(params, "binding_message");
  if (text === undefined) {
    const { bindingMessage: demand } = demandsOf(details);
    if (demand !== undefined) throw invalid(`a binding_message must be sent${citing(demand)}`);
    return undefined;
  }
  if ([...text].length > MAX_BINDING_MESSAGE_LENGTH || hidesSomething(text) || isBlank(text)) {
    throw new OAuthError(
      "invalid_binding_message",
      `binding_message must be at most ${MAX_BINDING_MESSAGE_LENGTH} printable characters`,
    );
  }
  return text;
}

function lifetimeIn(params: URLSearchParams): number {
  const text = single(params, "requested_expiry");
  if (text === undefined) return AUTH_REQ_ID_SECONDS.usual;
  if (!/^[1-9]\d{0,9}$/.test(text)) throw invalid("requested_expiry must be a positive whole number of seconds");
  return Math.min(Number(text), AUTH_REQ_ID_SECONDS.most);
}

function notificationTokenIn(params: URLSearchParams, { details }: Client): string | undefined {
  if (details.backchannel_token_delivery_mode !== "ping") return undefined;
  const token = single(params, "client_notification_token");
  if (token === undefined) throw invalid("client_notification_token is missing");
  if (!NOTIFICATION_TOKEN.test(token))
    throw invalid("client_notification_token must be a bearer token of at most 1024");
  return token;
}

function invalid(message: string): OAuthError {
  return new OAuthError("invalid_request", message);
}
