// Which of our addresses an upstream sends the browser back to.

/**
 * The redirect_uri for a connector whose own callback is `callbackUrl`, `<issuer>/auth/<id>/callback`. `configured` may be
 * that one, or `<issuer>/callback`, which dex v2 had for all connectors. Undefined for any other: nobody would answer
 * there for us (MIX-1).
 */
export function chooseRedirectUri(callbackUrl: string, configured: string | undefined): string | undefined {
  if (configured === undefined || configured === callbackUrl) return callbackUrl;
  const issuer = /^(.*)\/auth\/[^/]+\/callback$/.exec(callbackUrl)?.[1];
  return issuer !== undefined && configured === `${issuer}/callback` ? configured : undefined;
}
