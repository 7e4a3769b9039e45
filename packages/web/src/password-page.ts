import { type Html, html } from "./html.ts";
import { renderLayout, renderMessage, renderNotice, type Theme } from "./layout.ts";
import { parseFormAction, parseLink } from "./links.ts";

export interface PasswordView {
  /** What the connector's button said. */
  readonly connectorName: string;
  /** What the person types, such as `email address` or `user name`. */
  readonly loginLabel: string;
  /** Where the form posts to: a path of our own origin, which carries the login state's id. */
  readonly action: string;
  readonly formToken: string;
  /** What to put into the login field: a hint, or what was typed before. The password is never given back. */
  readonly login: string;
  /** Whether the box to be kept signed in is ticked; undefined where there is none. */
  readonly remember?: boolean | undefined;
  /** Why the form is shown again, in a sentence. */
  readonly message?: string | undefined;
  /** What went well before, in a sentence. */
  readonly notice?: string | undefined;
  /** Where a new password is chosen by mail; undefined for passwords that are not ours. */
  readonly forgotHref?: string | undefined;
  /** Where people make themselves an account; undefined where they cannot. */
  readonly registerHref?: string | undefined;
  /** Where to choose another connector; undefined when there is none. */
  readonly otherWaysHref?: string | undefined;
}

/** Asks for name and password. */
export function renderPasswordPage(theme: Theme, view: PasswordView): string {
  const message = renderMessage(view.message);
  const invalid = message === undefined ? undefined : html`aria-invalid="true" aria-describedby="message"`;
  const focus = html`autofocus`;
  const keyboard = /mail/i.test(view.loginLabel) ? "email" : "text";
  const otherWays = parseLink(view.otherWaysHref);
  const forgot = parseLink(view.forgotHref);
  const register = parseLink(view.registerHref);
  const content = html`<h1>Sign in</h1>
<p class="lead">with <bdi class="name">${view.connectorName}</bdi></p>
${renderNotice(view.notice)}
${message}
<form id="login-form" method="post" action="${parseFormAction(view.action)}">
<input type="hidden" name="form_token" value="${view.formToken}">
<div class="field">
<label for="login">${capitalised(view.loginLabel)}</label>
<input id="login" name="login" type="text" inputmode="${keyboard}" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false" maxlength="320" required value="${view.login}" ${invalid} ${view.login === "" ? focus : undefined}>
</div>
<div class="field">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required ${invalid} ${view.login === "" ? undefined : focus}>
</div>
${view.remember === undefined ? undefined : renderRemember(view.remember)}
<button class="button primary" id="submit-login" type="submit">Sign in</button>
</form>
${forgot === undefined ? undefined : html`<p class="aside"><a id="forgot-password" href="${forgot}">Forgot your password?</a></p>`}
${register === undefined ? undefined : html`<p class="aside">New here? <a id="register" href="${register}">Create an account</a></p>`}
${otherWays === undefined ? undefined : html`<p class="aside"><a id="other-ways" href="${otherWays}">Sign in another way</a></p>`}`;
  return renderLayout(theme, { title: "Sign in", content });
}

function renderRemember(ticked: boolean): Html {
  const checked = ticked ? html`checked` : undefined;
  return html`<div class="option">
<input id="remember" name="remember" type="checkbox" value="yes" ${checked}>
<label for="remember">Keep me signed in <small>on a device of my own</small></label>
</div>`;
}

function capitalised(label: string): string {
  return label.charAt(0).toUpperCase() + label.slice(1);
}
