import { type Html, html } from "./html.ts";
import { parseLink } from "./links.ts";

/** What all pages share. */
export interface Theme {
  /** The product name in the header and the title. */
  readonly issuerName: string;
  /** Shown instead of the drawn mark; https or a path of our own origin, otherwise left out. */
  readonly logoUrl: string | undefined;
  /** Where the worker serves the stylesheet of staticFiles. */
  readonly stylesheetUrl: string;
}

/** A whole page around `content`, whose heading is `title`. */
export function renderLayout(theme: Theme, page: { title: string; content: Html }): string {
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
<title>${page.title} · ${theme.issuerName}</title>
<link rel="stylesheet" href="${theme.stylesheetUrl}">
</head>
<body>
<div class="page">
<header class="brand">${renderMark(theme)}</header>
<main class="card">
${page.content}
</main>
</div>
</body>
</html>
`.toString();
}

function renderMark(theme: Theme): Html {
  const logo = parseLink(theme.logoUrl);
  if (logo !== undefined) return html`<img class="logo" src="${logo}" alt="${theme.issuerName}">`;
  return html`<span class="mark" aria-hidden="true">${initialOf(theme.issuerName)}</span><bdi class="brand-name">${theme.issuerName}</bdi>`;
}

/** The first letter or digit of a name, for a drawn mark. */
export function initialOf(name: string): string {
  return /[\p{L}\p{N}]/u.exec(name)?.[0]?.toUpperCase() ?? "?";
}

/** What went well, above a form or list. */
export function renderNotice(notice: string | undefined): Html | undefined {
  if (notice === undefined || notice === "") return undefined;
  return html`<p class="message good" id="notice" role="status">${notice}</p>`;
}

/** The message above a form or list. Read out by screen readers when the page opens. */
export function renderMessage(message: string | undefined): Html | undefined {
  if (message === undefined || message === "") return undefined;
  return html`<p class="message" id="message" role="alert" aria-live="assertive">${message}</p>`;
}
