/** Addresses of the sign-in pages. `base` is the issuer's path; a flow is named in the query, its state is in a cookie. */
export interface LoginPaths {
  /** The authorization endpoint. */
  readonly authorization: string;
  chooser(flowId: string): string;
  connector(connectorId: string, flowId: string): string;
  consent(flowId: string): string;
  /** Absolute: what is registered at the upstream provider (dex v1 §10.1). */
  callbackUrl(connectorId: string): string;
}

export function makeLoginPaths(issuer: URL): LoginPaths {
  const base = issuer.pathname.replace(/\/+$/, "");
  const query = (flowId: string) => `?flow=${encodeURIComponent(flowId)}`;
  return {
    authorization: `${base}/auth`,
    chooser: (flowId) => `${base}/login${query(flowId)}`,
    connector: (connectorId, flowId) => `${base}/auth/${encodeURIComponent(connectorId)}/login${query(flowId)}`,
    consent: (flowId) => `${base}/consent${query(flowId)}`,
    callbackUrl: (connectorId) => `${issuer.origin}${base}/auth/${encodeURIComponent(connectorId)}/callback`,
  };
}
