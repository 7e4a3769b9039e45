/**
 * Every code we answer with, and the HTTP status it means. Codes of RFC 6749 §4.1.2.1 and §5.2, OIDC Core §3.1.2.6,
 * RFC 6750 §3.1, RFC 7591 §3.2.2 and RFC 9449 §5 and §8; `too_many_requests` is our own, for throttled guessing (RFC 6749 §10.10).
 */
const OAUTH_ERRORS = {
  invalid_request: { status: 400 },
  invalid_client: { status: 401 },
  invalid_grant: { status: 400 },
  unauthorized_client: { status: 400 },
  unsupported_grant_type: { status: 400 },
  unsupported_response_type: { status: 400 },
  invalid_scope: { status: 400 },
  access_denied: { status: 403 },
  server_error: { status: 500 },
  temporarily_unavailable: { status: 503 },
  login_required: { status: 400 },
  consent_required: { status: 400 },
  interaction_required: { status: 400 },
  account_selection_required: { status: 400 },
  request_not_supported: { status: 400 },
  request_uri_not_supported: { status: 400 },
  invalid_request_uri: { status: 400 },
  invalid_request_object: { status: 400 },
  registration_not_supported: { status: 400 },
  invalid_token: { status: 401 },
  insufficient_scope: { status: 403 },
  invalid_redirect_uri: { status: 400 },
  invalid_client_metadata: { status: 400 },
  invalid_dpop_proof: { status: 400 },
  use_dpop_nonce: { status: 400 },
  too_many_requests: { status: 429 },
  // RFC 8628 §3.5
  authorization_pending: { status: 400 },
  slow_down: { status: 400 },
  expired_token: { status: 400 },
  // CIBA Core §13
  unknown_user_id: { status: 400 },
  invalid_binding_message: { status: 400 },
  // RFC 8707 §2 and RFC 9396 §5
  invalid_target: { status: 400 },
  invalid_authorization_details: { status: 400 },
  // RFC 9470 §3
  insufficient_user_authentication: { status: 401 },
} as const;
export type OAuthErrorCode = keyof typeof OAUTH_ERRORS;

interface OAuthErrorOptions {
  readonly detail?: string;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
  /** Set where an operator should see it in the log without asking for debug lines. */
  readonly noteworthy?: boolean;
  readonly dpopNonce?: string;
}

/** What the other side did is refused by a specification or a policy. The code decides the status. */
export class OAuthError extends Error {
  override readonly name = "OAuthError";
  readonly code: OAuthErrorCode;
  /** For operators: logged, never sent. The message is what the client reads. */
  readonly detail: string | undefined;
  /** When trying again makes sense, for the Retry-After header. */
  readonly retryAfterSeconds: number | undefined;
  /** Whether an operator should see it in the log without asking for debug lines. */
  readonly noteworthy: boolean;
  /** For the header DPoP-Nonce, RFC 9449 §8. */
  readonly dpopNonce: string | undefined;

  constructor(code: OAuthErrorCode, description: string, more: OAuthErrorOptions = {}) {
    super(description, { cause: more.cause });
    this.code = code;
    this.detail = more.detail;
    this.retryAfterSeconds = more.retryAfterSeconds;
    this.noteworthy = more.noteworthy ?? false;
    this.dpopNonce = more.dpopNonce;
  }

  get status(): number {
    return OAUTH_ERRORS[this.code].status;
  }
}

/** A person said no, and a client hears of it at the token endpoint: 400 there (RFC 6749 §5.2), where a page says 403. */
export class AccessDeniedAtTokenEndpoint extends OAuthError {
  constructor(description: string) {
    super("access_denied", description);
  }

  override get status(): number {
    return 400;
  }
}

/** Whoever a client brings a proof for is not let in: 401 at the token endpoint without a challenge, as dex v2 has it. */
export class ProofRefused extends OAuthError {
  constructor(description: string, detail: string) {
    super("access_denied", description, { detail });
  }

  override get status(): number {
    return 401;
  }
}

/** A protected resource was asked without any token: the challenge then names no error (RFC 6750 §3.1). */
export class BearerTokenMissing extends OAuthError {
  constructor(detail?: string) {
    super("invalid_token", "no access token was sent", detail === undefined ? {} : { detail });
  }
}

/** How a person must have signed in for what a protected resource was asked, RFC 9470 §3. */
export interface SignInDemand {
  /** No longer ago. */
  readonly maxAgeSeconds?: number | undefined;
  /** By one of these. */
  readonly acrValues?: readonly string[] | undefined;
}

/** The access token is good, and the sign-in behind it is not good enough: the client is told what to ask for. */
export class StepUpRequired extends OAuthError {
  readonly demand: SignInDemand;

  constructor(demand: SignInDemand) {
    super("insufficient_user_authentication", "the person must sign in again for this, as the challenge says");
    this.demand = demand;
  }
}

/** The message in the characters that RFC 6749 §5.2 and RFC 6750 §3 allow; each other one becomes a question mark. */
export function renderErrorDescription(error: OAuthError): string {
  return error.message.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/gu, "?");
}

/** The JSON body of an error answer, RFC 6749 §5.2. */
export function renderErrorBody(error: OAuthError): { readonly error: string; readonly error_description: string } {
  return { error: error.code, error_description: renderErrorDescription(error) };
}

/** The WWW-Authenticate value for a token endpoint answer with invalid_client, RFC 6749 §5.2. */
export function renderBasicChallenge(): string {
  return 'Basic realm="dex", charset="UTF-8"';
}

/** The codes that RFC 6750 §3.1 gives a challenge; others say nothing about a token. */
const CHALLENGED: readonly OAuthErrorCode[] = ["invalid_request", "invalid_token", "insufficient_scope"];
/** That of RFC 9470 §3: who takes bearer tokens alone demands none of it. */
const STEP_UP: OAuthErrorCode = "insufficient_user_authentication";
/** Those of RFC 9449 §7.1 and §9. */
const DPOP_CHALLENGED: readonly OAuthErrorCode[] = ["invalid_dpop_proof", "use_dpop_nonce"];

/** The WWW-Authenticate value for what takes bearer tokens alone, RFC 6750 §3; undefined where the error is not about access. */
export function renderBearerChallenge(error: OAuthError): string | undefined {
  return CHALLENGED.includes(error.code) ? renderChallenge("Bearer", [], error) : undefined;
}

/**
 * The WWW-Authenticate values of a resource that takes bearer tokens and such as are bound to a key, RFC 9449 §7.1 and §7.2.
 * The error is told in the scheme that the request was made in, and each says where the resource describes itself (RFC 9728
 * §5.1).
 */
export function renderResourceChallenges(
  error: OAuthError,
  {
    scheme,
    algorithms,
    metadataUrl,
  }: {
    readonly scheme: "Bearer" | "DPoP";
    readonly algorithms: readonly string[];
    readonly metadataUrl: string;
  },
): readonly string[] {
  if (![...CHALLENGED, ...DPOP_CHALLENGED, STEP_UP].includes(error.code)) return [];
  const metadata = `resource_metadata="${metadataUrl}"`;
  const algs = `algs="${algorithms.join(" ")}"`;
  return [
    renderChallenge("Bearer", [metadata], scheme === "Bearer" ? error : undefined),
    renderChallenge("DPoP", [algs, metadata], scheme === "DPoP" ? error : undefined),
  ];
}

/** RFC 9449 §7.1: what is wrong with a proof is 401 at a resource, unlike at the token endpoint (§5). */
export function statusAtResource(error: OAuthError): number {
  return DPOP_CHALLENGED.includes(error.code) ? 401 : error.status;
}

function renderChallenge(scheme: string, parameters: readonly string[], error: OAuthError | undefined): string {
  const told =
    error === undefined || error instanceof BearerTokenMissing
      ? []
      : [`error="${error.code}"`, `error_description="${renderErrorDescription(error)}"`, ...demandOf(error)];
  return `${scheme} ${['realm="dex"', ...parameters, ...told].join(", ")}`;
}

function demandOf(error: OAuthError): readonly string[] {
  if (!(error instanceof StepUpRequired)) return [];
  const { maxAgeSeconds, acrValues } = error.demand;
  return [
    ...(maxAgeSeconds === undefined ? [] : [`max_age="${maxAgeSeconds}"`]),
    ...(acrValues === undefined ? [] : [`acr_values="${acrValues.join(" ")}"`]),
  ];
}
