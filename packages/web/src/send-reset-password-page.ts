import { html } from "./html.ts";
import { renderLayout, renderMessage, type Theme } from "./layout.ts";
import { parseFormAction, parseLink } from "./links.ts";

export interface SendResetPasswordView {
  /** Where the form posts to: a path of our own origin. */
  readonly action: string;
  /** What the form carries along. */
  readonly fields: Readonly<Record<string, string>>;
  /** What was typed before, or is known already. */
  readonly email: string;
  /** Why the form is shown again, in a sentence. */
  readonly message?: string | undefined;
  /** Back to where the person signs in; undefined where that is elsewhere. */
  readonly signInHref?: string | undefined;
}

/** Asks for the address whose password was forgotten. */
export function renderSendResetPasswordPage(theme: Theme, view: SendResetPasswordView): string {
  const message = renderMessage(view.message);
  const invalid = message === undefined ? undefined : html`aria-invalid="true" aria-describedby="message"`;
  const fields = Object.entries(view.fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  const signIn = parseLink(view.signInHref);
  const content = html`<h1>Forgot your password?</h1>
<p class="lead">We send you a link to choose a new one.</p>
${message}
<form class="wide" id="send-reset-password-form" method="post" action="${parseFormAction(view.action)}">
${fields}
<div class="field">
<label for="email">Email address</label>
<input id="email" name="email" type="text" inputmode="email" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false" maxlength="320" required autofocus value="${view.email}" ${invalid}>
</div>
<button class="button primary" id="submit-address" type="submit">Send the link</button>
</form>
${signIn === undefined ? undefined : html`<p class="aside"><a id="sign-in" href="${signIn}">Back to signing in</a></p>`}`;
  return renderLayout(theme, { title: "Forgot your password?", content });
}
