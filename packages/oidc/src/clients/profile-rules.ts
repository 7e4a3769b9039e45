// What a client with a profile cannot be registered with, whoever registers it.
import { hasKeyFor } from "../client-jwts/key-metadata.ts";
import { CLIENT_SIGNING_ALGORITHMS } from "../client-jwts/verify-jws.ts";
import type { SigningAlgorithm } from "./client.ts";
import { citing, type Demand, type Demands, demandsOf } from "./profile.ts";
import type { Contradiction, RegisteredTogether } from "./registered-details.ts";

/** What is registered, the algorithm of its ID tokens with it. */
type Registered = RegisteredTogether & { readonly idTokenSigningAlgorithm: SigningAlgorithm };

/** What is refused of a client because of one demand, where its profile has that. */
interface Rule {
  readonly member: string;
  readonly demand: keyof Demands;
  /** Why it is refused; undefined when it is not. */
  readonly reasonAgainst: (registered: Registered, demands: Partial<Demands>) => string | undefined;
}

function rule<Name extends keyof Demands>(of: {
  readonly member: string;
  readonly demand: Name;
  readonly reason: (demand: NonNullable<Demands[Name]>) => string;
  readonly breaks: (registered: Registered, demand: NonNullable<Demands[Name]>) => boolean;
}): Rule {
  const { member, demand, reason, breaks } = of;
  return {
    member,
    demand,
    reasonAgainst(registered, demands) {
      const demanded = demands[demand];
      return demanded != null && breaks(registered, demanded) ? reason(demanded) : undefined;
    },
  };
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
  "backchannel_authentication_request_signing_alg",
] as const;

const RULES: readonly Rule[] = [
  rule({
    // A public client has the method none, whatever else is said.
    member: "token_endpoint_auth_method",
    demand: "authenticationMethods",
    reason: only,
    breaks: ({ public: isPublic, details: { token_endpoint_auth_method: method } }, demand) =>
      isPublic || method === undefined || !isAmong(method, demand),
  }),
  rule({
    member: "jwks",
    demand: "algorithms",
    reason: ({ is }) => `must hold a key for one of ${is.join(", ")}, or be at jwks_uri`,
    breaks: ({ details }, { is }) =>
      details.token_endpoint_auth_method === "private_key_jwt" && !hasKeyFor(details, is),
  }),
  rule({
    // Also where it is a certificate that says who the client is.
    member: "jwks",
    demand: "signedBackchannelRequests",
    reason: () => "must hold a key that requests are signed with, or be at jwks_uri",
    breaks: ({ details }) => !hasKeyFor(details, demandsOf(details).algorithms?.is ?? CLIENT_SIGNING_ALGORITHMS),
  }),
  rule({
    member: "jwks",
    demand: "signedRequests",
    reason: () => "must hold a key that requests are signed with, or be at jwks_uri",
    breaks: ({ details }) => !hasKeyFor(details, demandsOf(details).algorithms?.is ?? CLIENT_SIGNING_ALGORITHMS),
  }),
  ...ALGORITHM_MEMBERS.map((member) =>
    rule({
      member,
      demand: "algorithms",
      reason: only,
      breaks: ({ details }, demand) => !isAmong(details[member], demand),
    }),
  ),
  rule({
    member: "id_token_signed_response_alg",
    demand: "algorithms",
    reason: only,
    breaks: ({ idTokenSigningAlgorithm }, demand) => !isAmong(idTokenSigningAlgorithm, demand),
  }),
  rule({
    member: "response_types",
    demand: "responseTypes",
    reason: only,
    breaks: ({ details }, demand) => details.response_types?.some((type) => !isAmong(type, demand)) === true,
  }),
  rule({
    member: "grant_types",
    demand: "grantTypes",
    reason: only,
    breaks: ({ grantTypes }, demand) => grantTypes.some((grant) => !isAmong(grant, demand)),
  }),
  rule({
    member: "redirect_uris",
    demand: "redirectScheme",
    reason: () => "must be https",
    breaks: ({ redirectUris }, { is }) => redirectUris.some((uri) => new URL(uri).protocol !== is),
  }),
  rule({
    member: "tls_client_certificate_bound_access_tokens",
    demand: "boundTokens",
    reason: () => "must be true",
    breaks: ({ details }, { is }) =>
      is === "by certificate" && details.tls_client_certificate_bound_access_tokens !== true,
  }),
  rule({
    // A wish that would not be fulfilled.
    member: "require_pushed_authorization_requests",
    demand: "pushedRequests",
    reason: () => "must not be false",
    breaks: ({ details }) => details.require_pushed_authorization_requests === false,
  }),
  rule({
    // They come through the browser, which may bring none.
    member: "request_uris",
    demand: "pushedRequests",
    reason: () => "must not be there: every request is pushed",
    breaks: ({ details }) => (details.request_uris?.length ?? 0) > 0,
  }),
];

/** What of a client breaks a rule of its profile, with the rule; undefined where nothing does or it has none. */
export function contradictionInProfile(registered: Registered): Contradiction | undefined {
  const demands = demandsOf(registered.details);
  for (const { member, demand, reasonAgainst } of RULES) {
    const reason = reasonAgainst(registered, demands);
    if (reason === undefined) continue;
    return { member, reason: `${reason} under the profile ${registered.details.profile}${citing(demands[demand])}` };
  }
  return undefined;
}
