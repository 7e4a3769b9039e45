import { html } from "./html.ts";
import { renderLayout, type Theme } from "./layout.ts";
import { parseLink } from "./links.ts";

export interface ErrorView {
  readonly title: string;
  /** What happened and what to do, in our own words: never a text from the query (BRO-11). */
  readonly message: string;
  /** Names the request in our logs. */
  readonly requestId: string;
  /** What those who can help need to know beside: also in our own words, but not for everybody to understand. */
  readonly forHelpers?: string | undefined;
  readonly backHref?: string | undefined;
}

/** Says that something went wrong, without details an attacker could use (LOG-4). */
export function renderErrorPage(theme: Theme, view: ErrorView): string {
  const back = parseLink(view.backHref);
  const told = view.forHelpers === undefined ? undefined : html`: <span id="for-helpers">${view.forHelpers}</span>`;
  const content = html`<svg class="warning" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><circle cx="12" cy="12" r="9.25"/><path d="M12 7.5v5.25M12 16.25v.01"/></svg>
<h1>${view.title}</h1>
<p class="explanation" role="alert">${view.message}</p>
${back === undefined ? undefined : html`<p><a class="button" id="back" href="${back}" rel="noopener noreferrer">Go back</a></p>`}
<p class="request-id">If you ask for help, mention request <code id="request-id">${view.requestId}</code>${told}</p>`;
  return renderLayout(theme, { title: view.title, content });
}
