// What a client with a profile cannot be registered with, whoever registers it.
import { hasKeyFor } from "../client-jwts/key-metadata.ts";
import type { SigningAlgorithm } from "./client.ts";
import { citing, type Demand, type Demands, demandsOf } from "./profile.ts";
import type { Contradiction, RegisteredTogether } from "./registered-details.ts";

/** What is registered, the algorithm of its ID tokens with it. */
type Registered = RegisteredTogether & { readonly idTokenSigningAlgorithm: SigningAlgorithm };

interface Rule {
  readonly member: string;
  readonly demand: keyof Demands;
  readonly reason: (demands: Demands) => string;
  readonly breaks: (registered: Registered, demands: Demands) => boolean;
}

const only = (demand: Demand<readonly string[]>) => `must be one of ${demand.is.join(", ")}`;
const isAmong = (value: string | undefined, { is }: Demand<readonly string[]>) =>
  value === undefined || is.includes(value);

/** Members that say what is signed with what. */
const ALGORITHM_MEMBERS = [
  "token_endpoint_auth_signing_alg",
  "request_object_signing_alg",
  "userinfo_signed_response_alg",
  "authorization_signed_response_alg",
  "introspection_signed_response_alg",
] as const;

const RULES: readonly Rule[] = [
  {
    // A public client has the method none, whatever else is said.
    member: "token_endpoint_auth_method",
    demand: "authenticationMethods",
    reason: ({ authenticationMethods }) => only(authenticationMethods),
    breaks: ({ public: isPublic, details: { token_endpoint_auth_method: method } }, { authenticationMethods }) =>
      isPublic || method === undefined || !isAmong(method, authenticationMethods),
  },
  {
    member: "jwks",
    demand: "algorithms",
    reason: ({ algorithms }) => `must hold a key for one of ${algorithms.is.join(", ")}, or be at jwks_uri`,
    breaks: ({ details }, { algorithms }) =>
      details.token_endpoint_auth_method === "private_key_jwt" && !hasKeyFor(details, algorithms.is),
  },
  ...ALGORITHM_MEMBERS.map(
    (member): Rule => ({
      member,
      demand: "algorithms",
      reason: ({ algorithms }) => only(algorithms),
      breaks: ({ details }, { algorithms }) => !isAmong(details[member], algorithms),
    }),
  ),
  {
    member: "id_token_signed_response_alg",
    demand: "algorithms",
    reason: ({ algorithms }) => only(algorithms),
    breaks: ({ idTokenSigningAlgorithm }, { algorithms }) => !isAmong(idTokenSigningAlgorithm, algorithms),
  },
  {
    member: "response_types",
    demand: "responseTypes",
    reason: ({ responseTypes }) => only(responseTypes),
    breaks: ({ details }, { responseTypes }) =>
      details.response_types?.some((type) => !isAmong(type, responseTypes)) === true,
  },
  {
    member: "grant_types",
    demand: "grantTypes",
    reason: ({ grantTypes }) => only(grantTypes),
    breaks: (registered, { grantTypes }) => registered.grantTypes.some((grant) => !isAmong(grant, grantTypes)),
  },
  {
    member: "redirect_uris",
    demand: "redirectScheme",
    reason: () => "must be https",
    breaks: ({ redirectUris }, { redirectScheme }) =>
      redirectUris.some((uri) => new URL(uri).protocol !== redirectScheme.is),
  },
  {
    // A wish that would not be fulfilled.
    member: "require_pushed_authorization_requests",
    demand: "pushedRequests",
    reason: () => "must not be false",
    breaks: ({ details }) => details.require_pushed_authorization_requests === false,
  },
  {
    // They come through the browser, which may bring none.
    member: "request_uris",
    demand: "pushedRequests",
    reason: () => "must not be there: every request is pushed",
    breaks: ({ details }) => (details.request_uris?.length ?? 0) > 0,
  },
];

/** What of a client breaks a rule of its profile, with the rule; undefined where nothing does or it has none. */
export function contradictionInProfile(registered: Registered): Contradiction | undefined {
  const demands = demandsOf(registered.details);
  if (!isComplete(demands)) return undefined;
  const rule = RULES.find(({ breaks }) => breaks(registered, demands));
  if (rule === undefined) return undefined;
  const { member, demand, reason } = rule;
  return {
    member,
    reason: `${reason(demands)} under the profile ${registered.details.profile}${citing(demands[demand])}`,
  };
}

/** Whether there is a profile: without one nothing is demanded. */
function isComplete(demands: Partial<Demands>): demands is Demands {
  return demands.algorithms !== undefined;
}
