/** Which key the bearer of a token must prove to have, RFC 7800 §3.1: a thumbprint by RFC 9449 §6.1 or by RFC 8705 §3.1. */
export interface Confirmation {
  /** SHA-256 thumbprint of a JWK (RFC 7638), base64url. */
  readonly jkt?: string;
  /** SHA-256 of a certificate in DER, base64url. */
  readonly "x5t#S256"?: string;
}

/** Whether who has `presented` may use what is bound to `bound`: every key of it, or none where it is bound to nothing. */
export function confirms(
  presented: Confirmation | undefined,
  bound: { readonly [Name in keyof Confirmation]: string | undefined } | undefined,
): boolean {
  return (
    (bound?.jkt === undefined || presented?.jkt === bound.jkt) &&
    (bound?.["x5t#S256"] === undefined || presented?.["x5t#S256"] === bound["x5t#S256"])
  );
}

/**
 * What comes of something that was bound to `bound`, where `wanted` is what the client's tokens are bound to now. RFC 8705 §7.1: it
 * stays bound to the certificate, whatever the client registers later. Who holds the registration alone does not make bearer
 * tokens of it.
 */
export function stillBound(
  wanted: Confirmation | undefined,
  bound: { readonly [Name in keyof Confirmation]: string | undefined } | undefined,
): Confirmation | undefined {
  const certificate = bound?.["x5t#S256"];
  return certificate === undefined ? wanted : { ...wanted, "x5t#S256": certificate };
}
