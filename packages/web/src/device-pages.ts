// The pages on which a person lets a device sign in that has no browser of its own (RFC 8628 §3.3).
import {
  type ApprovalDoneView,
  type ApprovalView,
  renderApprovalDonePage,
  renderApprovalPage,
} from "./approval-pages.ts";
import { html } from "./html.ts";
import { renderLayout, renderMessage, type Theme } from "./layout.ts";
import { parseFormAction } from "./links.ts";

export interface DeviceCodeView {
  /** Where the form posts to: a path of our own origin, which carries the flow's id. */
  readonly action: string;
  readonly formToken: string;
  /** What to put into the field: the code that came with the address, or what was typed before. */
  readonly userCode: string;
  /** Why the form is shown again, in a sentence. */
  readonly message?: string | undefined;
}

/** Asks for the code that the device shows: the form has the id `device-form`, its controls `user_code` and `submit-code`. */
export function renderDeviceCodePage(theme: Theme, view: DeviceCodeView): string {
  const message = renderMessage(view.message);
  const described =
    message === undefined
      ? html`aria-describedby="code-hint"`
      : html`aria-invalid="true" aria-describedby="message code-hint"`;
  const content = html`<h1>Connect a device</h1>
<p class="lead">Enter the code that your device shows.</p>
${message}
<form class="wide" id="device-form" method="post" action="${parseFormAction(view.action)}">
<input type="hidden" name="form_token" value="${view.formToken}">
<div class="field user-code">
<label for="user_code">Code</label>
<input id="user_code" name="user_code" type="text" autocomplete="off" autocapitalize="characters" autocorrect="off" spellcheck="false" maxlength="64" required autofocus placeholder="XXXX-XXXX" value="${view.userCode}" ${described}>
<small id="code-hint">It has letters only. Capitals and hyphens do not matter.</small>
</div>
<button class="button primary" id="submit-code" type="submit">Continue</button>
</form>
<p class="aside">Only go on with a code from a device that you are signing in yourself. Nobody else should send you one.</p>`;
  return renderLayout(theme, { title: "Connect a device", content });
}

export interface DeviceApprovalView extends ApprovalView {
  /** As the device shows it. */
  readonly userCode: string;
}

/** Asks whether the device may sign in. Posts `decision` as `approve` or `deny`. */
export function renderDeviceApprovalPage(theme: Theme, view: DeviceApprovalView): string {
  return renderApprovalPage(theme, view, {
    title: "Allow a device",
    heading: html`Sign in to <bdi>${view.clientName}</bdi> on a device?`,
    shown: html`<p class="device-code">The device shows <b id="user-code">${view.userCode}</b></p>`,
    warning:
      "Allow it only if this code is on a device of yours right now, and you began this yourself. Somebody who sent you the code would be signed in as you.",
    formId: "device-approval-form",
  });
}

/** The end: what goes on, goes on at the device. */
export function renderDeviceDonePage(theme: Theme, view: ApprovalDoneView): string {
  const name = html`<bdi class="name">${view.clientName}</bdi>`;
  return renderApprovalDonePage(
    theme,
    view,
    view.decision === "approved"
      ? {
          title: "Device allowed",
          id: "device-approved",
          heading: "Your device is being signed in",
          explanation: html`Go back to ${name} on your device.`,
        }
      : {
          title: "Device denied",
          id: "device-denied",
          heading: "The device was not signed in",
          explanation: html`${name} was told so.`,
        },
  );
}
