import { type Html, html } from "./html.ts";
import { describeScope } from "./scope-words.ts";

/** What an application is to be allowed, in words; `otherClients` are names of those that take its tokens for their own. */
export function renderScopeList(scopes: readonly string[], otherClients: readonly string[]): Html {
  return html`<ul class="scopes">${scopes.map(renderScope)}${otherClients.map(renderOtherClient)}</ul>`;
}

function renderScope(scope: string): Html {
  const words = describeScope(scope);
  const detail = words.detail === undefined ? undefined : html`<small>${words.detail}</small>`;
  return renderItem(
    html`${words.can}${words.scope === undefined ? undefined : html` <code>${words.scope}</code>`}${detail}`,
  );
}

function renderOtherClient(name: string): Html {
  return renderItem(
    html`Act for you at <bdi class="other-client">${name}</bdi><small>What you may do there, it may do in your name.</small>`,
  );
}

/** One line of such a list. */
export function renderItem(content: Html): Html {
  return html`<li><svg class="tick" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d="m3.5 8.5 3 3 6-7"/></svg><span>${content}</span></li>`;
}
