// What clients ask for that a person allows elsewhere than where it is asked: by device (RFC 8628) and by name (CIBA Core).
import { refuseAudiences } from "../clients/audience.ts";
import type { Client } from "../clients/client.ts";
import { OAuthError } from "../errors.ts";
import type { Clients } from "../ports.ts";
import { decideTargets, type RequestedTargets, withScopeOfResources } from "../resources/requested-targets.ts";
import type { Resources } from "../resources/resource.ts";
import { parseScope } from "../scope.ts";
import { grantableScope, refuseScope } from "./requested-scope.ts";

export interface ScopeAndTargets {
  /** With that of the resources. */
  readonly scope: readonly string[];
  readonly targets: RequestedTargets;
}

export interface ScopeAndTargetsParts {
  readonly client: Client;
  readonly clients: Clients;
  readonly resources: Resources;
  /** The address of our userinfo endpoint, which is the name of that resource. */
  readonly userinfoUrl: string;
}

/** What these read beside the scope, RFC 8707 §2 and RFC 9396 §2; `resource` may come several times. */
export const TARGET_PARAMETERS = { single: ["authorization_details"], repeatable: ["resource"] } as const;

/** The flow of the person carries it all in their browser (MAX_SEALED_LOGIN_STATE_LENGTH). */
const MAX_TARGETS_BYTES = 4096;

/**
 * Decides by the rules of the authorization endpoint. `openid`: whether a request about a resource may leave it out. Throws
 * invalid_scope, invalid_target (RFC 8707 §2), invalid_authorization_details (RFC 9396 §5), or invalid_request where it is
 * more than a person can be shown.
 */
export async function readScopeAndTargets(
  params: URLSearchParams,
  { scope, openid }: { readonly scope: string; readonly openid: "needed" | "optional" },
  parts: ScopeAndTargetsParts,
): Promise<ScopeAndTargets> {
  const { client, clients } = parts;
  const asked = new URLSearchParams({ scope });
  const withTargets = new URLSearchParams(asked);
  for (const name of [...TARGET_PARAMETERS.single, ...TARGET_PARAMETERS.repeatable]) {
    for (const value of params.getAll(name)) withTargets.append(name, value);
  }
  const refusal =
    refuseScope(openid === "needed" ? asked : withTargets, client) ??
    (await refuseAudiences(parseScope(scope), client, { clients, code: "invalid_scope" }));
  if (refusal !== undefined) throw refusal;
  const decision = decideTargets(withTargets, parts);
  if (decision.kind === "refused") throw decision.error;
  const { targets } = decision;
  if (Buffer.byteLength(JSON.stringify(targets)) > MAX_TARGETS_BYTES) {
    throw new OAuthError("invalid_request", "more is asked for at resources than one request can hold");
  }
  return { scope: withScopeOfResources(grantableScope(parseScope(scope), client, "code"), targets), targets };
}
