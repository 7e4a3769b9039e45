import { type DecisionView, renderDecisionForm } from "./decision-form.ts";
import { type Html, html } from "./html.ts";
import { initialOf, renderLayout, type Theme } from "./layout.ts";
import { parseImage, parseLink } from "./links.ts";
import { type ResourceView, renderResourceList } from "./resource-list.ts";
import { renderScopeList } from "./scope-list.ts";

export interface ConsentView extends DecisionView {
  readonly clientName: string;
  /** The client's home page; linked where it is https. */
  readonly clientUri?: string | undefined;
  /** The client's picture; shown where parseImage takes it, and then the page's policy must allow its origin. */
  readonly logoUri?: string | undefined;
  /** What the client promises about people's data, and its terms; linked where they are https. */
  readonly policyUri?: string | undefined;
  readonly termsUri?: string | undefined;
  /**
   * The host of the redirect_uri: the part of the client's identity that it cannot choose freely. Undefined where the code
   * is shown to the person instead.
   */
  readonly redirectHost: string | undefined;
  /** What it leads to is a program on the person's own device, RFC 8252 §7.3. */
  readonly redirectsToDevice?: boolean;
  /** The client registered itself, and nobody here has looked at it (DCR-3). */
  readonly unverified?: boolean;
  /** The host whose document describes the client: what is known of an unverified client that nobody registered. */
  readonly clientHost?: string | undefined;
  readonly userEmail: string;
  readonly scopes: readonly string[];
  /** What it asks for at other services. */
  readonly resources?: readonly ResourceView[];
  /** Names of the other clients that may take this client's tokens for a sign-in to themselves. */
  readonly otherClients?: readonly string[];
}

/** Asks whether the client may have what it asks for. Posts `decision` as `approve` or `deny`. */
export function renderConsentPage(theme: Theme, view: ConsentView): string {
  const home = parseLink(view.clientUri);
  const name = html`<bdi>${view.clientName}</bdi>`;
  const linkedName =
    home === undefined
      ? html`<b>${name}</b>`
      : html`<a href="${home}" target="_blank" rel="noopener noreferrer nofollow">${name}</a>`;
  const content = html`${renderClientMark(view)}
<h1>Allow ${name} to use your account?</h1>
${view.userEmail === "" ? undefined : html`<p class="lead">You are signed in as <bdi class="name">${view.userEmail}</bdi></p>`}
${view.unverified === true ? renderUnverified(view) : undefined}
<h2>${linkedName} will be able to</h2>
${renderScopeList(view.scopes, view.otherClients ?? [])}
${renderResourceList(view.resources ?? [])}
${renderDecisionForm("consent-form", view)}
${renderReturn(view)}
${renderPromises(view)}`;
  return renderLayout(theme, { title: "Allow access", content });
}

function renderClientMark({ clientName, logoUri }: ConsentView): Html {
  const logo = parseImage(logoUri);
  // The name stands in the heading: a reader need not hear it twice.
  return logo === undefined
    ? html`<span class="client-mark" aria-hidden="true">${initialOf(clientName)}</span>`
    : html`<img class="client-logo" id="client-logo" src="${logo.link}" alt="">`;
}

/** RFC 7591 §2 policy_uri and tos_uri: to be shown to people before they decide. */
function renderPromises({ policyUri, termsUri }: ConsentView): Html | undefined {
  const links = [
    { id: "client-policy", words: "Privacy policy", link: parseLink(policyUri) },
    { id: "client-terms", words: "Terms of service", link: parseLink(termsUri) },
  ].flatMap(({ id, words, link }) =>
    link === undefined
      ? []
      : [html`<a id="${id}" href="${link}" target="_blank" rel="noopener noreferrer nofollow">${words}</a>`],
  );
  const listed = links.map((link, index) => html`${index === 0 ? " " : " · "}${link}`);
  return links.length === 0 ? undefined : html`<p class="aside">Of this application:${listed}</p>`;
}

function renderReturn(view: ConsentView): Html {
  const place = renderPlace(view);
  return place === undefined
    ? html`<p class="aside">If you allow it, you are shown a code to copy into the application.</p>`
    : html`<p class="aside">Either way you return to ${place}</p>`;
}

/** Where the code goes. A program on the device can be anybody's, so its address says little. */
function renderPlace({ redirectHost, redirectsToDevice }: ConsentView): Html | undefined {
  if (redirectHost === undefined) return undefined;
  const host = html`<bdi class="host">${redirectHost}</bdi>`;
  return redirectsToDevice === true ? html`an application on this device (${host})` : host;
}

function renderUnverified(view: ConsentView): Html {
  const place = renderPlace(view);
  const sends = place === undefined ? undefined : html` It sends you to ${place}.`;
  if (view.clientHost === undefined) {
    return html`<p class="message" id="unverified">Nobody here has verified this application: it registered itself, under a name of its own choice.${sends} Go on only if you know it.</p>`;
  }
  const host = html`<bdi class="host">${view.clientHost}</bdi>`;
  return html`<p class="lead" id="client-host">This application says that it is from <b>${host}</b></p>
<p class="message" id="unverified">Nobody here has verified this application: its name is of its own choice, and all that is known is that ${host} describes it.${sends} Go on only if you know it and trust that site.</p>`;
}
