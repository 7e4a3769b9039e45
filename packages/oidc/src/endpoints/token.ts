import type { Client } from "../clients/client.ts";
import { type ClientAuthentication, checkUnspent, type ProvenClient } from "../clients/client-authentication.ts";
import { citing, demandsOf } from "../clients/profile.ts";
import { OAuthError } from "../errors.ts";
import type { Grant } from "../grants/grant.ts";
import { type GrantParts, makeGrants } from "../grants/grants.ts";
import { ASSERTION_REFUSED } from "../grants/jwt-bearer.ts";
import type { ProvenSender, ProveSender } from "../sender-constraint/prove-sender.ts";
import type { Confirmation } from "../tokens/confirmation.ts";
import { type ClientEndpoint, type ClientRequest, refuseMalformedForm } from "./client-request.ts";
import { endpointUrl } from "./discovery.ts";
import { single } from "./parameters.ts";

export interface TokenEndpointParts extends GrantParts {
  readonly clientAuthentication: ClientAuthentication;
  readonly proveSender: ProveSender;
}

const TOKEN_PARAMETERS = [
  "grant_type",
  "code",
  "redirect_uri",
  "code_verifier",
  "device_code",
  "auth_req_id",
  "refresh_token",
  "scope",
  "authorization_details",
  "username",
  "password",
  "nonce",
  "connector_id",
  "subject_token",
  "subject_token_type",
  "actor_token",
  "actor_token_type",
  "requested_token_type",
  "assertion",
] as const;
/** RFC 8693 §2.1, RFC 8707 §2. */
const REPEATABLE_PARAMETERS = ["audience", "resource"] as const;

/** The token endpoint, RFC 6749 §3.2: what holds for every grant, before the grant itself. */
export function makeTokenEndpoint(parts: TokenEndpointParts): ClientEndpoint {
  const { proveSender } = parts;
  const target = { method: "POST", url: endpointUrl(parts.issuer, "/token") };
  const grants: ReadonlyMap<string, Grant> = new Map(makeGrants(parts).map((grant) => [grant.grantType, grant]));
  return {
    path: "/token",
    crossOrigin: true,
    async handle(request, now) {
      const malformed = refuseMalformedForm(request, TOKEN_PARAMETERS, REPEATABLE_PARAMETERS);
      if (malformed !== undefined) throw malformed;
      const { body } = request;
      const grantType = single(body, "grant_type");
      if (grantType === undefined) throw new OAuthError("invalid_request", "grant_type is missing");
      const grant = grants.get(grantType);
      if (grant === undefined) throw new OAuthError("unsupported_grant_type", "this grant_type is not supported");
      const { client, proved, spend } = await callerOf(grant, request, parts, now);
      const { sender, confirmation } = await checkUnspent(spend, () => {
        refuseGrant(client, grant);
        const sender = proveSender(request, target, now);
        const confirmation = confirmationFor(client, sender);
        refuseUnbound(client, confirmation);
        return { sender, confirmation };
      });
      // A public client has shown nothing until its grant is good, and who has shown nothing writes nothing.
      await (proved ? sender.spend(spend) : spend?.());
      const proofs = { confirmation, shown: sender.confirmation };
      const answer = await grant.redeem({ params: body, client, ...proofs, source: request.source }, now);
      if (!proved) await sender.spend();
      return { kind: "json", status: 200, body: answer, dpopNonce: sender.dpopNonce };
    },
  };
}

/** The client that asks, and whether it has proved by itself who it is: public ones never do. */
async function callerOf(
  grant: Grant,
  request: ClientRequest,
  { clientAuthentication, clients }: Pick<TokenEndpointParts, "clientAuthentication" | "clients">,
  now: Date,
): Promise<ProvenClient & { readonly proved: boolean }> {
  const { authorization, body } = request;
  const shown = authorization ?? CREDENTIALS.find((name) => body.has(name));
  if (grant.provesClient !== true || shown !== undefined) {
    const proven = await clientAuthentication.prove(request, now);
    return { ...proven, proved: !proven.client.public };
  }
  const clientId = single(body, "client_id");
  if (clientId === undefined)
    throw new OAuthError("invalid_request", "client_id is missing: it says whom this stands for");
  const client = await clients.find(clientId);
  if (client === undefined || !client.grantTypes.includes(grant.grantType)) {
    throw new OAuthError("invalid_grant", ASSERTION_REFUSED, { detail: "no client with this id is registered for it" });
  }
  return { client, proved: false, spend: undefined };
}

const CREDENTIALS = ["client_secret", "client_assertion", "client_assertion_type"] as const;

function refuseGrant(client: Client, { grantType }: Grant): void {
  // AUT-13
  if (!client.grantTypes.includes(grantType)) {
    throw new OAuthError("unauthorized_client", `the client may not use the ${grantType} grant`);
  }
  // Registration refuses them too, and is not all that changes clients.
  const { grantTypes: demand } = demandsOf(client.details);
  if (demand === undefined || demand.is.includes(grantType)) return;
  throw new OAuthError("unauthorized_client", `the client may not use the ${grantType} grant${citing(demand)}`);
}

/** RFC 9449 §5.2: who registered that its tokens are bound gets no others, nor does who has a profile that wants them bound. */
function refuseUnbound(client: Client, confirmation: Confirmation | undefined): void {
  if (client.details.dpop_bound_access_tokens === true && confirmation?.jkt === undefined) {
    throw new OAuthError("invalid_dpop_proof", "the client's tokens are bound to a key: a DPoP proof is missing");
  }
  if (client.details.tls_client_certificate_bound_access_tokens === true && confirmation?.["x5t#S256"] === undefined) {
    throw new OAuthError("invalid_request", "the client's tokens are bound to its certificate: it is missing");
  }
  const { boundTokens } = demandsOf(client.details);
  if (boundTokens?.is === "by certificate" && confirmation?.["x5t#S256"] === undefined) {
    const message = "the client's tokens must be bound to its certificate";
    throw new OAuthError("invalid_request", `${message}${citing(boundTokens)}`);
  }
  if (boundTokens !== undefined && confirmation === undefined) {
    const message = "a DPoP proof, or the client's certificate, is missing";
    throw new OAuthError("invalid_dpop_proof", `${message}${citing(boundTokens)}`);
  }
}

/**
 * What of what was shown the tokens are bound to. A certificate binds those of clients alone that registered for it, RFC 8705
 * §3.4: others may come by a way on which everybody has one.
 */
function confirmationFor(client: Client, { confirmation }: ProvenSender): Confirmation | undefined {
  if (client.details.tls_client_certificate_bound_access_tokens === true) return confirmation;
  return confirmation?.jkt === undefined ? undefined : { jkt: confirmation.jkt };
}
