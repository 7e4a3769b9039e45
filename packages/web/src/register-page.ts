import { type Html, html } from "./html.ts";
import { renderLayout, renderMessage, type Theme } from "./layout.ts";
import { parseFormAction, parseLink } from "./links.ts";

export interface RegisterView {
  readonly clientName: string;
  /** Where the form posts to: a path of our own origin, which carries the login state's id. */
  readonly action: string;
  readonly formToken: string;
  /** What was typed before, or is known already. */
  readonly email: string;
  /** What the account will be signed in to with: a password that is chosen here, or an identity of this connector. */
  readonly proof:
    | { readonly kind: "password"; readonly rule: string }
    | { readonly kind: "identity"; readonly name: string };
  /** Why the form is shown again, in a sentence. */
  readonly message?: string | undefined;
  /** What is wrong with a field, in a sentence. */
  readonly emailProblem?: string | undefined;
  readonly passwordProblem?: string | undefined;
  /** Where people sign in who have an account. */
  readonly signInHref: string;
}

/** Asks for an address and, where the account is to have one, for a password. The password is never given back. */
export function renderRegisterPage(theme: Theme, view: RegisterView): string {
  const { proof, emailProblem, passwordProblem } = view;
  const emailFirst = view.email === "" || emailProblem !== undefined || proof.kind === "identity";
  const focus = html`autofocus`;
  const signIn = parseLink(view.signInHref);
  const password =
    proof.kind === "identity"
      ? undefined
      : html`<div class="field">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required aria-describedby="password-note" ${invalidIf(passwordProblem)} ${emailFirst ? undefined : focus}>
${renderNote("password-note", passwordProblem, proof.rule)}
</div>`;
  const content = html`<h1>Create your account</h1>
<p class="lead">${proof.kind === "identity" ? html`with <bdi class="name">${proof.name}</bdi> ` : undefined}to continue to <bdi class="name">${view.clientName}</bdi></p>
${renderMessage(view.message)}
<form class="wide" id="register-form" method="post" action="${parseFormAction(view.action)}">
<input type="hidden" name="form_token" value="${view.formToken}">
<div class="field">
<label for="email">Email address</label>
<input id="email" name="email" type="text" inputmode="email" autocomplete="${proof.kind === "identity" ? "email" : "username"}" autocapitalize="none" autocorrect="off" spellcheck="false" maxlength="320" required value="${view.email}" aria-describedby="email-note" ${invalidIf(emailProblem)} ${emailFirst ? focus : undefined}>
${renderNote("email-note", emailProblem, "We will send you a link to confirm it.")}
</div>
${password}
<button class="button primary" id="submit-registration" type="submit">Create account</button>
</form>
${signIn === undefined ? undefined : html`<p class="aside">You have an account already? <a id="sign-in" href="${signIn}">Sign in</a></p>`}`;
  return renderLayout(theme, { title: "Create your account", content });
}

function invalidIf(problem: string | undefined): Html | undefined {
  return problem === undefined ? undefined : html`aria-invalid="true"`;
}

function renderNote(id: string, problem: string | undefined, otherwise: string): Html {
  return problem === undefined
    ? html`<small id="${id}">${otherwise}</small>`
    : html`<small class="problem" id="${id}" role="alert">${problem}</small>`;
}
