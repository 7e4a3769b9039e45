import { type HomeRealmView, renderHomeRealmForm } from "./home-realm-form.ts";
import { type Html, html } from "./html.ts";
import { initialOf, renderLayout, renderMessage, renderNotice, type Theme } from "./layout.ts";
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
  /** What the person came for; signing in when left out. */
  readonly mode?: "sign in" | "register" | "link" | undefined;
  /** What went wrong before, or how things are, in a sentence. */
  readonly message?: string | undefined;
  /** What went well before, in a sentence. */
  readonly notice?: string | undefined;
  /** Finds the way by an address; undefined where no way is for addresses of some domain. */
  readonly homeRealm?: HomeRealmView | undefined;
  /** From signing in to registering and back; undefined where nobody can register. */
  readonly otherModeHref?: string | undefined;
}

const TITLES = {
  "sign in": "Sign in",
  register: "Create your account",
  link: "Connect another way to sign in",
} as const;

/** Asks how the person wants to sign in, register or link. The links have the ids `connector-<id>`. */
export function renderChooserPage(theme: Theme, view: ChooserView): string {
  const mode = view.mode ?? "sign in";
  const choices =
    view.connectors.length === 0
      ? html`<p class="note">There is no way to sign in at the moment. Please try again later.</p>`
      : html`<ul class="choices">${view.connectors.map((choice) => renderChoice(choice, mode))}</ul>`;
  const name = html`<bdi class="name">${view.clientName}</bdi>`;
  const lead = {
    "sign in": html`<p class="lead">to continue to ${name}</p>`,
    register: html`<p class="lead">to continue to ${name}. How do you want to sign in from now on?</p>`,
    link: html`<p class="lead">You will be able to sign in with it, too.</p>`,
  };
  const content = html`<h1>${TITLES[mode]}</h1>
${lead[mode]}
${renderNotice(view.notice)}
${renderMessage(view.message)}
${
  view.homeRealm === undefined
    ? undefined
    : html`${renderHomeRealmForm(view.homeRealm)}
<h2 class="or" id="or">or choose a way to sign in</h2>`
}
${choices}
${renderOtherMode(mode, view.otherModeHref)}`;
  return renderLayout(theme, { title: TITLES[mode], content });
}

function renderChoice(choice: ConnectorChoice, mode: keyof typeof TITLES): Html {
  const href = choice.available ? parseLink(choice.href) : undefined;
  const icon = html`<span class="choice-icon" aria-hidden="true">${initialOf(choice.displayName)}</span>`;
  if (href === undefined) {
    return html`<li><span class="choice unavailable" id="connector-${choice.id}">${icon}<span class="choice-text"><bdi>${choice.displayName}</bdi><small>Not available right now</small></span></span></li>`;
  }
  const verb = mode === "register" ? "Use " : "";
  return html`<li><a class="choice" id="connector-${choice.id}" href="${href}">${icon}<span class="choice-text">${verb}<bdi>${choice.displayName}</bdi></span><svg class="chevron" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d="M6 3.5 10.5 8 6 12.5"/></svg></a></li>`;
}

function renderOtherMode(mode: keyof typeof TITLES, url: string | undefined): Html | undefined {
  const href = parseLink(url);
  if (href === undefined || mode === "link") return undefined;
  return mode === "register"
    ? html`<p class="aside">You have an account already? <a id="sign-in" href="${href}">Sign in</a></p>`
    : html`<p class="aside">New here? <a id="register" href="${href}">Create an account</a></p>`;
}
