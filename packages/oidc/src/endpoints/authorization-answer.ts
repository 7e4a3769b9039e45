// What a finished authorization request is answered with: RFC 6749 §4.1.2, OIDC Core §3.2.2.5 and §3.3.2.5.
import { addSeconds, type Random } from "@dex/runtime";
import { refuseAudiences } from "../clients/audience.ts";
import type { Client } from "../clients/client.ts";
import { responseTypesOf } from "../clients/client-details.ts";
import { OAuthError } from "../errors.ts";
import type { LoginState } from "../login-state/login-state.ts";
import type { Clients, NewCode, Session } from "../ports.ts";
import type { EngineSealers } from "../sealers.ts";
import { makeAccessTokens } from "../tokens/access-token.ts";
import { newCode } from "../tokens/code.ts";
import { makeIssueIdToken } from "../tokens/issue-id-token.ts";
import { lifetimesFor } from "../tokens/lifetimes.ts";
import { newUuid } from "../tokens/uuid.ts";
import type { ResponseMembers } from "./authorization-response.ts";
import { asksFor, asksForTokens } from "./response-type.ts";

/** An answer before it is given: `stored` must be in the database first, in one statement with all that goes with it. */
export interface PreparedAnswer {
  readonly stored: NewCode;
  /** Undefined where the response type asks for none. */
  readonly code: string | undefined;
  readonly request: LoginState["request"];
  readonly session: Session;
}

export interface AuthorizationAnswers {
  /** What the person of `session` gets. Nothing of it is good for anything until it is stored. */
  prepare(input: { state: LoginState; session: Session; client: Client; now: Date }): PreparedAnswer;
  /** Why the client is not given what its request was good for when it came; undefined when it is (AUT-13, TOK-19). */
  refusalOf(request: LoginState["request"], client: Client): Promise<OAuthError | undefined>;
  /** The parameters for the client, once `prepared` is stored: one signature where an ID token is asked for, else none. */
  complete(prepared: PreparedAnswer, client: Client, now: Date): Promise<ResponseMembers>;
}

type IdTokenParts = Parameters<typeof makeIssueIdToken>[0];

export interface AuthorizationAnswerParts extends IdTokenParts {
  readonly clients: Clients;
  readonly sealers: Pick<EngineSealers, "accessToken">;
  readonly random: Random;
}

export function makeAuthorizationAnswers(parts: AuthorizationAnswerParts): AuthorizationAnswers {
  const { clients, random, lifetimes } = parts;
  const accessTokens = makeAccessTokens({ sealer: parts.sealers.accessToken, random });
  const issueIdToken = makeIssueIdToken(parts);

  function accessTokenOf({ stored, request }: PreparedAnswer, client: Client, now: Date): string | undefined {
    const { frontChannelFamily: family, clientId, userId } = stored;
    if (family === undefined) return undefined;
    const token = { familyId: family.id, clientId, userId, scope: request.scope };
    return accessTokens.issue(token, lifetimesFor(client, lifetimes).accessTokenSeconds, now);
  }

  function idTokenOf(prepared: PreparedAnswer, client: Client, accessToken: string | undefined, now: Date) {
    const { request, session, code } = prepared;
    const { clientId, scope, nonce, responseType, state } = request;
    if (!asksFor(responseType, "id_token")) return undefined;
    const { user, connectorId, authTime, amr, hash } = session;
    return issueIdToken(
      {
        grant: { clientId, user, connectorId, sessionHash: hash, scope, claims: request.claims, nonce, authTime, amr },
        client,
        scope,
        nonce,
        // OIDC Core §5.4. What goes through a browser's address says no more than it must.
        userClaims: responseType === "id_token" ? "by scope" : "none",
        beside: {
          ...(accessToken === undefined ? {} : { accessToken }),
          ...(code === undefined ? {} : { code }),
          ...(state === undefined ? {} : { state }),
        },
      },
      now,
    );
  }

  return {
    prepare({ state, session, client, now }) {
      const { request } = state;
      const { value, stored } = newCode({ state, session, random, now, lifetimes });
      const frontChannelFamily = asksFor(request.responseType, "token")
        ? { id: newUuid(random, now), expiresAt: addSeconds(now, lifetimesFor(client, lifetimes).accessTokenSeconds) }
        : undefined;
      const withCode = asksFor(request.responseType, "code");
      return {
        stored: { ...stored, frontChannelFamily, spentAt: withCode ? undefined : now },
        code: withCode ? value : undefined,
        request,
        session,
      };
    },

    async refusalOf({ responseType, scope }, client) {
      if (!asksForTokens(responseType)) return undefined; // the token endpoint looks again
      if (!responseTypesOf(client.details).includes(responseType)) {
        return new OAuthError("unauthorized_client", "the client is not registered for this response_type");
      }
      return refuseAudiences(scope, client, { clients, code: "invalid_scope" });
    },

    async complete(prepared, client, now) {
      const { code, request } = prepared;
      const accessToken = accessTokenOf(prepared, client, now);
      const idToken = await idTokenOf(prepared, client, accessToken, now);
      return [
        ...(code === undefined ? [] : [["code", code] as const]),
        ...(accessToken === undefined
          ? []
          : tokenMembers(accessToken, request.scope, lifetimesFor(client, lifetimes).accessTokenSeconds)),
        ...(idToken === undefined ? [] : [["id_token", idToken] as const]),
      ];
    },
  };
}

/** RFC 6749 §4.2.2. */
function tokenMembers(accessToken: string, scope: readonly string[], lifetimeSeconds: number): ResponseMembers {
  return [
    ["access_token", accessToken],
    ["token_type", "Bearer"],
    ["expires_in", String(lifetimeSeconds)],
    ["scope", scope.join(" ")],
  ];
}
