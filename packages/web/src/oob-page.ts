import { html } from "./html.ts";
import { renderLayout, type Theme } from "./layout.ts";

export interface OobView {
  /** The authorization code. */
  readonly code: string;
  /** How long it can be used. */
  readonly lifetimeMinutes: number;
}

/** Shows a code that the person carries over to a program which no browser can return to. */
export function renderOobPage(theme: Theme, view: OobView): string {
  const content = html`<h1>Copy this code</h1>
<p class="lead">Paste it into the application that you are signing in to.</p>
<div class="field copied">
<label for="oob-code">Code</label>
<input id="oob-code" type="text" value="${view.code}" readonly autofocus autocomplete="off" spellcheck="false" aria-describedby="oob-hint">
</div>
<p class="note" id="oob-hint">It works once, for ${view.lifetimeMinutes} minutes, and is shown only now. Give it to nobody: whoever has it could sign in as you.</p>`;
  return renderLayout(theme, { title: "Copy this code", content });
}
