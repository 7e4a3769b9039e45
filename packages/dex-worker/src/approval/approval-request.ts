import type { LoginState, RequestedTargets, VerifiedRedirectUri } from "@dex/oidc";

/** The request of a flow that ends at a page of ours, where the person lets a client in elsewhere. `here`: below our own issuer. */
export function approvalRequest(
  here: string,
  clientId: string,
  { scope, targets }: { readonly scope: readonly string[]; readonly targets: RequestedTargets },
): LoginState["request"] {
  return {
    ...targets,
    // From our own code: there is nothing to match it with.
    ...{ clientId, scope, redirectUri: here as VerifiedRedirectUri, responseType: "code", responseMode: "query" },
    ...{ prompt: [], state: undefined, nonce: undefined, codeChallenge: undefined, maxAgeSeconds: undefined },
    ...{ loginHint: undefined, hintedUserId: undefined, connectorId: undefined },
  };
}
