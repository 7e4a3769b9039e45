/** Input that no endpoint would take: its form is wrong before its meaning is looked at. */
export class InvalidInput extends Error {
  readonly status: 400 | 403 | 404 | 405 | 409 | 410 | 413 | 415 | 429;
  readonly headers: Readonly<Record<string, string>>;
  /** Where a person may go on, from a page that says so. */
  readonly backHref: string | undefined;
  constructor(
    status: InvalidInput["status"],
    message: string,
    headers: Readonly<Record<string, string>> = {},
    backHref?: string,
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.backHref = backHref;
  }
}
