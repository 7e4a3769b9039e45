import type { RequestListener } from "node:http";
import type { CaughtMail, MailCatcher } from "./mail-catcher.ts";

/** Shows the caught mails. HTML bodies are shown as their source: they are nobody's to trust. */
export function makeMailPage(catcher: MailCatcher): RequestListener {
  return (request, response) => {
    const path = request.url?.split("?")[0] ?? "/";
    const id = /^\/messages\/(\d{1,9})$/.exec(path)?.[1];
    const mail = id === undefined ? undefined : catcher.find(Number(id));
    const found = path === "/" || mail !== undefined;
    const body = mail !== undefined ? renderMail(mail) : path === "/" ? renderList(catcher.list()) : renderMissing();
    response.writeHead(found ? 200 : 404, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy":
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
    response.end(request.method === "HEAD" ? undefined : body);
  };
}

function renderList(mails: readonly CaughtMail[]): string {
  const items = mails.map(
    (mail) => `<li><a href="/messages/${mail.id}"><b>${escapeHtml(mail.subject)}</b>
<span>to ${escapeHtml(mail.to.join(", "))}</span><time>${mail.receivedAt.toISOString()}</time></a></li>`,
  );
  const list = items.length === 0 ? "<p>Nothing yet. What dex sends appears here.</p>" : `<ul>${items.join("\n")}</ul>`;
  return renderPage("Mail that dex sent", `<h1>Mail that dex sent</h1><p><a href="/">Look again</a></p>${list}`);
}

function renderMail(mail: CaughtMail): string {
  const html = mail.html === "" ? "" : `<h2>HTML part, as source</h2><pre>${escapeHtml(mail.html)}</pre>`;
  return renderPage(
    mail.subject,
    `<p><a href="/">All mail</a></p><h1>${escapeHtml(mail.subject)}</h1>
<dl><dt>From</dt><dd>${escapeHtml(mail.from)}</dd><dt>To</dt><dd>${escapeHtml(mail.to.join(", "))}</dd>
<dt>Received</dt><dd>${mail.receivedAt.toISOString()}</dd></dl>
<h2>Text part</h2><pre id="text">${withLinks(mail.text)}</pre>${html}`,
  );
}

function renderMissing(): string {
  return renderPage("No such mail", `<h1>No such mail</h1><p><a href="/">All mail</a></p>`);
}

// Links of a mail are there to be followed: to verify an address, to set a password.
function withLinks(text: string): string {
  return escapeHtml(text).replace(
    /https?:\/\/[^\s<>"')]+/g,
    (url) => `<a href="${url}" rel="noopener noreferrer">${url}</a>`,
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => {
    const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
    return entities[character] ?? "";
  });
}

function renderPage(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>${escapeHtml(title)}</title>
<style>
:root { color-scheme: light dark; --edge: #d5d8df; --quiet: #585f6d; --accent: #3450c8; }
@media (prefers-color-scheme: dark) { :root { --edge: #333945; --quiet: #a3abba; --accent: #93a9ff; } }
body { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { margin-top: 2rem; font-size: 1rem; } a { color: var(--accent); }
ul { padding: 0; list-style: none; border: 1px solid var(--edge); border-radius: .75rem; } li + li { border-top: 1px solid var(--edge); }
li a { display: block; padding: .75rem 1rem; color: inherit; text-decoration: none; } li a:hover b { color: var(--accent); }
span, time { display: block; font-size: .875rem; color: var(--quiet); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; } dt { color: var(--quiet); } dd { margin: 0; }
pre { padding: 1rem; white-space: pre-wrap; border: 1px solid var(--edge); border-radius: .75rem; font: .875rem/1.5 ui-monospace, monospace; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
</style></head><body><main>${body}</main></body></html>
`;
}
