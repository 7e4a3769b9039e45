import { BACKCHANNEL_APPROVAL_PATH } from "@dex/oidc";

/** Addresses of the sign-in pages. `base` is the issuer's path; a flow is named in the query, its state is in a cookie. */
export interface LoginPaths {
  /** The authorization endpoint. */
  readonly authorization: string;
  /** "Your account", where there is no flow. */
  readonly account: string;
  /** `mode` turns from signing in to registering and back. */
  chooser(flowId: string, mode?: "sign in" | "register"): string;
  connector(connectorId: string, flowId: string): string;
  consent(flowId: string): string;
  /** Where the code of a device is typed, and where its flow ends. */
  device(flowId?: string): string;
  deviceApproval(flowId: string): string;
  /** Where the flow ends of a client that asked for the person (CIBA). */
  backchannelApproval(flowId: string): string;
  /** Where an account is asked for. */
  register(flowId: string): string;
  /** What is to become of a proved identity that does not simply sign in. */
  identity(flowId: string): string;
  /** Whether a proved identity becomes the signed-in person's. */
  link(flowId: string): string;
  /** Where links from mails that confirm an address lead. */
  readonly verifyEmail: string;
  /** Where a link to choose a new password is asked for: in a flow, which may go on afterwards, or without one. */
  sendResetPassword(flowId?: string): string;
  /** Where the other links from mails lead. */
  readonly resetPassword: string;
  readonly acceptInvitation: string;
  readonly changeEmail: string;
  /** Absolute: what is registered at the upstream provider (dex v1 §10.1). */
  callbackUrl(connectorId: string): string;
  /** Absolute: where the upstream sends a browser that it has signed out. */
  signedOutUrl(connectorId: string): string;
  /** Absolute: what dex v2 had registered for all of them. Used by those whose configuration says so. */
  readonly sharedCallbackUrl: string;
}

export function makeLoginPaths(issuer: URL): LoginPaths {
  const base = issuer.pathname.replace(/\/+$/, "");
  const query = (flowId: string) => `?flow=${encodeURIComponent(flowId)}`;
  return {
    authorization: `${base}/auth`,
    account: `${base}/account`,
    chooser: (flowId, mode) =>
      `${base}/login${query(flowId)}${mode === undefined ? "" : `&mode=${mode === "register" ? "register" : "sign-in"}`}`,
    connector: (connectorId, flowId) => `${base}/auth/${encodeURIComponent(connectorId)}/login${query(flowId)}`,
    consent: (flowId) => `${base}/consent${query(flowId)}`,
    device: (flowId) => `${base}/device${flowId === undefined ? "" : query(flowId)}`,
    backchannelApproval: (flowId) => `${base}${BACKCHANNEL_APPROVAL_PATH}/approve${query(flowId)}`,
    deviceApproval: (flowId) => `${base}/device/approve${query(flowId)}`,
    register: (flowId) => `${base}/register${query(flowId)}`,
    identity: (flowId) => `${base}/identity${query(flowId)}`,
    link: (flowId) => `${base}/link${query(flowId)}`,
    verifyEmail: `${base}/verify-email`,
    sendResetPassword: (flowId) => `${base}/send-reset-password${flowId === undefined ? "" : query(flowId)}`,
    resetPassword: `${base}/reset-password`,
    acceptInvitation: `${base}/accept-invitation`,
    changeEmail: `${base}/change-email`,
    callbackUrl: (connectorId) => `${issuer.origin}${base}/auth/${encodeURIComponent(connectorId)}/callback`,
    signedOutUrl: (connectorId) => `${issuer.origin}${base}/auth/${encodeURIComponent(connectorId)}/signed-out`,
    sharedCallbackUrl: `${issuer.origin}${base}/callback`,
  };
}
