// What the pages share on which a person lets a client in elsewhere than in this browser: on a device (RFC 8628 §3.3), or where
// the client asked for them by name (CIBA Core).
import { type DecisionView, renderDecisionForm } from "./decision-form.ts";
import { type Html, html } from "./html.ts";
import { initialOf, renderLayout, type Theme } from "./layout.ts";
import { parseLink } from "./links.ts";
import { type ResourceView, renderResourceList } from "./resource-list.ts";
import { renderScopeList } from "./scope-list.ts";

/** What is said of every client that somebody is to let in elsewhere. */
export interface ApprovalView extends DecisionView {
  readonly clientName: string;
  /** The client registered itself, and nobody here has looked at it (DCR-3). */
  readonly unverified: boolean;
  readonly userEmail: string;
  readonly scopes: readonly string[];
  /** What it asks for at other services. */
  readonly resources?: readonly ResourceView[];
  /** Names of the other clients that may take this client's tokens for a sign-in to themselves. */
  readonly otherClients: readonly string[];
}

/** What an approval says beside: why it is asked for, and what to compare or to think of. */
interface ApprovalWords {
  readonly title: string;
  readonly heading: Html;
  readonly shown: Html | undefined;
  readonly warning: string;
  readonly formId: string;
}

/** Asks whether a client may sign the person in elsewhere. Posts `decision` as `approve` or `deny`. */
export function renderApprovalPage(theme: Theme, view: ApprovalView, words: ApprovalWords): string {
  const unverified = view.unverified
    ? html`<p class="message" id="unverified">Nobody here has verified this application: it registered itself, under a name of its own choice. Go on only if you know it.</p>`
    : undefined;
  const content = html`<span class="client-mark" aria-hidden="true">${initialOf(view.clientName)}</span>
<h1>${words.heading}</h1>
${view.userEmail === "" ? undefined : html`<p class="lead">You are signed in as <bdi class="name">${view.userEmail}</bdi></p>`}
${unverified}
${words.shown}
<h2>It will be able to</h2>
${renderScopeList(view.scopes, view.otherClients)}
${renderResourceList(view.resources ?? [])}
<p class="note">${words.warning}</p>
${renderDecisionForm(words.formId, view)}`;
  return renderLayout(theme, { title: words.title, content });
}

export interface ApprovalDoneView {
  readonly decision: "approved" | "denied";
  readonly clientName: string;
  /** The person's account, where what was allowed can be ended. */
  readonly accountHref: string;
}

/** What the end says: `id` is that of the heading. */
interface DoneWords {
  readonly title: string;
  readonly id: string;
  readonly heading: string;
  readonly explanation: Html;
}

/** The end: nothing leads on from here, the client does where it waits. */
export function renderApprovalDonePage(
  theme: Theme,
  { decision, accountHref }: ApprovalDoneView,
  { title, id, heading, explanation }: DoneWords,
): string {
  const account = html`<a id="account" href="${parseLink(accountHref) ?? ""}">your account</a>`;
  const more =
    decision === "approved"
      ? html`You can see what has access, and end it, in ${account}.`
      : html`If you did not begin this, there is nothing more to do.`;
  const content = html`<h1 id="${id}">${heading}</h1>
<p class="lead">${explanation} You can close this page.</p>
<p class="note">${more}</p>`;
  return renderLayout(theme, { title, content });
}
