import { type ClientAuthentication, checkUnspent } from "../clients/client-authentication.ts";
import { OAuthError } from "../errors.ts";
import type { ProveSender } from "../sender-constraint/prove-sender.ts";
import { type AuthorizationRules, decideAuthorization } from "./authorization.ts";
import { AUTHORIZATION_PARAMETERS, REPEATABLE_PARAMETERS } from "./authorization-parameters.ts";
import type { AuthorizationRequest } from "./authorization-request.ts";
import { type ClientEndpoint, refuseMalformedForm } from "./client-request.ts";
import { endpointUrl } from "./discovery.ts";
import { PUSHED_AUTHORIZATION_PATH, PUSHED_REQUEST_LIFETIME_SECONDS, type PushedRequests } from "./pushed-requests.ts";

/**
 * The pushed authorization request endpoint, RFC 9126 §2: an authorization request from the client itself instead of through
 * the browser, looked at by the same table of checks. Writes nothing.
 */
export function makePushedAuthorizationEndpoint(parts: {
  rules: AuthorizationRules;
  clientAuthentication: ClientAuthentication;
  proveSender: ProveSender;
  pushedRequests: PushedRequests;
}): ClientEndpoint {
  const { rules, clientAuthentication, proveSender, pushedRequests } = parts;
  const target = { method: "POST", url: endpointUrl(rules.issuer, PUSHED_AUTHORIZATION_PATH) };
  return {
    path: PUSHED_AUTHORIZATION_PATH,
    crossOrigin: true,
    async handle(request, now) {
      const malformed = refuseMalformedForm(request, AUTHORIZATION_PARAMETERS, REPEATABLE_PARAMETERS);
      if (malformed !== undefined) throw malformed;
      // RFC 9126 §2.1: one pushed request is not made of another.
      if (request.body.has("request_uri")) {
        throw new OAuthError("invalid_request", "request_uri must not be part of a pushed request");
      }
      const { client, spend } = await clientAuthentication.prove(request, now);
      const sender = await checkUnspent(spend, () => proveSender(request, target, now));
      await (client.public ? spend?.() : sender.spend(spend));
      const params = parametersOf(request.body, client.id);
      const decision = await decideAuthorization(params, { ...rules, sentBy: "client", now });
      if (decision.kind !== "login") throw decision.error;
      const bound = bindTo(decision.request, sender.confirmation?.jkt);
      const requestUri = pushedRequests.push({ request: bound, intent: decision.wish }, now);
      if (requestUri === undefined) throw new OAuthError("invalid_request", "the request is too large");
      const body = { request_uri: requestUri, expires_in: PUSHED_REQUEST_LIFETIME_SECONDS };
      return { kind: "json", status: 201, body, dpopNonce: sender.dpopNonce };
    },
  };
}

/** The request without what authenticated it. The client is the one that did. */
function parametersOf(body: URLSearchParams, clientId: string): URLSearchParams {
  const params = new URLSearchParams({ client_id: clientId });
  for (const name of AUTHORIZATION_PARAMETERS) {
    const value = body.get(name);
    if (value !== null && name !== "client_id") params.set(name, value);
  }
  for (const name of REPEATABLE_PARAMETERS) for (const value of body.getAll(name)) params.append(name, value);
  return params;
}

/**
 * RFC 9449 §10.1: a proof with the request says the same as `dpop_jkt` in it, and must not say another. Of the request as it was
 * read, since a request object leaves no parameter beside it.
 */
function bindTo(request: AuthorizationRequest, jkt: string | undefined): AuthorizationRequest {
  if (jkt === undefined) return request;
  if (request.dpopJkt !== undefined && request.dpopJkt !== jkt) {
    throw new OAuthError("invalid_dpop_proof", "dpop_jkt is not the key of the proof");
  }
  return { ...request, dpopJkt: jkt };
}
