import { addSeconds, type Random } from "@dex/runtime";
import {
  approvalHashOf,
  BACKCHANNEL_APPROVAL_PATH,
  BACKCHANNEL_AUTHENTICATION_PATH,
  CIBA_GRANT,
  newAuthReqId,
} from "../backchannel-authentication/auth-req-id.ts";
import type { BackchannelRequests } from "../backchannel-authentication/backchannel-requests.ts";
import { BACKCHANNEL_REQUEST_LIMITS } from "../backchannel-authentication/limits.ts";
import { type NamedPersonParts, namePerson } from "../backchannel-authentication/named-person.ts";
import type { NotificationSealer } from "../backchannel-authentication/notification-sealer.ts";
import {
  BACKCHANNEL_PARAMETERS,
  parametersIn,
  parseBackchannelRequest,
} from "../backchannel-authentication/parse-request.ts";
import { readSignedRequest, type SignedRequestParts } from "../backchannel-authentication/signed-request.ts";
import type { Client } from "../clients/client.ts";
import type { ClientAuthentication } from "../clients/client-authentication.ts";
import { citing, demandsOf } from "../clients/profile.ts";
import { POLL_INTERVAL_SECONDS } from "../device-authorization/device-code.ts";
import { OAuthError } from "../errors.ts";
import { NO_RESOURCES, type Resources } from "../resources/resource.ts";
import { newUuid } from "../tokens/uuid.ts";
import { type ClientEndpoint, refuseMalformedForm } from "./client-request.ts";
import { endpointUrl } from "./discovery.ts";
import { single } from "./parameters.ts";
import { TARGET_PARAMETERS } from "./scope-and-targets.ts";

const ALL_PARAMETERS: readonly string[] = [...BACKCHANNEL_PARAMETERS, ...TARGET_PARAMETERS.repeatable];

export interface BackchannelAuthenticationParts extends NamedPersonParts, SignedRequestParts {
  readonly clientAuthentication: ClientAuthentication;
  readonly requests: Pick<BackchannelRequests, "create">;
  readonly notifications: NotificationSealer;
  readonly random: Random;
  /** Without them clients ask for nothing but ourselves. */
  readonly resources?: Resources | undefined;
}

/** Where the person answers a request. It proves nothing: who opens it signs in as the person first. */
export function backchannelRequestUrl(issuer: string, requestId: string): string {
  return `${endpointUrl(issuer, BACKCHANNEL_APPROVAL_PATH)}?request=${requestId}`;
}

/**
 * The backchannel authentication endpoint, CIBA Core §7. Who names somebody that does not exist gets the same answer as for
 * somebody who does, and nobody ever allows it: a client is no way to find out who has an account. The deployment's own
 * (trusted) clients are told at once (`unknown_user_id`), as is who brings an ID token of somebody who is gone.
 */
export function makeBackchannelAuthenticationEndpoint(parts: BackchannelAuthenticationParts): ClientEndpoint {
  const { clientAuthentication, requests, notifications, random, clients, resources = NO_RESOURCES } = parts;
  const targetParts = { clients, resources, userinfoUrl: endpointUrl(parts.issuer, "/userinfo") };

  /** A client that registered an algorithm signs each request (CIBA Core §4), as does one whose profile says so. */
  async function parametersOf(body: URLSearchParams, client: Client, now: Date): Promise<URLSearchParams> {
    const signed = single(body, "request");
    if (signed === undefined) {
      const { signedBackchannelRequests: demand } = demandsOf(client.details);
      const registered = client.details.backchannel_authentication_request_signing_alg;
      if (registered === undefined && demand === undefined) return body;
      const why = demand === undefined ? ", as the client registered" : citing(demand);
      throw new OAuthError("invalid_request", `the request must be signed${why}`);
    }
    const outside = ALL_PARAMETERS.find((name) => body.has(name));
    if (outside !== undefined) throw new OAuthError("invalid_request", `${outside} must not be outside of the request`);
    return parametersIn(await readSignedRequest(signed, client, parts, now));
  }

  return {
    path: BACKCHANNEL_AUTHENTICATION_PATH,
    crossOrigin: false,
    async handle(request, now) {
      const malformed = refuseMalformedForm(
        request,
        [...BACKCHANNEL_PARAMETERS, "request"],
        TARGET_PARAMETERS.repeatable,
      );
      if (malformed !== undefined) throw malformed;
      const client = await clientAuthentication.authenticate(request, now);
      if (client.public || !client.grantTypes.includes(CIBA_GRANT)) {
        throw new OAuthError("unauthorized_client", `the client may not use the ${CIBA_GRANT} grant`);
      }
      const asked = await parseBackchannelRequest(await parametersOf(request.body, client, now), {
        ...targetParts,
        client,
      });
      const person = await namePerson(asked.hint, client.id, parts);
      const [authReqId, id] = [newAuthReqId(random), newUuid(random, now)];
      const { clientNotificationToken } = asked;
      const outcome = await requests.create(
        {
          id,
          authReqIdHash: authReqId.hash,
          approvalHash: approvalHashOf(id),
          clientId: client.id,
          person,
          unknownPerson: client.trusted || asked.hint.kind === "id_token_hint" ? "refused" : "kept",
          scope: asked.scope,
          targets: asked.targets,
          bindingMessage: asked.bindingMessage,
          sealedNotification:
            clientNotificationToken === undefined
              ? undefined
              : notifications.seal(client.id, { authReqId: authReqId.value, clientNotificationToken }),
          expiresAt: addSeconds(now, asked.lifetimeSeconds),
        },
        BACKCHANNEL_REQUEST_LIMITS,
        now,
      );
      if (outcome.kind === "client gone") throw new OAuthError("invalid_client", "the client is no longer registered");
      if (outcome.kind === "unknown person") throw new OAuthError("unknown_user_id", "the hint names nobody");
      if ("until" in outcome) throw tooMany(outcome, now);
      const body = {
        auth_req_id: authReqId.value,
        expires_in: asked.lifetimeSeconds,
        interval: POLL_INTERVAL_SECONDS,
      };
      return { kind: "json", status: 200, body };
    },
  };
}

function tooMany({ kind: detail, until }: { readonly kind: string; readonly until: Date }, now: Date): OAuthError {
  const retryAfterSeconds = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000));
  return new OAuthError("too_many_requests", "too many requests wait for people", { retryAfterSeconds, detail });
}
