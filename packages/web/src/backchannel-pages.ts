// The pages on which a person answers a client that asked for them by name (CIBA Core).
import {
  type ApprovalDoneView,
  type ApprovalView,
  renderApprovalDonePage,
  renderApprovalPage,
} from "./approval-pages.ts";
import { html } from "./html.ts";
import type { Theme } from "./layout.ts";

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
    warning: `Allow it only if you have just begun this yourself, or have yourself called somebody who asks for it${bindingMessage === undefined ? "" : ", and the same message is shown or said there"}. Otherwise somebody else would be signed in as you.`,
    formId: "backchannel-approval-form",
  });
}

/** The end: what goes on, goes on at the application. */
export function renderBackchannelDonePage(theme: Theme, view: ApprovalDoneView): string {
  const name = html`<bdi class="name">${view.clientName}</bdi>`;
  return renderApprovalDonePage(
    theme,
    view,
    view.decision === "approved"
      ? {
          title: "Sign-in allowed",
          id: "backchannel-approved",
          heading: "You are being signed in",
          explanation: html`${name} goes on where it was begun.`,
        }
      : {
          title: "Sign-in denied",
          id: "backchannel-denied",
          heading: "You were not signed in",
          explanation: html`${name} was told so.`,
        },
  );
}
