// What a client asks of the token exchange, RFC 8693 §2.1, and what of it it can have. Pure.
import { audiencesOf, isAudienceScope, toAudienceScope } from "../clients/audience.ts";
import type { Client } from "../clients/client.ts";
import { single } from "../endpoints/parameters.ts";
import { OAuthError } from "../errors.ts";
import type { TargetRequest } from "../resources/token-target.ts";
import { parseScope, SUPPORTED_SCOPES } from "../scope.ts";

export const TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";

/** RFC 8693 §3, as far as they are taken and given. */
export const EXCHANGED_TYPES = {
  access_token: "urn:ietf:params:oauth:token-type:access_token",
  id_token: "urn:ietf:params:oauth:token-type:id_token",
} as const;
export type ExchangedType = keyof typeof EXCHANGED_TYPES;

export interface ExchangeRequest {
  /** A token of the issuer of a connector (dex v2), or an access token of ours. */
  readonly subject:
    | { readonly kind: "of a connector"; readonly connectorId: string; readonly token: string; readonly type: string }
    | { readonly kind: "own"; readonly token: string };
  readonly actorToken: string | undefined;
  readonly requested: ExchangedType;
  /** Undefined when it was left out. */
  readonly scope: readonly string[] | undefined;
  /** Clients that the result is for beside the one that asks, or resources (decideExchangeTarget). */
  readonly audiences: readonly string[];
}

const MAX_AUDIENCES = 10;
const CLIENT_ID = /^[\x21-\x7e]{1,255}$/;

/** Reads the parameters. Throws the OAuthError of the first that is missing, or asks for what there is not. */
export function parseExchangeRequest(params: URLSearchParams): ExchangeRequest {
  const subject = parseSubject(params);
  const actorToken = single(params, "actor_token");
  const actorType = single(params, "actor_token_type");
  if ((actorToken === undefined) !== (actorType === undefined)) {
    throw new OAuthError("invalid_request", "actor_token and actor_token_type come together or not at all");
  }
  if (actorType !== undefined && actorType !== EXCHANGED_TYPES.access_token) {
    throw new OAuthError("request_not_supported", "this actor_token_type is not supported");
  }
  const wanted = single(params, "requested_token_type") ?? EXCHANGED_TYPES.access_token;
  const requested = typeNamed(wanted);
  if (requested === undefined) {
    throw new OAuthError("request_not_supported", "this requested_token_type is not supported");
  }
  const scope = single(params, "scope");
  return {
    subject,
    actorToken,
    requested,
    scope: scope === undefined ? undefined : parseScope(scope),
    audiences: parseAudiences(params),
  };
}

function parseSubject(params: URLSearchParams): ExchangeRequest["subject"] {
  const token = single(params, "subject_token");
  if (token === undefined) throw new OAuthError("invalid_request", "subject_token is missing");
  const type = single(params, "subject_token_type");
  if (type === undefined) throw new OAuthError("invalid_request", "subject_token_type is missing");
  const named = typeNamed(type);
  if (named === undefined) throw new OAuthError("request_not_supported", "this subject_token_type is not supported");
  const connectorId = single(params, "connector_id");
  if (connectorId !== undefined) return { kind: "of a connector", connectorId, token, type };
  // What an ID token of ours proves to a client it proves to nobody else.
  if (named === "id_token")
    throw new OAuthError("invalid_request", "connector_id is missing: it says whose token this is");
  return { kind: "own", token };
}

function typeNamed(type: string): ExchangedType | undefined {
  return (Object.keys(EXCHANGED_TYPES) as ExchangedType[]).find((name) => EXCHANGED_TYPES[name] === type);
}

function parseAudiences(params: URLSearchParams): readonly string[] {
  const audiences = [...new Set(params.getAll("audience").filter((text) => text !== ""))];
  if (audiences.length > MAX_AUDIENCES || !audiences.every((id) => CLIENT_ID.test(id))) {
    throw new OAuthError("invalid_target", "audience must name clients of ours or resources, ten at most");
  }
  return audiences;
}

/**
 * What the result is for, or which OAuthError the request is. `most`: the scope of the subject token, which is never exceeded
 * (TX-1); undefined where it has none. Audiences are not part of it: whether one may be added is for it to say (TOK-19).
 * `target`: see decideExchangeTarget.
 */
export function decideExchangeScope(
  { requested, scope, audiences }: Pick<ExchangeRequest, "requested" | "scope" | "audiences">,
  { scopes }: Pick<Client, "scopes">,
  most: readonly string[] | undefined,
  target?: TargetRequest,
): readonly string[] | OAuthError {
  // Whoever was sent here for a resource alone has told no client who they are (OIDC Core §3.1.2.1).
  if (requested === "id_token" && most?.includes("openid") === false) {
    return new OAuthError("invalid_scope", "an ID token needs a subject token with the scope openid");
  }
  const ofClient = (word: string) => scopes?.includes(word) ?? true;
  // Nothing to refresh with ever comes of an exchange: what is derived would outlive what it is derived from.
  const mayHave = (word: string) =>
    word !== "offline_access" &&
    ofClient(word) &&
    (target === undefined || isScopeOf(target, word)) &&
    (most?.includes(word) ?? (target !== undefined || isSupported(word)));
  const asked =
    scope?.filter((word) => !isAudienceScope(word)) ??
    (most ?? []).filter((word) => !isAudienceScope(word) && mayHave(word));
  const refused = asked.find((word) => !mayHave(word));
  if (refused !== undefined) {
    return new OAuthError("invalid_scope", "the scope holds what this exchange cannot give", {
      detail: `scope ${JSON.stringify(refused.slice(0, 100))}`,
    });
  }
  if (target !== undefined) return asked;
  const named = [...audiencesOf(scope ?? []), ...audiences].map(toAudienceScope);
  if (!named.every(ofClient)) return new OAuthError("invalid_target", "the client may not ask for this audience");
  return [...asked, ...new Set(named)];
}

function isScopeOf({ named, userinfo }: TargetRequest, word: string): boolean {
  return named.some(({ scopes }) => scopes.includes(word)) || (userinfo && isSupported(word));
}

function isSupported(word: string): boolean {
  return SUPPORTED_SCOPES.some((one) => one === word);
}
