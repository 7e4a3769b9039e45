import { type Html, html } from "./html.ts";
import { renderLayout, type Theme } from "./layout.ts";
import { parseFormAction, parseOnwardLink } from "./links.ts";

export interface LogoutView {
  /** Who asks, where that is known. */
  readonly clientName: string | undefined;
  readonly userEmail: string;
  /** Where the form posts to, and what it sends back. */
  readonly action: string;
  readonly formToken: string;
  readonly request: string;
}

/** Asks whether the person wants to sign out: whoever sent them here may be anybody. */
export function renderLogoutPage(theme: Theme, view: LogoutView): string {
  const asker =
    view.clientName === undefined ? undefined : html`<bdi class="name">${view.clientName}</bdi> asks for it. `;
  const who = view.userEmail === "" ? undefined : html`You are signed in as <bdi class="name">${view.userEmail}</bdi>.`;
  const content = html`<h1>Sign out?</h1>
<p class="lead">${asker}${who}</p>
<p class="note">Applications that you signed in to with this browser are signed out too, where they can be told.</p>
<form id="logout-form" method="post" action="${parseFormAction(view.action)}">
<input type="hidden" name="form_token" value="${view.formToken}">
<input type="hidden" name="request" value="${view.request}">
<button class="button primary" id="submit-logout" type="submit">Sign out</button>
</form>
<p class="aside">To stay signed in, close this page.</p>`;
  return renderLayout(theme, { title: "Sign out?", content });
}

export interface LoggedOutView {
  /** Addresses at applications that end their own sessions when they are loaded here. */
  readonly frames: readonly string[];
  /** Where the person goes on to. */
  readonly next: string | undefined;
  readonly signInHref: string;
}

/** Where a browser ends that signed out, or from where it goes on. */
export function renderLoggedOutPage(theme: Theme, view: LoggedOutView): string {
  const next = parseOnwardLink(view.next);
  const button =
    next === undefined
      ? html`<a class="button" id="sign-in-again" href="${parseFormAction(view.signInHref)}">Sign in again</a>`
      : html`<a class="button primary" id="continue" href="${next}" rel="noreferrer">Continue</a>`;
  const content = html`<h1>You are signed out</h1>
<p class="lead">Applications that cannot be told may still know you until you sign out there.</p>
<p class="note">${button}</p>${view.frames.map(renderFrame)}`;
  return renderLayout(theme, { title: "You are signed out", content });
}

/** Hidden: nothing in it is for the person, and it may neither lead them away nor open anything. */
function renderFrame(address: string): Html {
  const link = parseOnwardLink(address);
  if (link === undefined) return html``;
  return html`
<iframe class="logout-frame" title="Signing out of an application" src="${link}" sandbox="allow-scripts allow-same-origin" hidden></iframe>`;
}
