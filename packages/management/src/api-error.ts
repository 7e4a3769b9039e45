/** Codes of error bodies (E2 of dex v1) and the status each one means. */
const API_ERRORS = {
  bad_request: { status: 400 },
  invalid_request: { status: 400 },
  invalid_email: { status: 400 },
  verified_email: { status: 400 },
  invalid_redirect_url: { status: 400 },
  max_results_too_high: { status: 400 },
  access_denied: { status: 401 },
  unauthorized: { status: 401 },
  // RFC 9470 §3
  insufficient_user_authentication: { status: 401 },
  forbidden: { status: 403 },
  resource_not_found: { status: 404 },
  method_not_allowed: { status: 405 },
  duplicate_email: { status: 409 },
  duplicate_id: { status: 409 },
  not_dead: { status: 409 },
  secret_limit: { status: 409 },
  last_secret: { status: 409 },
  last_key: { status: 409 },
  already_decided: { status: 409 },
  user_unavailable: { status: 409 },
  local_connector_missing: { status: 409 },
  payload_too_large: { status: 413 },
  unsupported_media_type: { status: 415 },
  too_many_requests: { status: 429 },
  server_error: { status: 500 },
  temporarily_unavailable: { status: 503 },
} as const;
export type ApiErrorCode = keyof typeof API_ERRORS;

/** The status that goes with a code. */
export function statusOf(code: ApiErrorCode): number {
  return API_ERRORS[code].status;
}

/** An API refuses a request. The message is what the caller reads. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ApiErrorCode;
  readonly headers: Readonly<Record<string, string>>;
  constructor(code: ApiErrorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }
  get status(): number {
    return statusOf(this.code);
  }
}
