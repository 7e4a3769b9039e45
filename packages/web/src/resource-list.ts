import { type Html, html } from "./html.ts";
import { renderItem } from "./scope-list.ts";
import { describeScope } from "./scope-words.ts";

/** What an application asks for at another service than this one. */
export interface ResourceView {
  /** What the service is called here. */
  readonly name: string;
  readonly scopes: readonly string[];
  /** What it asks for beyond scopes, each with its members in words. */
  readonly details: readonly {
    readonly name: string;
    readonly members: readonly { readonly name: string; readonly value: string }[];
  }[];
}

/** The services one after the other, each with what the application would be allowed there. */
export function renderResourceList(resources: readonly ResourceView[]): Html {
  return html`${resources.map(renderResource)}`;
}

function renderResource({ name, scopes, details }: ResourceView): Html {
  return html`<h3 class="resource">At <bdi>${name}</bdi></h3>
<ul class="scopes">${renderItem(html`Act for you there`)}${scopes.map(renderScope)}${details.map(renderDetail)}</ul>`;
}

function renderScope(scope: string): Html {
  const { can, scope: name } = describeScope(scope);
  return renderItem(html`${can}${name === undefined ? undefined : html` <code>${name}</code>`}`);
}

function renderDetail({ name, members }: ResourceView["details"][number]): Html {
  const lines = members.map((one) => html`<small class="detail">${one.name}: <bdi>${one.value}</bdi></small>`);
  return renderItem(html`${name}${lines}`);
}
