// The pages on which a person answers a client that asked for them by name (CIBA Core).
import { type ApprovalView, renderApprovalPage } from "./device-pages.ts";
import { html } from "./html.ts";
import { renderLayout, type Theme } from "./layout.ts";

export interface BackchannelApprovalView extends ApprovalView {
  /** What the client says beside: another person's words. */
  readonly bindingMessage: string | undefined;
}

/** Asks whether the client may have the person signed in. Posts `decision` as `approve` or `deny`. */
export function renderBackchannelApprovalPage(theme: Theme, view: BackchannelApprovalView): string {
  const { bindingMessage } = view;
  return renderApprovalPage(theme, view, {
    title: "Allow a sign-in",
    heading: html`Sign in to <bdi>${view.clientName}</bdi>?`,
    shown:
      bindingMessage === undefined
        ? undefined
        : html`<p class="device-code">The application says <b class="binding-message" id="binding-message"><bdi>${bindingMessage}</bdi></b></p>`,
    warning:
      bindingMessage === undefined
        ? "Allow it only if you began this yourself, just now. Otherwise somebody else would be signed in as you."
        : "Allow it only if you began this yourself, just now, and see the same message there. Otherwise somebody else would be signed in as you.",
    formId: "backchannel-approval-form",
  });
}

export interface BackchannelDoneView {
  readonly decision: "approved" | "denied";
  readonly clientName: string;
}

/** The end: nothing leads on from here, the application does. */
export function renderBackchannelDonePage(theme: Theme, { decision, clientName }: BackchannelDoneView): string {
  const name = html`<bdi class="name">${clientName}</bdi>`;
  const content =
    decision === "approved"
      ? html`<h1 id="backchannel-approved">You are being signed in</h1>
<p class="lead">${name} goes on where you began. You can close this page.</p>`
      : html`<h1 id="backchannel-denied">You were not signed in</h1>
<p class="lead">${name} was told so. You can close this page.</p>`;
  return renderLayout(theme, { title: decision === "approved" ? "Sign-in allowed" : "Sign-in denied", content });
}
