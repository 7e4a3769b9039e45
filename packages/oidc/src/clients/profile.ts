// What a client's profile demands: the one table that registration, the authorization endpoint, client authentication and the
// token endpoint ask. FAPI 2.0 Security Profile, FAPI 2.0 Message Signing and FAPI 1.0 Advanced, all final, and FAPI-CIBA. What
// holds for every client of ours is not repeated here: S256 alone, `iss` in answers, codes of at most sixty seconds, no proof of
// possession under RS256.
import { CIBA_GRANT } from "../backchannel-authentication/auth-req-id.ts";
import type { ClientSigningAlgorithm } from "../client-jwts/verify-jws.ts";
import type { GrantType, SigningAlgorithm } from "./client.ts";
import type { ClientDetails, Profile, ResponseType } from "./client-details.ts";

/** Something that a profile demands, and where it says so: what refuses for it names that. */
export interface Demand<Value> {
  readonly is: Value;
  readonly by: string;
}

export interface Demands {
  /** How the client proves who it is: each of them with a key of its own. */
  readonly authenticationMethods: Demand<readonly string[]>;
  /** What it signs with, and we for it. */
  readonly algorithms: Demand<readonly ClientSigningAlgorithm[]>;
  /** What we sign with for a client that registered nothing else. */
  readonly ourAlgorithm: Demand<SigningAlgorithm>;
  /** The only `aud` of its assertions: one string, since what is also for others could be shown to others. */
  readonly assertionAudience?: Demand<"the issuer alone">;
  readonly responseTypes?: Demand<readonly ResponseType[]>;
  readonly grantTypes: Demand<readonly GrantType[]>;
  readonly redirectScheme?: Demand<"https:">;
  readonly pushedRequests?: Demand<"required">;
  readonly codeChallenge?: Demand<"required" | "required when pushed">;
  /** Every access token is for the owner of a key, proved by DPoP or by the certificate of the connection, or that alone. */
  readonly boundTokens: Demand<"required" | "by certificate">;
  /**
   * A refresh token is no use without the client's key, so replacing it at each use would protect nothing, while an answer that
   * is lost would cost a person their sign-in.
   */
  readonly refreshToken?: Demand<"kept">;
  /** How old a request object may be, and how long it may be good for, in seconds; both ends must be in it. */
  readonly requestObjectSeconds?: Demand<number>;
  readonly signedRequests?: Demand<"required">;
  /** Response types with nothing in them that we sign: their answers go as a whole in a JWT (JARM). */
  readonly answersInJwt?: Demand<readonly ResponseType[]>;
  /** What tells that an answer is to the client's own request: a nonce, and where there is no ID token to hold it a state. */
  readonly nonceOrState?: Demand<"required">;
  /** Of what it asks about a person by name, CIBA Core §7.1.1. */
  readonly signedBackchannelRequests?: Demand<"required">;
  /** That the person sees in both places what it is that they allow. */
  readonly bindingMessage?: Demand<"required">;
}

const SECURITY_PROFILE = "FAPI 2.0 Security Profile section";
const MESSAGE_SIGNING = "FAPI 2.0 Message Signing section";

const FAPI2: Demands = {
  authenticationMethods: {
    is: ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"],
    by: `${SECURITY_PROFILE} 5.3.2.1`,
  },
  algorithms: { is: ["PS256", "ES256", "EdDSA"], by: `${SECURITY_PROFILE} 5.4.1` },
  ourAlgorithm: { is: "ES256", by: `${SECURITY_PROFILE} 5.4.1` },
  assertionAudience: { is: "the issuer alone", by: `${SECURITY_PROFILE} 5.3.2.1` },
  responseTypes: { is: ["code"], by: `${SECURITY_PROFILE} 5.3.2.2` },
  grantTypes: { is: ["authorization_code", "refresh_token", "client_credentials"], by: `${SECURITY_PROFILE} 5.3.2` },
  redirectScheme: { is: "https:", by: `${SECURITY_PROFILE} 5.3.2.2` },
  pushedRequests: { is: "required", by: `${SECURITY_PROFILE} 5.3.2.2` },
  codeChallenge: { is: "required", by: `${SECURITY_PROFILE} 5.3.2.2` },
  boundTokens: { is: "required", by: `${SECURITY_PROFILE} 5.3.2.1` },
  refreshToken: { is: "kept", by: `${SECURITY_PROFILE} 5.3.2.1` },
  requestObjectSeconds: { is: 3600, by: `${MESSAGE_SIGNING} 5.3.1` },
};

// Part 2 is what is called Advanced, and Part 1 Baseline.
const FAPI1_PART1 = "FAPI 1.0 Part 1 section";
const FAPI1_PART2 = "FAPI 1.0 Part 2 section";
const CIBA_PROFILE = "FAPI-CIBA section 5.2.2";

/**
 * A client that asks for people by name, and for nothing through a browser. How long its requests may be good for holds for
 * every client's (signed-request.ts). EdDSA is among the algorithms since FAPI 2 says that it is as good.
 */
const FAPI_CIBA: Demands = {
  authenticationMethods: {
    is: ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"],
    by: `${FAPI1_PART2} 5.2.2`,
  },
  algorithms: { is: ["PS256", "ES256", "EdDSA"], by: `${FAPI1_PART2} 8.6` },
  ourAlgorithm: { is: "ES256", by: `${FAPI1_PART2} 8.6` },
  grantTypes: { is: [CIBA_GRANT, "refresh_token", "client_credentials"], by: CIBA_PROFILE },
  boundTokens: { is: "required", by: `${FAPI1_PART2} 5.2.2` },
  signedBackchannelRequests: { is: "required", by: CIBA_PROFILE },
  bindingMessage: { is: "required", by: CIBA_PROFILE },
};

/**
 * Requests are signed, so they may come through the browser. Answers are signed too: what is in one is bound by the hashes of
 * its ID token (tokens/id-token.ts), or it is a JWT. EdDSA came with FAPI 2, and nothing is weaker for it here.
 */
const FAPI1: Demands = {
  authenticationMethods: {
    is: ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"],
    by: `${FAPI1_PART2} 5.2.2`,
  },
  algorithms: { is: ["PS256", "ES256", "EdDSA"], by: `${FAPI1_PART2} 8.6` },
  ourAlgorithm: { is: "ES256", by: `${FAPI1_PART2} 8.6` },
  responseTypes: { is: ["code id_token", "code"], by: `${FAPI1_PART2} 5.2.2` },
  answersInJwt: { is: ["code"], by: `${FAPI1_PART2} 5.2.2` },
  // Implicit stands for the ID token of a hybrid answer, OIDC Registration §2.
  grantTypes: {
    is: ["authorization_code", "implicit", "refresh_token", "client_credentials"],
    by: `${FAPI1_PART2} 5.2.2`,
  },
  redirectScheme: { is: "https:", by: `${FAPI1_PART1} 5.2.2` },
  codeChallenge: { is: "required when pushed", by: `${FAPI1_PART2} 5.2.2` },
  boundTokens: { is: "by certificate", by: `${FAPI1_PART2} 5.2.2` },
  refreshToken: { is: "kept", by: `${FAPI1_PART2} 5.2.2` },
  requestObjectSeconds: { is: 3600, by: `${FAPI1_PART2} 5.2.2` },
  signedRequests: { is: "required", by: `${FAPI1_PART2} 5.2.2` },
  nonceOrState: { is: "required", by: `${FAPI1_PART1} 5.2.2` },
};

/**
 * Under FAPI 2 answers in a JWT (JARM) and signed introspection are there for who asks for them under either profile. They are
 * not demanded: the certification's plan runs with plain answers too, and a client that wants them signed asks so in each
 * request.
 */
const DEMANDS: Readonly<Record<Profile, Demands>> = {
  fapi2: FAPI2,
  "fapi2-message-signing": { ...FAPI2, signedRequests: { is: "required", by: `${MESSAGE_SIGNING} 5.3.1` } },
  "fapi-ciba": FAPI_CIBA,
  "fapi1-advanced": FAPI1,
};

/** What is demanded of a client with these details: nothing without a profile. */
export function demandsOf({ profile }: Pick<ClientDetails, "profile">): Partial<Demands> {
  return profile === undefined ? {} : DEMANDS[profile];
}

/** For the end of what is said to who broke a rule: which one it was, where it is a profile's. */
export function citing(demand: Demand<unknown> | undefined): string {
  return demand === undefined ? "" : ` (${demand.by})`;
}

/** What we sign with for a client that registered no algorithm: RS256 by OpenID Connect, unless its profile forbids that. */
export function defaultAlgorithmFor(details: Pick<ClientDetails, "profile">): SigningAlgorithm {
  return demandsOf(details).ourAlgorithm?.is ?? "RS256";
}

/**
 * What we sign something for the client with where another than the client says how, such as a resource: that, unless the
 * client's profile forbids it.
 */
export function algorithmWithin(details: Pick<ClientDetails, "profile">, wanted: SigningAlgorithm): SigningAlgorithm {
  return demandsOf(details).algorithms?.is.includes(wanted) === false ? defaultAlgorithmFor(details) : wanted;
}

/** The details with what follows from the profile and was left out. What contradicts it stays, and is refused. */
export function withProfileDefaults<Details extends ClientDetails>(details: Details): Details {
  if (details.profile === undefined) return details;
  const { token_endpoint_auth_method = "private_key_jwt", tls_client_certificate_bound_access_tokens = true } = details;
  return {
    ...details,
    token_endpoint_auth_method,
    ...(byCertificate(details) ? { tls_client_certificate_bound_access_tokens } : {}),
  };
}

/** Whether its tokens are for the owner of a certificate, and DPoP is not enough. */
function byCertificate(details: Pick<ClientDetails, "profile">): boolean {
  return demandsOf(details).boundTokens?.is === "by certificate";
}

/**
 * Whether a client's profile may become another: one that demands more, and never less (DCR-2). FAPI 1 and FAPI 2 each have
 * something that the other lacks: from one to the other an administrator takes it.
 */
export function mayChangeProfile(from: Profile | undefined, to: Profile | undefined): boolean {
  return from === undefined || from === to || (from === "fapi2" && to === "fapi2-message-signing");
}
