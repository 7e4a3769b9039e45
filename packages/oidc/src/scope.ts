/** Scopes with a meaning here, beside those that name an audience. Every other one is dropped at the authorization endpoint (AUT-8). */
export const SUPPORTED_SCOPES = [
  "openid",
  "profile",
  "email",
  "address",
  "phone",
  "groups",
  "federated:id",
  "offline_access",
] as const;
export type SupportedScope = (typeof SUPPORTED_SCOPES)[number];

/** The words of a scope parameter, each once, in the order they were sent. RFC 6749 §3.3. */
export function parseScope(text: string | undefined): readonly string[] {
  return text === undefined ? [] : [...new Set(text.split(" ").filter((word) => word !== ""))];
}

/** Whether each scope of `inner` is also in `outer`. */
export function scopeContains(outer: readonly string[], inner: readonly string[]): boolean {
  return inner.every((scope) => outer.includes(scope));
}
