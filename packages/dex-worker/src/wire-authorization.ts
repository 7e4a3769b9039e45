import {
  type AuthorizationRules,
  type EngineSealers,
  makePushedRequests,
  type PushedRequests,
  RESPONSE_TYPES,
  type ReadRequestObject,
  type ResponseType,
} from "@dex/oidc";
import type { WorkerConfig } from "./config.ts";
import type { Live, Outside } from "./wiring.ts";

/** What an authorization request is looked at with, through whichever door it comes: a browser, or the client itself. */
export interface AuthorizationWiring {
  readonly rules: AuthorizationRules;
  readonly pushedRequests: PushedRequests;
}

export function wireAuthorization(
  config: WorkerConfig,
  { random }: Outside,
  { clientDocuments, keyRing, resources }: Live,
  parts: { readonly sealers: EngineSealers; readonly readRequestObject: ReadRequestObject },
): AuthorizationWiring {
  const pushedRequests = makePushedRequests({ sealer: parts.sealers.pushedRequest, random });
  const rules = {
    clients: clientDocuments.clients,
    issuer: config.issuerText,
    idTokens: keyRing.verifier,
    requirePkce: config.requirePkce,
    responseTypes: responseTypesOfDeployment(config),
    readRequestObject: parts.readRequestObject,
    resources,
    requirePushed: config.requirePushedAuthorizationRequests,
    pushedRequests,
  };
  return { rules, pushedRequests };
}

/** What clients may be registered for: tokens that travel with the browser only where the deployment wants them (TOK-14). */
export function responseTypesOfDeployment({ enableFrontChannelTokens }: WorkerConfig): readonly ResponseType[] {
  return enableFrontChannelTokens ? RESPONSE_TYPES : ["code"];
}
