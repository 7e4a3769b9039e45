import { createHash } from "node:crypto";
import { type Html, html } from "./html.ts";
import { renderLayout, type Theme } from "./layout.ts";
import { parseUpstreamAction } from "./links.ts";

export interface ContinueView {
  /** Whose page comes next, for people who see this one. Undefined on the way back to us. */
  readonly to: string | undefined;
  /** A path of our own origin, or an address at the upstream. */
  readonly action: string;
  /** Sent as they are, in this order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** POST when left out. With GET the fields become the query. */
  readonly method?: "get" | "post";
  /** Here they are signed out already: the way is on to be signed out there. */
  readonly signedOut?: boolean;
}

// The only script on a page for people. A field may be called `submit` and hide the form's own method of that name.
const SUBMIT = html`<script>HTMLFormElement.prototype.submit.call(document.forms[0])</script>`;

/** The source expression that lets this script run and no other: the policy of this page must hold it (BRO-10). */
export const CONTINUE_SCRIPT = `'sha256-${createHash("sha256")
  .update(SUBMIT.toString().replace(/^<script>|<\/script>$/g, ""))
  .digest("base64")}'`;

/** Sends a form on: by itself where scripts run, with one button where they do not. */
export function renderContinuePage(theme: Theme, view: ContinueView): string {
  const fields = view.fields.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`);
  const { method = "post", signedOut = false } = view;
  const title = signedOut ? "You are signed out here" : "One more step";
  const content = html`<h1>${title}</h1>
<p class="lead">${leadOf(view)}</p>
<form class="wide" id="continue-form" method="${method}" action="${parseUpstreamAction(view.action)}">
${fields}
<button class="button primary" id="continue" type="submit">Continue</button>
</form>
${SUBMIT}`;
  return renderLayout(theme, { title, content });
}

function leadOf({ to, signedOut = false }: ContinueView): string | Html {
  if (to === undefined) return "You are on your way back.";
  const name = html`<bdi class="name">${to}</bdi>`;
  return signedOut ? html`Now ${name} is asked to sign you out there, too.` : html`You are on your way to ${name}.`;
}
