import { html } from "./html.ts";
import { renderLayout, type Theme } from "./layout.ts";
import { parseFormAction, parseLink } from "./links.ts";

export type ChangeEmailView =
  | {
      readonly kind: "ask";
      /** The new address. */
      readonly email: string;
      /** Where the form posts to: a path of our own origin. */
      readonly action: string;
      readonly formToken: string;
    }
  | {
      readonly kind: "done";
      readonly email: string;
      /** The address of "your account". */
      readonly accountHref: string;
    }
  | { readonly kind: "taken"; readonly email: string; readonly accountHref: string };

/** What is behind the link that was mailed to a new address. Only the form uses the link up. */
export function renderChangeEmailPage(theme: Theme, view: ChangeEmailView): string {
  switch (view.kind) {
    case "ask":
      return renderForm(theme, view);
    case "done":
      return renderEnd(theme, view, {
        title: "Your address is changed",
        lead: html`You sign in as <bdi class="name" id="mail-address">${view.email}</bdi> from now on.`,
      });
    // Nobody is told whose it is.
    case "taken":
      return renderEnd(theme, view, {
        title: "This address cannot be used",
        lead: html`<bdi class="name" id="mail-address">${view.email}</bdi> cannot become your address. Please take another one.`,
      });
  }
}

function renderForm(theme: Theme, view: ChangeEmailView & { kind: "ask" }): string {
  const title = "Change your email address";
  const content = html`<h1>${title}</h1>
<p class="lead">to <bdi class="name" id="mail-address">${view.email}</bdi></p>
<p class="note">You will sign in with it from now on. Your previous address gets a message about it.</p>
<form class="wide" id="change-email-form" method="post" action="${parseFormAction(view.action)}">
<input type="hidden" name="form_token" value="${view.formToken}">
<button class="button primary" id="submit-change-email" type="submit">Change the address</button>
</form>
<p class="aside">If you did not ask for this, close this page and nothing will happen.</p>`;
  return renderLayout(theme, { title, content });
}

function renderEnd(
  theme: Theme,
  { accountHref }: { accountHref: string },
  { title, lead }: { title: string; lead: ReturnType<typeof html> },
): string {
  const account = parseLink(accountHref);
  const content = html`<h1>${title}</h1>
<p class="lead">${lead}</p>
${account && html`<p class="aside"><a id="account" href="${account}">Your account</a></p>`}`;
  return renderLayout(theme, { title, content });
}
