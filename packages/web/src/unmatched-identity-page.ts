import { html } from "./html.ts";
import { initialOf, renderLayout, type Theme } from "./layout.ts";
import { parseFormAction, parseLink } from "./links.ts";

export interface UnmatchedIdentityView {
  /** `no account`: nobody has this identity. `registered`: somebody who wants a new account has one with it. */
  readonly kind: "no account" | "registered";
  readonly connectorName: string;
  /** What the identity calls itself, or the account that it belongs to. */
  readonly name: string | undefined;
  readonly clientName: string;
  readonly action: string;
  readonly formToken: string;
  /** Where another way is chosen. */
  readonly otherWaysHref: string;
}

/** Asks what is to become of an identity that was proved. Posts `decision` as `create` or `continue`. */
export function renderUnmatchedIdentityPage(theme: Theme, view: UnmatchedIdentityView): string {
  const connector = html`<bdi>${view.connectorName}</bdi>`;
  const registered = view.kind === "registered";
  const title = registered ? "You have an account already" : "There is no account yet";
  const who = view.name === undefined ? undefined : html`<bdi class="name">${view.name}</bdi>`;
  const lead = registered
    ? html`${connector} signs in to ${who ?? "it"}.`
    : html`Nobody has signed in with ${connector} ${who === undefined ? undefined : html`as ${who} `}before.`;
  const button = registered ? html`Continue with that account` : html`<span>Create an account with ${connector}</span>`;
  const other = parseLink(view.otherWaysHref);
  const content = html`<span class="client-mark" aria-hidden="true">${initialOf(view.connectorName)}</span>
<h1>${title}</h1>
<p class="lead">${lead}</p>
<form class="wide" id="unmatched-form" method="post" action="${parseFormAction(view.action)}">
<input type="hidden" name="form_token" value="${view.formToken}">
<button class="button primary" id="${registered ? "continue" : "create"}" type="submit" name="decision" value="${registered ? "continue" : "create"}">${button}</button>
</form>
${other === undefined ? undefined : html`<p class="aside"><a id="other-ways" href="${other}">${registered ? "Use another one" : "Sign in another way"}</a></p>`}`;
  return renderLayout(theme, { title, content });
}
