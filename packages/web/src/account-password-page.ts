import { html } from "./html.ts";
import { renderLayout, renderMessage, type Theme } from "./layout.ts";
import { parseFormAction } from "./links.ts";

export interface AccountPasswordView {
  /** The address of "your account". */
  readonly path: string;
  readonly formToken: string;
  /** For password managers, which keep a password under it. */
  readonly email: string;
  /** Whether there is a password, which then must be given. */
  readonly present: "asked" | "none";
  readonly minimumLength: number;
  /** Why the form is shown again, in a sentence. */
  readonly message?: string | undefined;
}

/** Asks for the present password, where there is one, and for the next. Neither is ever given back. */
export function renderAccountPasswordPage(theme: Theme, view: AccountPasswordView): string {
  const message = renderMessage(view.message);
  const invalid = message === undefined ? undefined : html`aria-invalid="true"`;
  const title = view.present === "asked" ? "Change your password" : "Set a password";
  const present = html`<div class="field">
<label for="current-password">Current password</label>
<input id="current-password" name="current_password" type="password" autocomplete="current-password" required autofocus ${invalid}>
</div>`;
  const content = html`<h1>${title}</h1>
<p class="lead">Everywhere else you will be signed out, and applications lose their access until you sign in there again.</p>
${message}
<form id="change-password-form" method="post" action="${parseFormAction(`${view.path}/password`)}">
<input type="hidden" name="form_token" value="${view.formToken}">
<input type="text" name="login" autocomplete="username" value="${view.email}" hidden>
${view.present === "asked" ? present : undefined}
<div class="field">
<label for="new-password">New password</label>
<input id="new-password" name="new_password" type="password" autocomplete="new-password" required aria-describedby="password-rule" ${invalid}>
<small id="password-rule">At least ${view.minimumLength} characters. A few words you can remember are best.</small>
</div>
<div class="field">
<label for="repeated-password">New password once more</label>
<input id="repeated-password" name="repeated_password" type="password" autocomplete="new-password" required ${invalid}>
</div>
<div class="buttons">
<a class="button" id="cancel" href="${parseFormAction(view.path)}">Cancel</a>
<button class="button primary" id="submit-password" type="submit">Save</button>
</div>
</form>`;
  return renderLayout(theme, { title, content });
}
