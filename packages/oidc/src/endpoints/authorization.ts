import { refuseAudiences } from "../clients/audience.ts";
import type { Client } from "../clients/client.ts";
import { type ResponseType, responseTypesOf } from "../clients/client-details.ts";
import { citing, demandsOf } from "../clients/profile.ts";
import { matchRedirectUri, OUT_OF_BAND } from "../clients/redirect-uri.ts";
import { OAuthError } from "../errors.ts";
import type { Clients, OwnTokenVerifier } from "../ports.ts";
import { decideTargets, type RequestedTargets, withScopeOfResources } from "../resources/requested-targets.ts";
import { NO_RESOURCES, type Resources } from "../resources/resource.ts";
import { parseScope } from "../scope.ts";
import {
  AUTHORIZATION_PARAMETERS,
  asksForRegistration,
  isSha256,
  MAX_BYTES,
  parseMaxAge,
  parsePrompt,
  parseShownConnectors,
} from "./authorization-parameters.ts";
import type { AuthorizationRequest, VerifiedRedirectUri } from "./authorization-request.ts";
import type { AnswerTarget } from "./authorization-responses.ts";
import { parseClaims } from "./claims-parameter.ts";
import { endpointUrl } from "./discovery.ts";
import { type IdTokenHint, readIdTokenHint } from "./id-token-hint.ts";
import { isUnsafe, refuseRepeated, refuseUnsafeParameters, single } from "./parameters.ts";
import { isPushedRequestUri, type PushedRequests } from "./pushed-requests.ts";
import { type ReadRequestObject, refuseRequestObjects } from "./request-object.ts";
import { grantableScope, refuseScope, requestedClaims } from "./requested-scope.ts";
import {
  asksFor,
  asksForTokens,
  canBePostedTo,
  parseResponseMode,
  parseResponseType,
  RESPONSE_MODE_VALUES,
  responseModeFor,
  responseTypeOf,
  wantsJwt,
} from "./response-type.ts";

export type AuthorizationDecision =
  /** Client or redirect_uri cannot be trusted: a page of ours, no redirect (RFC 6749 §4.1.2.1, RED-10). */
  | { readonly kind: "show"; readonly error: OAuthError }
  /** The error goes to the client, as the answer would have. */
  | { readonly kind: "deliver"; readonly target: AnswerTarget; readonly error: OAuthError }
  | {
      readonly kind: "login";
      readonly request: AuthorizationRequest;
      readonly client: Client;
      /** Where nobody can register, the wish is ignored. */
      readonly wish: "sign in" | "register";
    };

/** What holds for every authorization request of a deployment, whichever way it comes. */
export interface AuthorizationRules {
  readonly clients: Clients;
  readonly issuer: string;
  readonly idTokens: OwnTokenVerifier;
  /** The deployment demands PKCE of every client, whatever the client's own setting (PKC-1). */
  readonly requirePkce: boolean;
  /** What the deployment answers with at all (AUT-3, TOK-14). */
  readonly responseTypes: readonly ResponseType[];
  /** Takes the parameters out of a request object; without it there are none (AUT-11). */
  readonly readRequestObject?: ReadRequestObject | undefined;
  /** What tokens can be asked for beside ourselves, RFC 8707; without them nothing. */
  readonly resources?: Resources | undefined;
  /** The deployment takes no request that was not pushed, RFC 9126 §5. */
  readonly requirePushed?: boolean;
  /** Knows the requests that clients pushed; without it there are none. */
  readonly pushedRequests?: Pick<PushedRequests, "open"> | undefined;
}

export interface AuthorizationParts extends AuthorizationRules {
  /** Whether this came through a browser, where whoever led it here could write it, or from the client itself (RFC 9126). */
  readonly sentBy?: "browser" | "client";
  readonly now: Date;
}

/**
 * What an authorization request may not be. In this order, the first that is true is the answer. By then the parameters are
 * those of the request object, where there was one (request-object.ts: OIDC Core §6, AUT-11, AUT-12).
 */
const CHECKS: readonly ((
  params: URLSearchParams,
  client: Client,
  parts: AuthorizationParts,
) => OAuthError | undefined)[] = [
  refuseUnsafeParameters, // AUT-10
  (params) => refuseRepeated(params, AUTHORIZATION_PARAMETERS), // RFC 6749 §3.1
  refuseUnpushed, // RFC 9126 §5, §6
  refuseTooLong, // AUT-1
  refuseRegistration, // OIDC Core §7.2.1
  refuseResponseType, // RFC 6749 §3.1.1, §4.1.2.1, §4.2.2.1
  refuseResponseMode, // OAuth 2.0 Multiple Response Types §2.1, §5
  refuseGrant, // RFC 6749 §4.1.2.1 unauthorized_client
  refuseScope, // OIDC Core §3.1.2.1, RFC 6749 §3.3
  refuseMissingNonce, // OIDC Core §3.2.2.1, §3.3.2.11
  refuseCodeChallenge, // RFC 7636 §4.3, RFC 9700 §2.1.1
  refuseKeyThumbprint, // RFC 9449 §10
  refusePrompt, // OIDC Core §3.1.2.1
  refuseMaxAge, // OIDC Core §3.1.2.1
  refuseClaims, // OIDC Core §5.5
  refuseTargets, // RFC 8707 §2.1, RFC 9396 §5
];

/**
 * Decides what becomes of an authorization request, OIDC Core §3.1.2.2. Before client and redirect_uri are known to
 * belong together nothing is sent anywhere; after that the client is told.
 */
export async function decideAuthorization(
  sent: URLSearchParams,
  parts: AuthorizationParts,
): Promise<AuthorizationDecision> {
  const { clients, readRequestObject = refuseRequestObjects } = parts;
  const client = await findClient(sent, clients);
  if (client === undefined) return show("the client is unknown", describeClientId(sent));
  if (isPushedRequestUri(sent.get("request_uri") ?? "")) return openPushed(sent, client, parts);
  const { params, error: objection, requestObject } = await readRequestObject(sent, client, parts.now);
  const redirectUri = findRedirectUri(params, client);
  if (redirectUri === undefined) {
    return show("the redirect_uri is not registered for this client", `client ${client.id}`);
  }
  const deliver = (error: OAuthError): AuthorizationDecision =>
    redirectUri === OUT_OF_BAND
      ? { kind: "show", error } // nobody listens there: the person is told
      : {
          kind: "deliver",
          target: {
            clientId: client.id,
            redirectUri,
            responseMode: responseModeFor(params, redirectUri),
            ...(wantsJwt(params) ? { responseInJwt: true } : {}),
            state: returnableState(params),
          },
          error,
        };
  if (objection !== undefined) return deliver(objection);
  for (const check of CHECKS) {
    const error = check(params, client, parts);
    if (error !== undefined) return deliver(error);
  }
  const audience = await refuseAudiences(parseScope(single(params, "scope")), client, {
    clients,
    code: "invalid_scope",
  });
  if (audience !== undefined) return deliver(audience); // TOK-19
  const hint = await readIdTokenHint(params, parts);
  if (hint.kind === "refused") return deliver(hint.error);
  const wish = asksForRegistration(params) ? "register" : "sign in";
  const request = { ...toRequest(params, client, redirectUri, hint, parts), ...(requestObject && { requestObject }) };
  return { kind: "login", request, client, wish };
}

/**
 * RFC 9126 §4: what was pushed has been through the checks, and whatever else is sent beside it does not count (PAR-2). That the
 * request is good for one code alone is held where the code is issued, and who is signed in is told before (decideNextStep).
 */
function openPushed(sent: URLSearchParams, client: Client, parts: AuthorizationParts): AuthorizationDecision {
  const [requestUri = "", ...more] = sent.getAll("request_uri");
  const pushed = more.length === 0 ? parts.pushedRequests?.open(requestUri, client.id, parts.now) : undefined;
  if (pushed === undefined) {
    const message = "the request_uri is not one of this client's, or is no longer good";
    return { kind: "show", error: new OAuthError("invalid_request_uri", message) };
  }
  const { request, intent } = pushed;
  return { kind: "login", request, client, wish: intent === "register" ? "register" : "sign in" };
}

function refuseUnpushed(
  _params: URLSearchParams,
  { details }: Client,
  { requirePushed = false, sentBy = "browser" }: AuthorizationParts,
): OAuthError | undefined {
  const { pushedRequests: demand } = demandsOf(details);
  const required = requirePushed || details.require_pushed_authorization_requests === true || demand !== undefined;
  return required && sentBy === "browser" ? invalid(`the request must be pushed first${citing(demand)}`) : undefined;
}

// RED-5: unknown, missing and repeated look the same to the outside.
async function findClient(params: URLSearchParams, clients: Clients): Promise<Client | undefined> {
  const [clientId, ...more] = params.getAll("client_id");
  if (clientId === undefined || clientId === "" || more.length > 0) return undefined;
  if (clientId.length > 512 || isUnsafe(clientId)) return undefined;
  return clients.find(clientId);
}

function describeClientId(params: URLSearchParams): string {
  const found = params.getAll("client_id").map((id) => JSON.stringify(id.slice(0, 100)));
  return found.length === 0 ? "no client_id" : `client_id ${found.slice(0, 3).join(", ")}`;
}

// RED-1, RED-4, RED-6
function findRedirectUri(params: URLSearchParams, client: Client): VerifiedRedirectUri | undefined {
  const [value, ...more] = params.getAll("redirect_uri");
  return value === undefined || more.length > 0 ? undefined : matchRedirectUri(client, value);
}

/** The state as it came, or none where it cannot be given back exactly. */
function returnableState(params: URLSearchParams): string | undefined {
  const state = single(params, "state");
  if (state === undefined || params.getAll("state").length > 1 || isUnsafe(state)) return undefined;
  return Buffer.byteLength(state) > MAX_BYTES.state ? undefined : state;
}

function refuseTooLong(params: URLSearchParams): OAuthError | undefined {
  for (const [name, limit] of Object.entries(MAX_BYTES)) {
    if (Buffer.byteLength(params.get(name) ?? "") > limit) return invalid(`${name} is longer than ${limit} bytes`);
  }
  return undefined;
}

function refuseRegistration(params: URLSearchParams): OAuthError | undefined {
  return params.has("registration")
    ? new OAuthError("registration_not_supported", "the parameter registration is not supported")
    : undefined;
}

// TOK-14: two locks, the deployment's and the client's.
function refuseResponseType(
  params: URLSearchParams,
  client: Client,
  { responseTypes }: AuthorizationParts,
): OAuthError | undefined {
  const text = single(params, "response_type");
  if (text === undefined) return invalid("response_type is missing");
  const responseType = parseResponseType(text);
  if (responseType === undefined || !responseTypes.includes(responseType)) {
    return new OAuthError("unsupported_response_type", `the supported response_types are: ${responseTypes.join(", ")}`);
  }
  // A person carries over one code, and no tokens.
  if (responseType !== "code" && params.get("redirect_uri") === OUT_OF_BAND) {
    return new OAuthError("unsupported_response_type", "the redirect_uri takes the response_type code alone");
  }
  return responseTypesOf(client.details).includes(responseType)
    ? undefined
    : new OAuthError("unauthorized_client", "the client is not registered for this response_type");
}

function refuseResponseMode(params: URLSearchParams, { details }: Client): OAuthError | undefined {
  const text = single(params, "response_mode");
  const { answersInJwt: demand } = demandsOf(details);
  if (demand?.is.includes(responseTypeOf(params)) === true && !wantsJwt(params)) {
    return invalid(`the answer must be asked for by the response_mode jwt${citing(demand)}`);
  }
  if (text === undefined) return undefined;
  const parsed = parseResponseMode(text);
  if (parsed === undefined) return invalid(`the supported response_modes are: ${RESPONSE_MODE_VALUES.join(", ")}`);
  const { mode } = parsed;
  if (mode === "query" && asksForTokens(responseTypeOf(params))) return invalid("tokens are not sent in a query");
  return mode === "form_post" && !canBePostedTo(single(params, "redirect_uri") ?? "")
    ? invalid("the redirect_uri cannot be posted to")
    : undefined;
}

function refuseGrant(params: URLSearchParams, client: Client): OAuthError | undefined {
  return client.grantTypes.includes("authorization_code") || !asksFor(responseTypeOf(params), "code")
    ? undefined
    : new OAuthError("unauthorized_client", "the client may not use the authorization_code grant");
}

// What comes through the browser could have been put there by somebody else: the nonce tells.
function refuseMissingNonce(params: URLSearchParams, { details }: Client): OAuthError | undefined {
  if (asksFor(responseTypeOf(params), "id_token") && single(params, "nonce") === undefined) {
    return invalid("a nonce must be sent for an ID token from the authorization endpoint");
  }
  const { nonceOrState: demand } = demandsOf(details);
  const needed = parseScope(single(params, "scope")).includes("openid") ? "nonce" : "state";
  return demand !== undefined && single(params, needed) === undefined
    ? invalid(`a ${needed} must be sent${citing(demand)}`)
    : undefined;
}

// Who reads the browser's address could take it elsewhere: such a token stays within reach of ourselves.
function refuseTargets(params: URLSearchParams, client: Client, parts: AuthorizationParts): OAuthError | undefined {
  const decision = decideTargets(params, targetParts(client, parts));
  if (decision.kind === "refused") return decision.error;
  return decision.targets.resources !== undefined && asksFor(responseTypeOf(params), "token")
    ? new OAuthError("invalid_target", "a token for a resource comes from the token endpoint alone")
    : undefined;
}

function targetParts(client: Client, { issuer, resources = NO_RESOURCES }: AuthorizationRules) {
  return { client, resources, userinfoUrl: endpointUrl(issuer, "/userinfo") };
}

function targetsOf(params: URLSearchParams, client: Client, parts: AuthorizationRules): RequestedTargets {
  const decision = decideTargets(params, targetParts(client, parts));
  return decision.kind === "targets" ? decision.targets : {};
}

// PKC-1 to PKC-3. An absent method means plain (RFC 7636 §4.3), which is not offered.
function refuseCodeChallenge(
  params: URLSearchParams,
  client: Client,
  { requirePkce, sentBy = "browser" }: AuthorizationParts,
): OAuthError | undefined {
  const challenge = single(params, "code_challenge");
  const method = single(params, "code_challenge_method");
  if (challenge === undefined) {
    if (!asksFor(responseTypeOf(params), "code")) return undefined;
    if (params.has("code_challenge") || method !== undefined) return invalid("code_challenge is missing");
    const { codeChallenge: demand } = demandsOf(client.details);
    const demanded = demand?.is === "required" || (demand?.is === "required when pushed" && sentBy === "client");
    const required = client.public || client.requirePkce || requirePkce || demanded;
    return required ? invalid(`a code_challenge must be sent${citing(demanded ? demand : undefined)}`) : undefined;
  }
  if (method !== "S256") return invalid("the only supported code_challenge_method is S256");
  return isSha256(challenge) ? undefined : invalid("code_challenge must be 43 characters of base64url");
}

function refuseKeyThumbprint(params: URLSearchParams): OAuthError | undefined {
  const jkt = single(params, "dpop_jkt");
  return jkt === undefined || isSha256(jkt) ? undefined : invalid("dpop_jkt must be the SHA-256 thumbprint of a key");
}

function refusePrompt(params: URLSearchParams): OAuthError | undefined {
  return parsePrompt(single(params, "prompt")) === undefined
    ? invalid("prompt must hold known values, and none only alone")
    : undefined;
}

function refuseMaxAge(params: URLSearchParams): OAuthError | undefined {
  const text = single(params, "max_age");
  return text === undefined || parseMaxAge(text) !== undefined
    ? undefined
    : invalid("max_age must be a whole number of seconds, 0 or more");
}

function refuseClaims(params: URLSearchParams): OAuthError | undefined {
  const claims = single(params, "claims");
  return claims === undefined || parseClaims(claims) !== undefined
    ? undefined
    : invalid("claims must be a JSON object of claims to be in userinfo and id_token");
}

function toRequest(
  params: URLSearchParams,
  client: Client,
  redirectUri: VerifiedRedirectUri,
  hint: IdTokenHint & { kind: "read" },
  rules: AuthorizationRules,
): AuthorizationRequest {
  const maxAge = single(params, "max_age");
  const responseType = responseTypeOf(params);
  const shownConnectorIds = parseShownConnectors(single(params, "show_connectors"));
  const dpopJkt = single(params, "dpop_jkt");
  const targets = targetsOf(params, client, rules);
  const scope = grantableScope(parseScope(single(params, "scope")), client, responseType);
  return {
    clientId: client.id,
    redirectUri,
    responseType,
    responseMode: responseModeFor(params, redirectUri),
    ...(wantsJwt(params) ? { responseInJwt: true } : {}),
    scope: withScopeOfResources(scope, targets),
    ...targets,
    state: single(params, "state"),
    nonce: single(params, "nonce"),
    codeChallenge: single(params, "code_challenge"),
    ...(dpopJkt === undefined ? {} : { dpopJkt }),
    prompt: parsePrompt(single(params, "prompt")) ?? [],
    // OIDC Registration §2 default_max_age: the request overrides what was registered.
    maxAgeSeconds: maxAge === undefined ? client.details.default_max_age : parseMaxAge(maxAge),
    loginHint: single(params, "login_hint"),
    hintedUserId: hint.userId,
    ...(hint.sector === undefined ? {} : { hintedSector: hint.sector }),
    ...requestedClaims(single(params, "claims"), client),
    connectorId: single(params, "connector_id"),
    ...(shownConnectorIds === undefined ? {} : { shownConnectorIds }),
  };
}

function show(message: string, detail: string): AuthorizationDecision {
  return { kind: "show", error: new OAuthError("invalid_request", message, { detail }) };
}

function invalid(message: string): OAuthError {
  return new OAuthError("invalid_request", message);
}
