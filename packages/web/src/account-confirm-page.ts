import { html } from "./html.ts";
import { renderLayout, type Theme } from "./layout.ts";
import { parseFormAction } from "./links.ts";

export interface AccountConfirmView {
  readonly title: string;
  /** What will happen, in a sentence or two. */
  readonly explanation: string;
  /** The form's id; its button is `confirm`. */
  readonly formId: string;
  readonly action: string;
  readonly formToken: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly button: string;
  /** Where it leads not to do it. */
  readonly backHref: string;
}

/** Asks once more before something that cannot be taken back. */
export function renderAccountConfirmPage(theme: Theme, view: AccountConfirmView): string {
  const fields = Object.entries(view.fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  const content = html`<h1>${view.title}</h1>
<p class="lead">${view.explanation}</p>
<form id="${view.formId}" method="post" action="${parseFormAction(view.action)}">
<input type="hidden" name="form_token" value="${view.formToken}">
${fields}
<div class="buttons">
<a class="button" id="cancel" href="${parseFormAction(view.backHref)}">Cancel</a>
<button class="button primary" id="confirm" type="submit">${view.button}</button>
</div>
</form>`;
  return renderLayout(theme, { title: view.title, content });
}

export interface SignedOutView {
  readonly signInHref: string;
  /** Where they had signed in. `signedOut`: they came back from signing out there; otherwise nobody knows. */
  readonly upstream?: { readonly name: string; readonly signedOut: boolean } | undefined;
}

/** Where a browser ends that signed out. */
export function renderSignedOutPage(theme: Theme, { signInHref, upstream }: SignedOutView): string {
  const name = upstream && html`<bdi class="name">${upstream.name}</bdi>`;
  const there =
    upstream === undefined
      ? undefined
      : upstream.signedOut
        ? html`<p class="lead" id="upstream-signed-out">You are signed out here, and came back from signing out at ${name}.</p>`
        : html`<p class="lead" id="upstream-may-know">You are signed out here. ${name} may still know you until you sign out there.</p>`;
  const content = html`<h1>You are signed out</h1>
${there}
<p class="lead">Applications that you used may still know you until you sign out there.</p>
<p class="note"><a class="button" id="sign-in-again" href="${parseFormAction(signInHref)}">Sign in again</a></p>`;
  return renderLayout(theme, { title: "You are signed out", content });
}

/** Where a browser ends that an upstream sends to be signed out, and that has not asked for it here. */
export function renderNotSignedOutPage(theme: Theme, view: { readonly accountHref: string }): string {
  const content = html`<h1>Nothing was changed here</h1>
<p class="lead">This browser may still be signed in here. You sign out in your account.</p>
<p class="note"><a class="button" id="open-account" href="${parseFormAction(view.accountHref)}">Your account</a></p>`;
  return renderLayout(theme, { title: "Nothing was changed here", content });
}
