import { type Html, html } from "./html.ts";
import { renderLayout, renderMessage, type Theme } from "./layout.ts";
import { parseFormAction, parseLink } from "./links.ts";

export type ConfirmAddressView =
  | {
      readonly kind: "ask";
      readonly email: string;
      readonly action: string;
      readonly formToken: string;
      /** Whether the password that was chosen must be typed: in any browser but the one of the registration. */
      readonly password: "asked" | "not needed";
      /** Why the form is shown again, in a sentence. */
      readonly message?: string | undefined;
    }
  /** The link works in the browser of the registration alone. */
  | { readonly kind: "other browser"; readonly email: string }
  | {
      readonly kind: "done";
      readonly email: string;
      /** Where the person was going, if that is known, and where it is, if that can be linked. */
      readonly clientName: string | undefined;
      readonly href: string | undefined;
    };

/** What is behind the link of a mail that was sent to confirm an address. Only the form uses the link up. */
export function renderConfirmAddressPage(theme: Theme, view: ConfirmAddressView): string {
  if (view.kind === "ask")
    return renderLayout(theme, { title: "Confirm your email address", content: renderForm(view) });
  if (view.kind === "done") return renderLayout(theme, { title: "Address confirmed", content: renderDone(view) });
  const content = html`<h1>One step is missing</h1>
<p class="lead">to confirm <bdi class="name">${view.email}</bdi></p>
<p class="note">Please open the link in the browser in which you created the account.</p>
<p class="note">If it was not you who asked for an account, there is nothing to do: none will be made.</p>`;
  return renderLayout(theme, { title: "One step is missing", content });
}

function renderForm(view: ConfirmAddressView & { kind: "ask" }): Html {
  const message = renderMessage(view.message);
  const invalid = message === undefined ? undefined : html`aria-invalid="true" aria-describedby="message"`;
  const password = html`<input type="text" name="login" autocomplete="username" value="${view.email}" hidden>
<div class="field">
<label for="password">The password you chose</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus ${invalid}>
</div>`;
  return html`<h1>Confirm your email address</h1>
<p class="lead"><bdi class="name" id="mail-address">${view.email}</bdi></p>
${message}
<form class="wide" id="confirm-address-form" method="post" action="${parseFormAction(view.action)}">
<input type="hidden" name="form_token" value="${view.formToken}">
${view.password === "asked" ? password : undefined}
<button class="button primary" id="submit-confirmation" type="submit">Confirm this address</button>
</form>
<p class="aside">If you did not ask for this, close this page and nothing will happen.</p>`;
}

function renderDone(view: ConfirmAddressView & { kind: "done" }): Html {
  const href = parseLink(view.href);
  const name = view.clientName === undefined ? undefined : html`<bdi class="name">${view.clientName}</bdi>`;
  const next =
    name === undefined
      ? html`<p class="note">You can sign in now, wherever you were going to.</p>`
      : href === undefined
        ? html`<p class="note">Go back to ${name} and sign in.</p>`
        : html`<p class="note"><a class="button primary" id="continue" href="${href}" rel="noopener noreferrer">Continue to <bdi>${view.clientName}</bdi></a></p>`;
  return html`<h1>Address confirmed</h1>
<p class="lead"><bdi class="name">${view.email}</bdi> is yours.</p>
${next}`;
}
