import { type Html, html } from "./html.ts";
import { initialOf, renderLayout, renderMessage, type Theme } from "./layout.ts";
import { parseLink } from "./links.ts";

/** One way to sign in. */
export interface ConnectorChoice {
  readonly id: string;
  readonly displayName: string;
  /** Where choosing it leads. */
  readonly href: string;
  /** False shows it greyed out, without a link. */
  readonly available: boolean;
}

export interface ChooserView {
  readonly clientName: string;
  readonly connectors: readonly ConnectorChoice[];
  /** What went wrong before, or how things are, in a sentence. */
  readonly message?: string | undefined;
}

/** Asks how the person wants to sign in. The links have the ids `connector-<id>`. */
export function renderChooserPage(theme: Theme, view: ChooserView): string {
  const choices =
    view.connectors.length === 0
      ? html`<p class="note">There is no way to sign in at the moment. Please try again later.</p>`
      : html`<ul class="choices">${view.connectors.map(renderChoice)}</ul>`;
  const content = html`<h1>Sign in</h1>
<p class="lead">to continue to <bdi class="name">${view.clientName}</bdi></p>
${renderMessage(view.message)}
${choices}`;
  return renderLayout(theme, { title: "Sign in", content });
}

function renderChoice(choice: ConnectorChoice): Html {
  const href = choice.available ? parseLink(choice.href) : undefined;
  const icon = html`<span class="choice-icon" aria-hidden="true">${initialOf(choice.displayName)}</span>`;
  if (href === undefined) {
    return html`<li><span class="choice unavailable" id="connector-${choice.id}">${icon}<span class="choice-text"><bdi>${choice.displayName}</bdi><small>Not available right now</small></span></span></li>`;
  }
  return html`<li><a class="choice" id="connector-${choice.id}" href="${href}">${icon}<span class="choice-text"><bdi>${choice.displayName}</bdi></span><svg class="chevron" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d="M6 3.5 10.5 8 6 12.5"/></svg></a></li>`;
}
