import type { SignedIn } from "./sessions.ts";

const STYLE_PATH = "/style.css";

export interface HomeView {
  readonly clientId: string;
  readonly issuer: string;
  readonly issuerReady: boolean;
  readonly signedIn: SignedIn | undefined;
  readonly notice: string | undefined;
}

/** The only page of the app. */
export function renderHome(view: HomeView): string {
  const body = view.signedIn === undefined ? renderSignIn(view) : renderSignedIn(view.signedIn);
  const notice =
    view.notice === undefined ? "" : `<p class="notice" id="notice" role="alert">${escapeHtml(view.notice)}</p>`;
  return renderPage("Example app", `<h1>Example app</h1>\n${notice}\n${body}`);
}

/** Says in plain words what did not work. */
export function renderProblem(title: string, message: string): string {
  const words = `<h1>${escapeHtml(title)}</h1><p role="alert" id="problem">${escapeHtml(message)}</p>`;
  return renderPage(title, `${words}<p><a class="button" href="/">Start again</a></p>`);
}

function renderSignIn(view: HomeView): string {
  const waiting = view.issuerReady
    ? ""
    : `<p class="notice" id="issuer-unreachable">The issuer cannot be reached yet; trying again all the time.</p>`;
  return `<p>An application that knows nothing but the address of an issuer and its own client credentials.</p>
<dl><dt>Issuer</dt><dd>${escapeHtml(view.issuer)}</dd><dt>Client</dt><dd>${escapeHtml(view.clientId)}</dd></dl>
${waiting}
<form method="get" action="/sign-in">
<fieldset><legend>Ask for</legend>
${renderScope("profile", "profile", true)}${renderScope("email", "email address", true)}${renderScope("groups", "groups", false)}
${renderScope("offline_access", "a refresh token (offline_access)", true)}
</fieldset>
<button id="sign-in" type="submit">Sign in</button>
</form>`;
}

function renderScope(scope: string, label: string, checked: boolean): string {
  const state = checked ? " checked" : "";
  return `<label><input type="checkbox" name="scope" value="${scope}" id="scope-${scope}"${state}> ${label}</label>`;
}

function renderSignedIn(signedIn: SignedIn): string {
  const rows = Object.entries(signedIn.claims).map(
    ([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${renderClaim(name, value)}</td></tr>`,
  );
  const times = signedIn.refreshes === 1 ? "once" : `${signedIn.refreshes} times`;
  const refresh =
    signedIn.refreshToken === undefined
      ? ""
      : `<form method="post" action="/refresh"><button id="refresh" type="submit">Refresh the tokens</button></form>`;
  return `<p class="good" id="verified">You are signed in with a verified ID token.</p>
<p id="refreshes">Refreshed ${signedIn.refreshes === 0 ? "never" : times}.</p>
<div class="buttons">${refresh}<form method="post" action="/sign-out"><button class="quiet" id="sign-out" type="submit">Sign out of this app</button></form></div>
<h2>Claims of the verified ID token</h2>
<div class="wide"><table id="claims"><tbody>${rows.join("\n")}</tbody></table></div>
<h2>ID token as JSON</h2>
<pre id="claims-json">${escapeHtml(JSON.stringify(signedIn.claims, null, 2))}</pre>
<h2>Userinfo</h2>
<pre id="userinfo">${escapeHtml(signedIn.userinfo === undefined ? "not offered" : JSON.stringify(signedIn.userinfo, null, 2))}</pre>`;
}

const INSTANTS = ["iat", "exp", "nbf", "auth_time", "updated_at"];

function renderClaim(name: string, value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const isInstant = INSTANTS.includes(name) && typeof value === "number" && Math.abs(value) < 8e12;
  const instant = isInstant ? ` <small>${new Date(value * 1000).toISOString()}</small>` : "";
  return escapeHtml(text) + instant;
}

function renderPage(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="${STYLE_PATH}">
</head>
<body><main>
${body}
</main></body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export const STYLE = `
:root { color-scheme: light dark; --ground: #f6f4f0; --card: #fff; --text: #1c1a17; --quiet: #625c53; --edge: #ddd7cc;
  --accent: #0b6b57; --on-accent: #fff; --notice: #7a4a00; --notice-ground: #fdf3e0; }
@media (prefers-color-scheme: dark) { :root { --ground: #131210; --card: #1d1b18; --text: #f0ede7; --quiet: #b0a99d;
  --edge: #37332d; --accent: #5fd3b5; --on-accent: #06231c; --notice: #ffcf87; --notice-ground: #33270f; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1.25rem 1rem 3rem; background: var(--ground); color: var(--text); overflow-wrap: anywhere;
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 44rem; margin: 0 auto; padding: 1.5rem; background: var(--card); border: 1px solid var(--edge);
  border-top: 4px solid var(--accent); border-radius: 0.75rem; }
@media (min-width: 40rem) { body { padding-top: 4rem; } main { padding: 2.25rem; } }
h1 { margin: 0 0 0.75rem; font-size: 1.6rem; line-height: 1.2; letter-spacing: -0.02em; }
h2 { margin: 2rem 0 0.6rem; font-size: 1.05rem; }
p { margin: 0 0 0.75rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; margin: 1rem 0 1.5rem; }
dt, small { color: var(--quiet); }
dd { margin: 0; font-weight: 600; }
fieldset { margin: 0 0 1.25rem; padding: 0.75rem 1rem; border: 1px solid var(--edge); border-radius: 0.6rem; }
legend { padding: 0 0.4rem; color: var(--quiet); }
label { display: block; padding: 0.3rem 0; }
input[type="checkbox"] { width: 1.1rem; height: 1.1rem; margin: 0 0.4rem 0 0; vertical-align: -0.15rem; accent-color: var(--accent); }
button, .button { display: inline-block; min-height: 2.75rem; padding: 0.55rem 1.25rem; border: 1px solid var(--accent); border-radius: 0.6rem;
  background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600; text-decoration: none; cursor: pointer; }
button.quiet { background: transparent; color: var(--text); border-color: var(--quiet); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.buttons { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 1rem 0; }
.good { font-weight: 600; color: var(--accent); }
.notice { padding: 0.7rem 0.9rem; border-radius: 0.6rem; color: var(--notice); background: var(--notice-ground); }
.wide { overflow-x: auto; border: 1px solid var(--edge); border-radius: 0.6rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 0.5rem 0.8rem; text-align: left; vertical-align: top; }
th { width: 1%; white-space: nowrap; font-weight: 600; }
tr + tr > * { border-top: 1px solid var(--edge); }
small { display: block; }
pre { margin: 0; padding: 0.9rem; overflow-x: auto; white-space: pre-wrap; border: 1px solid var(--edge); border-radius: 0.6rem;
  font: 0.85rem/1.5 ui-monospace, Menlo, Consolas, "Liberation Mono", monospace; }
`;
