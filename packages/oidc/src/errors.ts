/**
 * Every code we answer with, and the HTTP status it means. Codes of RFC 6749 §4.1.2.1 and §5.2, OIDC Core §3.1.2.6,
 * RFC 6750 §3.1 and RFC 7591 §3.2.2; `too_many_requests` is our own, for throttled guessing (RFC 6749 §10.10).
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
  too_many_requests: { status: 429 },
} as const;
export type OAuthErrorCode = keyof typeof OAUTH_ERRORS;

interface OAuthErrorOptions {
  readonly detail?: string;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
  /** Set where an operator should see it in the log without asking for debug lines. */
  readonly noteworthy?: boolean;
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

  constructor(code: OAuthErrorCode, description: string, more: OAuthErrorOptions = {}) {
    super(description, { cause: more.cause });
    this.code = code;
    this.detail = more.detail;
    this.retryAfterSeconds = more.retryAfterSeconds;
    this.noteworthy = more.noteworthy ?? false;
  }

  get status(): number {
    return OAUTH_ERRORS[this.code].status;
  }
}

/** A protected resource was asked without any token: the challenge then names no error (RFC 6750 §3.1). */
export class BearerTokenMissing extends OAuthError {
  constructor(detail?: string) {
    super("invalid_token", "no access token was sent", detail === undefined ? {} : { detail });
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

/** The WWW-Authenticate value for a protected resource, RFC 6750 §3; undefined where the error is not about access. */
export function renderBearerChallenge(error: OAuthError): string | undefined {
  if (!CHALLENGED.includes(error.code)) return undefined;
  if (error instanceof BearerTokenMissing) return 'Bearer realm="dex"';
  return `Bearer realm="dex", error="${error.code}", error_description="${renderErrorDescription(error)}"`;
}
