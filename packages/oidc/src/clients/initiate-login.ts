/**
 * Where a person begins to sign in to a client from our side: OIDC Core §4, third-party-initiated login. The client learns who
 * sent the person, and begins a flow of its own, with us or not; what it registered in the address stays. No
 * target_link_uri goes along, since where in the application somebody wants to is the application's to know.
 */
export function initiateLoginUrl(initiateLoginUri: string, issuer: string): string {
  const url = new URL(initiateLoginUri);
  url.searchParams.set("iss", issuer);
  return url.href;
}
