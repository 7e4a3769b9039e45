import { html } from "./html.ts";
import { initialOf, renderLayout, type Theme } from "./layout.ts";
import { parseFormAction } from "./links.ts";

export interface LinkIdentityView {
  readonly connectorName: string;
  /** What the identity calls itself: a name or an address; undefined when it says neither. */
  readonly identityName: string | undefined;
  /** The account that it would sign in to. */
  readonly userEmail: string;
  readonly action: string;
  readonly formToken: string;
}

/** Asks whether an identity is to sign in to this account from now on. Posts `decision` as `link` or `skip`. */
export function renderLinkIdentityPage(theme: Theme, view: LinkIdentityView): string {
  const connector = html`<bdi>${view.connectorName}</bdi>`;
  const named =
    view.identityName === undefined ? connector : html`${connector} (<bdi class="name">${view.identityName}</bdi>)`;
  const content = html`<span class="client-mark" aria-hidden="true">${initialOf(view.connectorName)}</span>
<h1>Connect ${connector} to your account?</h1>
<p class="lead">You are signed in as <bdi class="name">${view.userEmail}</bdi></p>
<p class="note">From now on ${named} will sign in to this account, too. Say yes only if it is yours alone.</p>
<form id="link-form" method="post" action="${parseFormAction(view.action)}">
<input type="hidden" name="form_token" value="${view.formToken}">
<div class="buttons">
<button class="button" id="skip" type="submit" name="decision" value="skip">No</button>
<button class="button primary" id="link" type="submit" name="decision" value="link">Yes, connect</button>
</div>
</form>`;
  return renderLayout(theme, { title: `Connect ${view.connectorName}`, content });
}
