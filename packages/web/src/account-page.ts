// "Your account": what somebody is known as here, how they get in, who may act for them, and where they are signed in.
// Every change is a form or a link of its own; nothing needs a script.
import { describeBrowser } from "./account-browser-name.ts";
import { renderMoment } from "./account-moment.ts";
import { type AccountNotice, renderAccountNotice } from "./account-notices.ts";
import { type Html, html } from "./html.ts";
import { initialOf, renderLayout, type Theme } from "./layout.ts";
import { parseFormAction, parseLink, parseOnwardLink } from "./links.ts";
import { describeScope } from "./scope-words.ts";

export interface AccountView {
  readonly now: Date;
  readonly notice: AccountNotice | undefined;
  /** The address of this page; those of its forms lie below it. */
  readonly path: string;
  readonly formToken: string;
  readonly user: {
    readonly id: string;
    readonly email: string;
    readonly emailVerified: boolean;
    readonly displayName: string;
    /** What else is known of the person, in words: not theirs to change here. */
    readonly details?: readonly { readonly label: string; readonly value: string }[];
  };
  readonly password:
    | { readonly kind: "set"; readonly changedAt: Date }
    | { readonly kind: "none"; readonly maySet: boolean }
    /** There is one, but no way to use it is configured at present. */
    | { readonly kind: "unusable" };
  readonly identities: readonly AccountIdentity[];
  /** Ways to sign in that could still be connected. */
  readonly moreConnectors: readonly { readonly id: string; readonly name: string; readonly available: boolean }[];
  readonly applications: readonly AccountApplication[];
  /** Applications that wait for the person to let them in. */
  readonly waiting?: readonly AccountWaiting[];
  readonly sessions: readonly AccountSession[];
}

export interface AccountIdentity {
  readonly handle: string;
  readonly connectorName: string;
  readonly linkedAt: Date;
  /** False when nothing else would sign the person in. */
  readonly removable: boolean;
  /** False when it cannot sign anybody in at present. */
  readonly usable: boolean;
}

export interface AccountApplication {
  readonly clientId: string;
  readonly name: string;
  /** The host whose document describes the client: its name is of its own choice. */
  readonly clientHost?: string | undefined;
  /** Where somebody signs in to it from here. */
  readonly signInHref?: string | undefined;
  readonly scope: readonly string[];
  readonly lastUsedAt: Date;
  /** Where it keeps access while the person is away, one for each device. */
  readonly grants?: readonly AccountGrant[];
}

export interface AccountGrant {
  readonly id: string;
  readonly grantedAt: Date;
  readonly lastUsedAt: Date;
  /** Of the browser in which it was granted, where that is known. */
  readonly userAgent: string | undefined;
}

export interface AccountWaiting {
  readonly id: string;
  readonly name: string;
  /** Where it is answered: a path of our own origin. */
  readonly href: string;
  readonly bindingMessage: string | undefined;
  readonly askedAt: Date;
}

export interface AccountSession {
  readonly handle: string;
  /** The one that this page is seen in. */
  readonly own: boolean;
  readonly connectorName: string;
  readonly authTime: Date;
  readonly lastSeenAt: Date;
  readonly userAgent: string | undefined;
}

export function renderAccountPage(theme: Theme, view: AccountView): string {
  const content = html`<div class="account">
<div class="account-head">
<div><h1>Your account</h1><p class="lead">at <bdi>${theme.issuerName}</bdi></p></div>
${renderPost(view, "sign-out", { id: "sign-out-form", fields: {}, button: "Sign out", buttonId: "sign-out" })}
</div>
${renderAccountNotice(view.notice)}
${renderWaiting(view)}
${renderProfile(view)}
${renderPassword(view)}
${renderIdentities(view)}
${renderApplications(view)}
${renderSessions(view)}
</div>`;
  return renderLayout(theme, { title: "Your account", content });
}

function renderWaiting({ waiting = [], now }: AccountView): Html | undefined {
  if (waiting.length === 0) return undefined;
  const rows = waiting.map(
    ({ id, name, href, bindingMessage, askedAt }) =>
      html`<li><span class="row-text"><bdi class="row-name">${name}</bdi><small>Asked ${renderMoment(askedAt, now)}${bindingMessage === undefined ? undefined : html` · “<bdi>${bindingMessage}</bdi>”`}</small></span><span class="row-actions"><a class="button" id="answer-${id}" href="${link(href)}" aria-label="Answer ${name}">Answer</a></span></li>`,
  );
  return html`<section aria-labelledby="waiting-heading">
<h2 id="waiting-heading">Applications ask you to sign in</h2>
<ul class="rows" id="waiting">${rows}</ul>
</section>`;
}

function renderProfile(view: AccountView): Html {
  const { user } = view;
  const badge = user.emailVerified
    ? html`<span class="badge good">confirmed</span>`
    : html`<span class="badge">not confirmed</span>`;
  const resend = renderPost(view, "verify-email", {
    id: "verify-email-form",
    fields: {},
    button: "Send the link again",
    buttonId: "send-confirmation",
  });
  return html`<section aria-labelledby="profile-heading">
<h2 id="profile-heading">Profile</h2>
<form id="account-form" class="inline-form" method="post" action="${parseFormAction(`${view.path}/profile`)}">
<input type="hidden" name="form_token" value="${view.formToken}">
<div class="field">
<label for="display-name">Name</label>
<input id="display-name" name="display_name" type="text" autocomplete="name" maxlength="200" value="${user.displayName}">
</div>
<button class="button" id="submit-name" type="submit">Save</button>
</form>
<ul class="rows">
<li><span class="row-text"><small>Email address</small><bdi id="account-email">${user.email}</bdi> ${badge}</span><span class="row-actions">${user.emailVerified ? undefined : resend}<a class="button" id="change-email" href="${link(`${view.path}/email`)}" aria-label="Change your email address">Change</a></span></li>
<li><span class="row-text"><small>Account ID, the same for every application</small><code id="account-id">${user.id}</code></span></li>
${(user.details ?? []).map(renderDetail)}</ul>
</section>`;
}

function renderDetail({ label, value }: { readonly label: string; readonly value: string }): Html {
  return html`<li><span class="row-text"><small>${label}</small><bdi>${value}</bdi></span></li>`;
}

function renderPassword(view: AccountView): Html | undefined {
  const { password, now } = view;
  if (password.kind === "none" && !password.maySet) return undefined;
  const action = password.kind === "set" ? "Change" : "Set a password";
  const button = html`<span class="row-actions"><a class="button" id="change-password" href="${link(`${view.path}/password`)}" aria-label="${action === "Change" ? "Change your password" : action}">${action}</a></span>`;
  const text =
    password.kind === "set"
      ? html`Last changed ${renderMoment(password.changedAt, now)}`
      : html`${password.kind === "none" ? "You have none and sign in in other ways." : "Signing in with a password is switched off at the moment."}`;
  return html`<section aria-labelledby="password-heading">
<h2 id="password-heading">Password</h2>
<ul class="rows"><li><span class="row-text">${text}</span>${password.kind === "unusable" ? undefined : button}</li></ul>
</section>`;
}

function renderIdentities(view: AccountView): Html {
  const rows = view.identities.map(
    (one) =>
      html`<li>${renderIcon(one.connectorName)}<span class="row-text"><bdi class="row-name">${one.connectorName}</bdi>${one.usable ? undefined : html` <span class="badge">not available</span>`}<small>Connected ${renderMoment(one.linkedAt, view.now)}${one.removable ? undefined : html` · your only way to sign in`}</small></span>${one.removable ? html`<span class="row-actions"><a class="button" id="remove-identity-${one.handle}" href="${link(`${view.path}/unlink?identity=${one.handle}`)}" aria-label="Remove ${one.connectorName}">Remove</a></span>` : undefined}</li>`,
  );
  const more = view.moreConnectors
    .filter(({ available }) => available)
    .map(
      ({ id, name }) =>
        html`<li><a class="button" id="connect-${id}" href="${link(`${view.path}/link?${new URLSearchParams({ connector: id })}`)}"><span>Connect <bdi>${name}</bdi></span></a></li>`,
    );
  return html`<section aria-labelledby="identities-heading">
<h2 id="identities-heading">Ways to sign in</h2>
<ul class="rows" id="identities">${rows}</ul>
${more.length === 0 ? undefined : html`<ul class="more">${more}</ul>`}
</section>`;
}

function renderApplications(view: AccountView): Html {
  const rows = view.applications.map(({ clientId, name, clientHost, signInHref, scope, lastUsedAt, grants = [] }) => {
    const href = parseOnwardLink(signInHref);
    const shown =
      href === undefined
        ? html`<bdi class="row-name">${name}</bdi>`
        : html`<a class="row-name" id="open-application-${clientId}" href="${href}" rel="noopener noreferrer nofollow"><bdi>${name}</bdi></a>`;
    const form = renderPost(view, "revoke-application", {
      id: `revoke-application-${clientId}`,
      fields: { client_id: clientId },
      button: "Remove access",
      label: `Remove the access of ${name}`,
    });
    return html`<li>${renderIcon(name)}<span class="row-text">${shown}${clientHost && html`<small>from <bdi class="client-host">${clientHost}</bdi></small>`}<small>${renderScopes(scope)}</small><small>Last used ${renderMoment(lastUsedAt, view.now)}</small></span><span class="row-actions">${form}</span>${renderGrants(view, name, grants)}</li>`;
  });
  return html`<section aria-labelledby="applications-heading">
<h2 id="applications-heading">Applications with access</h2>
${rows.length === 0 ? html`<p class="nothing">No application has access to your account.</p>` : html`<ul class="rows" id="applications">${rows}</ul>`}
</section>`;
}

/** Where there is but one, it goes with the access of the application. */
function renderGrants(view: AccountView, name: string, grants: readonly AccountGrant[]): Html | undefined {
  if (grants.length < 2) return undefined;
  const rows = grants.map(({ id, grantedAt, lastUsedAt, userAgent }) => {
    const when = renderMoment(grantedAt, view.now);
    const form = renderPost(view, "revoke-grant", {
      id: `revoke-grant-${id}`,
      fields: { grant: id },
      button: "Remove",
      buttonId: `remove-grant-${id}`,
      labelledBy: `remove-grant-${id} grant-${id}`,
    });
    const where = userAgent === undefined ? undefined : html` in ${describeBrowser(userAgent)}`;
    return html`<li><span class="row-text"><small id="grant-${id}">Signed in ${when}${where}</small><small>Last used ${renderMoment(lastUsedAt, view.now)}</small></span><span class="row-actions">${form}</span></li>`;
  });
  return html`<ul class="grants" aria-label="Where ${name} keeps access">${rows}</ul>`;
}

// As people are asked on the consent page: who they are before what may be done for them.
const SCOPE_ORDER: readonly string[] = [
  "openid",
  "profile",
  "email",
  "address",
  "phone",
  "groups",
  "federated:id",
  "offline_access",
];

function renderScopes(scope: readonly string[]): Html {
  const known = SCOPE_ORDER.filter((one) => scope.includes(one));
  const others = scope.filter((one) => !SCOPE_ORDER.includes(one));
  const words = [...known, ...others].map((one, index) => {
    const { can, scope: name } = describeScope(one);
    return html`${index === 0 ? "" : " · "}${can}${name === undefined ? undefined : html` <code>${name}</code>`}`;
  });
  return html`${words}`;
}

function renderSessions(view: AccountView): Html {
  const rows = view.sessions.map((session) => {
    const form = renderPost(view, "end-session", {
      id: `end-session-${session.handle}`,
      fields: { session: session.handle },
      button: "Sign out",
      label: `Sign out ${describeBrowser(session.userAgent)}`,
    });
    return html`<li><span class="row-text"><span class="row-name">${describeBrowser(session.userAgent)}</span>${session.own ? html` <span class="badge good" id="own-session">this browser</span>` : undefined}<small>Signed in ${renderMoment(session.authTime, view.now)} with <bdi>${session.connectorName}</bdi> · last seen ${renderMoment(session.lastSeenAt, view.now)}</small></span>${session.own ? undefined : html`<span class="row-actions">${form}</span>`}</li>`;
  });
  return html`<section aria-labelledby="sessions-heading">
<h2 id="sessions-heading">Where you are signed in</h2>
<ul class="rows" id="sessions">${rows}</ul>
<ul class="more"><li><a class="button" id="end-other-sessions" href="${link(`${view.path}/end-other-sessions`)}">Sign out everywhere else</a></li></ul>
</section>`;
}

function renderIcon(name: string): Html {
  return html`<span class="choice-icon" aria-hidden="true">${initialOf(name)}</span>`;
}

/** A form that is one button. */
function renderPost(
  view: AccountView,
  step: string,
  form: {
    id: string;
    fields: Readonly<Record<string, string>>;
    button: string;
    buttonId?: string;
    /** What the button does where its text alone does not say to what. */
    label?: string;
    /** The same, by the ids of what is on the page. */
    labelledBy?: string;
  },
): Html {
  const fields = Object.entries(form.fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  const id = form.buttonId === undefined ? undefined : html`id="${form.buttonId}"`;
  const label =
    form.labelledBy === undefined
      ? form.label && html`aria-label="${form.label}"`
      : html`aria-labelledby="${form.labelledBy}"`;
  return html`<form id="${form.id}" method="post" action="${parseFormAction(`${view.path}/${step}`)}"><input type="hidden" name="form_token" value="${view.formToken}">${fields}<button class="button" type="submit" ${id} ${label}>${form.button}</button></form>`;
}

function link(path: string): string {
  return parseLink(path) ?? "";
}
