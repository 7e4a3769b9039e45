/** Codes of the management API's error bodies (E2 of dex v1) and the status each one means. */
const API_ERRORS = {
  unauthorized: { status: 401 },
  forbidden: { status: 403 },
  resource_not_found: { status: 404 },
  invalid_request: { status: 400 },
  duplicate_id: { status: 409 },
} as const;
export type ApiErrorCode = keyof typeof API_ERRORS;

/** The management API refuses a request. The message is what the caller reads. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ApiErrorCode;
  constructor(code: ApiErrorCode, message: string) {
    super(message);
    this.code = code;
  }
  get status(): number {
    return API_ERRORS[this.code].status;
  }
}

/** The JSON body of an error answer. */
export function renderApiError(code: string, message: string): { error: string; error_description: string } {
  return { error: code, error_description: message };
}
