import type { Random } from "@dex/runtime";
import { isAudienceScope, refuseAudiences } from "../clients/audience.ts";
import type { Client } from "../clients/client.ts";
import type { ConnectorPeople, DirectGrants } from "../direct-grants/direct-grants.ts";
import { refusalOf } from "../direct-grants/exchange-subject.ts";
import { single } from "../endpoints/parameters.ts";
import { OAuthError, ProofRefused } from "../errors.ts";
import { askedOfUpstream } from "../login-state/asked-of-upstream.ts";
import type { Clients } from "../ports.ts";
import { type RequestedTargets, withScopeAt } from "../resources/requested-targets.ts";
import type { Resources } from "../resources/resource.ts";
import { parseTargetRequest, type TargetRequest } from "../resources/token-target.ts";
import { parseScope, SUPPORTED_SCOPES } from "../scope.ts";
import type { IssueTokens } from "../tokens/issue-tokens.ts";
import type { TokenLifetimes } from "../tokens/lifetimes.ts";
import type { RefreshTokens } from "../tokens/refresh-token.ts";
import { newFamily } from "./authorization-code.ts";
import type { Grant } from "./grant.ts";

export interface PasswordGrantParts {
  /** Connectors whose passwords the deployment lets clients ask for. Without one there is no such grant (TOK-14). */
  readonly passwordConnectors: readonly string[];
  readonly people: ConnectorPeople;
  readonly directGrants: Pick<DirectGrants, "open">;
  readonly clients: Clients;
  readonly resources: Resources;
  readonly userinfoUrl: string;
  readonly refreshTokens: RefreshTokens;
  readonly issueTokens: IssueTokens;
  readonly random: Random;
  readonly lifetimes: TokenLifetimes;
}

const MAX_FIELD_LENGTH = 1024;
const SESSION_HASH_BYTES = 32;
const REFUSED = "the name or the password is not right";

/**
 * The resource owner password credentials grant, RFC 6749 §4.3, for what cannot show a browser and was there before. RFC 9700 §2.4
 * advises against it: whoever uses it learns the password. Hence off until the deployment names connectors for it and an
 * administrator the client. Answers as dex v2 does; attempts count as at our own form (ACC-3).
 */
export function passwordGrant(parts: PasswordGrantParts): Grant {
  const { people, directGrants, issueTokens } = parts;
  return {
    grantType: "password",
    async redeem({ params, client, confirmation, source }, now) {
      const request = parsePasswordRequest(params, client, parts);
      const refusal = await refuseAudiences(request.scope, client, { clients: parts.clients, code: "invalid_scope" });
      if (refusal !== undefined) throw refusal;
      const { connectorId, login, password, nonce, target } = request;
      const { family, refreshToken } = newFamily(parts, { client, confirmation }, now);
      const offline = refreshToken !== undefined && people.offersOfflineAccess(connectorId);
      const scope = offline ? request.scope : request.scope.filter((word) => word !== "offline_access"); // REF-11
      const asked = askedOfUpstream(scope);
      const person = await people.byPassword({ connectorId, login, password, source, asked, clientId: client.id }, now);
      if (person.kind !== "person") throw refusalOf(person, REFUSED);
      const refresh =
        refreshToken !== undefined && scope.includes("offline_access")
          ? { hash: refreshToken.hash, idleExpiresAt: family.refreshIdleExpiresAt, expiresAt: family.refreshExpiresAt }
          : undefined;
      const { attempt, upstreamGrant } = person;
      const grant = await directGrants.open(
        {
          ...person,
          id: family.id,
          clientId: client.id,
          connectorId,
          sessionHash: parts.random(SESSION_HASH_BYTES),
          scope,
          nonce,
          terms: { ...family.terms, ...resourcesOf(target, scope), direct: { authTime: "known" } },
          authTime: person.authTime ?? now,
          refresh,
          accessExpiresAt: family.accessExpiresAt,
          origin: { kind: "password", attempt, upstreamGrant, asked },
        },
        now,
      );
      if (grant === undefined) throw new ProofRefused(REFUSED, "disabled, or gone meanwhile");
      const text = refresh === undefined ? undefined : refreshToken?.text();
      return issueTokens({ grant, client, scope, nonce, refreshToken: text, confirmation, target }, now);
    },
  };
}

function resourcesOf({ named }: TargetRequest, scope: readonly string[]): RequestedTargets {
  return named.length === 0 ? {} : { resources: withScopeAt(named, scope) };
}

interface PasswordRequest {
  readonly connectorId: string;
  readonly login: string;
  readonly password: string;
  readonly scope: readonly string[];
  readonly nonce: string | undefined;
  readonly target: TargetRequest;
}

function parsePasswordRequest(params: URLSearchParams, client: Client, parts: PasswordGrantParts): PasswordRequest {
  const [login, password] = [single(params, "username"), single(params, "password")];
  if (login === undefined || password === undefined) {
    throw new OAuthError("invalid_request", "username or password is missing");
  }
  const nonce = single(params, "nonce");
  if (nonce !== undefined && nonce.length > MAX_FIELD_LENGTH) {
    throw new OAuthError("invalid_request", "nonce is too long");
  }
  const scope = parseScope(single(params, "scope"));
  const target = targetOf(params, client, parts);
  const strange = scope.find((word) => !mayAskFor(word, client, target));
  if (strange !== undefined) {
    const detail = `scope ${JSON.stringify(strange.slice(0, 100))}`;
    throw new OAuthError("invalid_scope", "the scope holds what this client cannot ask for", { detail });
  }
  // What is asked for is who somebody is (dex v2).
  if (!scope.includes("openid")) throw new OAuthError("invalid_request", "the scope must hold openid");
  const connectorId = single(params, "connector_id") ?? parts.passwordConnectors[0] ?? "";
  if (!parts.passwordConnectors.includes(connectorId)) {
    throw new OAuthError("invalid_request", "Requested connector does not exist.");
  }
  if (client.allowedConnectors?.includes(connectorId) === false) {
    throw new OAuthError("invalid_grant", "the client may not be used through this connector");
  }
  if (login.length > MAX_FIELD_LENGTH || password.length > MAX_FIELD_LENGTH) {
    throw new ProofRefused(REFUSED, "longer than any is");
  }
  return { connectorId, login, password, scope, nonce, target };
}

/** Nobody is there to be asked whether the client may: a resource has to name it, as with client credentials. */
function targetOf(params: URLSearchParams, client: Client, parts: PasswordGrantParts): TargetRequest {
  const target = parseTargetRequest(params, { client, ...parts }, "client");
  if (target.authorizationDetails !== undefined) {
    throw new OAuthError("invalid_authorization_details", "authorization_details need a person who allows them");
  }
  return target;
}

function mayAskFor(word: string, { scopes }: Client, { named }: TargetRequest): boolean {
  const known =
    isAudienceScope(word) ||
    SUPPORTED_SCOPES.some((one) => one === word) ||
    named.some((resource) => resource.scopes.includes(word));
  return known && (scopes?.includes(word) ?? true);
}
