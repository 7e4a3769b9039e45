import { html } from "./html.ts";
import { renderLayout, renderMessage, type Theme } from "./layout.ts";
import { parseFormAction } from "./links.ts";

export interface AccountEmailView {
  /** The address of "your account". */
  readonly path: string;
  readonly formToken: string;
  /** The present address. */
  readonly email: string;
  /** What was typed before. */
  readonly typed: string;
  /** Why the form is shown again, in a sentence. */
  readonly message?: string | undefined;
}

/** Asks for another address, which counts once a link sent to it was opened (ACC-15). */
export function renderAccountEmailPage(theme: Theme, view: AccountEmailView): string {
  const message = renderMessage(view.message);
  const invalid = message === undefined ? undefined : html`aria-invalid="true" aria-describedby="message"`;
  const content = html`<h1>Change your email address</h1>
<p class="lead">It is <bdi class="name">${view.email}</bdi> and stays so until you open the link that is sent to the new one.</p>
${message}
<form id="change-email-form" method="post" action="${parseFormAction(`${view.path}/email`)}">
<input type="hidden" name="form_token" value="${view.formToken}">
<div class="field">
<label for="new-email">New email address</label>
<input id="new-email" name="email" type="text" inputmode="email" autocomplete="email" autocapitalize="none" spellcheck="false" maxlength="320" required autofocus value="${view.typed}" ${invalid}>
</div>
<div class="buttons">
<a class="button" id="cancel" href="${parseFormAction(view.path)}">Cancel</a>
<button class="button primary" id="submit-email" type="submit">Send the link</button>
</div>
</form>`;
  return renderLayout(theme, { title: "Change your email address", content });
}
