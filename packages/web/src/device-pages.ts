// The pages on which a person lets a device sign in that has no browser of its own (RFC 8628 §3.3).
import { type Html, html } from "./html.ts";
import { initialOf, renderLayout, renderMessage, type Theme } from "./layout.ts";
import { parseFormAction } from "./links.ts";
import { type ResourceView, renderResourceList } from "./resource-list.ts";
import { renderScopeList } from "./scope-list.ts";

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

/** What is said of every client that somebody is to let in elsewhere. */
export interface ApprovalView {
  readonly clientName: string;
  /** The client registered itself, and nobody here has looked at it (DCR-3). */
  readonly unverified: boolean;
  readonly userEmail: string;
  readonly scopes: readonly string[];
  /** What it asks for at other services. */
  readonly resources?: readonly ResourceView[];
  /** Names of the other clients that may take this client's tokens for a sign-in to themselves. */
  readonly otherClients: readonly string[];
  readonly action: string;
  readonly formToken: string;
}

export interface DeviceApprovalView extends ApprovalView {
  /** As the device shows it. */
  readonly userCode: string;
}

/** What an approval says beside: why it is asked for, and what to compare or to think of. */
interface ApprovalWords {
  readonly title: string;
  readonly heading: Html;
  readonly shown: Html | undefined;
  readonly warning: string;
  readonly formId: string;
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

/** Asks whether a client may sign the person in elsewhere. Posts `decision` as `approve` or `deny`. */
export function renderApprovalPage(theme: Theme, view: ApprovalView, words: ApprovalWords): string {
  const unverified = view.unverified
    ? html`<p class="message" id="unverified">Nobody here has verified this application: it registered itself, under a name of its own choice. Go on only if you know it.</p>`
    : undefined;
  const content = html`<span class="client-mark" aria-hidden="true">${initialOf(view.clientName)}</span>
<h1>${words.heading}</h1>
${view.userEmail === "" ? undefined : html`<p class="lead">You are signed in as <bdi class="name">${view.userEmail}</bdi></p>`}
${unverified}
${words.shown}
<h2>It will be able to</h2>
${renderScopeList(view.scopes, view.otherClients)}
${renderResourceList(view.resources ?? [])}
<p class="note">${words.warning}</p>
<form id="${words.formId}" method="post" action="${parseFormAction(view.action)}">
<input type="hidden" name="form_token" value="${view.formToken}">
<div class="buttons">
<button class="button" id="deny" type="submit" name="decision" value="deny">Deny</button>
<button class="button primary" id="approve" type="submit" name="decision" value="approve">Allow</button>
</div>
</form>`;
  return renderLayout(theme, { title: words.title, content });
}

export interface DeviceDoneView {
  readonly decision: "approved" | "denied";
  readonly clientName: string;
}

/** The end: nothing leads on from here, the device does. */
export function renderDeviceDonePage(theme: Theme, { decision, clientName }: DeviceDoneView): string {
  const name = html`<bdi class="name">${clientName}</bdi>`;
  const content =
    decision === "approved"
      ? html`<h1 id="device-approved">Your device is being signed in</h1>
<p class="lead">Go back to ${name} on your device. You can close this page.</p>`
      : html`<h1 id="device-denied">The device was not signed in</h1>
<p class="lead">${name} was told so. You can close this page.</p>`;
  return renderLayout(theme, { title: decision === "approved" ? "Device allowed" : "Device denied", content });
}
