import { type Html, html } from "./html.ts";
import { renderLayout, renderMessage, type Theme } from "./layout.ts";
import { parseFormAction, parseLink } from "./links.ts";

export interface NewPasswordView {
  /** `welcome`: the first password of somebody who was invited. */
  readonly occasion: "reset" | "welcome";
  /** For password managers, which keep a password under it. */
  readonly email: string;
  /** Where the form posts to: a path of our own origin. */
  readonly action: string;
  readonly formToken: string;
  readonly minimumLength: number;
  /** Why the form is shown again, in a sentence. */
  readonly message?: string | undefined;
}

const FORM_IDS = { reset: "reset-password-form", welcome: "accept-invitation-form" } as const;

/** Asks for a new password, twice: nobody can look at what they typed. Neither is ever given back. */
export function renderNewPasswordPage(theme: Theme, view: NewPasswordView): string {
  const message = renderMessage(view.message);
  const invalid = message === undefined ? undefined : html`aria-invalid="true"`;
  const title = view.occasion === "welcome" ? `Welcome to ${theme.issuerName}` : "Choose a new password";
  const email = html`<bdi class="name" id="mail-address">${view.email}</bdi>`;
  const lead: Html =
    view.occasion === "welcome"
      ? html`<p class="lead">Choose a password for ${email}.</p>`
      : html`<p class="lead">for ${email}. You will be signed out everywhere.</p>`;
  const content = html`<h1>${title}</h1>
${lead}
${message}
<form class="wide" id="${FORM_IDS[view.occasion]}" method="post" action="${parseFormAction(view.action)}">
<input type="hidden" name="form_token" value="${view.formToken}">
<input type="text" name="login" autocomplete="username" value="${view.email}" hidden>
<div class="field">
<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required autofocus aria-describedby="password-rule" ${invalid}>
<small id="password-rule">At least ${view.minimumLength} characters. A few words you can remember are best.</small>
</div>
<div class="field">
<label for="password-confirm">New password once more</label>
<input id="password-confirm" name="password_confirm" type="password" autocomplete="new-password" required ${invalid}>
</div>
<button class="button primary" id="submit-new-password" type="submit">Save password</button>
</form>
${view.occasion === "reset" ? html`<p class="aside">If you did not ask for this, close this page and nothing will happen.</p>` : undefined}`;
  return renderLayout(theme, { title, content });
}

export interface PasswordSetView {
  readonly occasion: "reset" | "welcome";
  readonly email: string;
  /** Where the person was going, if that is known. */
  readonly clientName: string | undefined;
  /** The address of "your account". */
  readonly accountHref: string;
}

/** Says that the password is set. Nobody is signed in by that. */
export function renderPasswordSetPage(theme: Theme, view: PasswordSetView): string {
  const title = view.occasion === "welcome" ? "Your account is ready" : "Your password is changed";
  const account = parseLink(view.accountHref);
  const next =
    view.clientName === undefined
      ? html`<p class="note">You can sign in with it now, wherever you were going to.</p>`
      : html`<p class="note">Go back to <bdi class="name">${view.clientName}</bdi> and sign in with it.</p>`;
  const content = html`<h1>${title}</h1>
<p class="lead">for <bdi class="name" id="mail-address">${view.email}</bdi></p>
${next}
${account && html`<p class="aside"><a id="account" href="${account}">Your account</a></p>`}`;
  return renderLayout(theme, { title, content });
}
