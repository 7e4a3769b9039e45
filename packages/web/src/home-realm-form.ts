import { type Html, html } from "./html.ts";
import { parseFormAction } from "./links.ts";

/** The part of the chooser that finds the way by the domain of an address. */
export interface HomeRealmView {
  /** Where the form is posted. */
  readonly action: string;
  readonly formToken: string;
  /** What the person typed last. */
  readonly email: string;
  /** Whether the message of the page is about this address. */
  readonly wrong: boolean;
}

/** Asks for an address, beside the list: the form has the id `home-realm-form`, its controls `email` and `find-connector`. */
export function renderHomeRealmForm(view: HomeRealmView): Html {
  const described = view.wrong
    ? html`aria-invalid="true" aria-describedby="message email-hint"`
    : html`aria-describedby="email-hint"`;
  return html`<form class="wide" id="home-realm-form" method="post" action="${parseFormAction(view.action)}">
<input type="hidden" name="form_token" value="${view.formToken}">
<div class="field">
<label for="email">Email address</label>
<input id="email" name="email" type="text" inputmode="email" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false" maxlength="320" required value="${view.email}" ${described} ${view.wrong ? html`autofocus` : undefined}>
<small id="email-hint">Takes you to where your organisation signs people in.</small>
</div>
<button class="button primary" id="find-connector" type="submit">Continue</button>
</form>`;
}
