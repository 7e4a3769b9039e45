import { createHash } from "node:crypto";
import { html } from "./html.ts";

// Compares what the application was given with what it would be given now, OIDC Session Management 1.0 §3.2, and answers
// whoever asks, where they ask from, with one of three words. A frame that the browser keeps its cookies from sees none,
// whoever is signed in: it says that it cannot tell, since "changed" would have the application sign the person out.
const SCRIPT = html`<script>
"use strict";
const MESSAGE = /^([^ ]{1,512}) ([\\w-]{43})\\.([\\w-]{22})$/;
const { cookie } = document.body.dataset;

function readState() {
  const pair = document.cookie.split("; ").find((one) => one.startsWith(cookie + "="));
  return pair && pair.slice(cookie.length + 1);
}

async function hashOf(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const base64 = btoa(String.fromCharCode(...new Uint8Array(digest)));
  return base64.replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=/g, "");
}

async function check(message, origin) {
  const parts = typeof message === "string" && message.length < 1000 && MESSAGE.exec(message);
  if (!parts) return "error";
  const [, clientId, hash, salt] = parts;
  const state = readState();
  if (!state) return document.hasStorageAccess && !(await document.hasStorageAccess()) ? "error" : "changed";
  return hash === (await hashOf([clientId, origin, state, salt].join(" "))) ? "unchanged" : "changed";
}

addEventListener("message", async ({ data, origin, source }) => {
  // A frame without an origin of its own cannot be answered so that nobody else hears it.
  if (!source || !/^https?:/.test(origin)) return;
  source.postMessage(await check(data, origin).catch(() => "error"), origin);
});
</script>`;

/** The source expression that lets this script run and no other: the policy of the page must hold it (BRO-10). */
export const CHECK_SESSION_SCRIPT = `'sha256-${createHash("sha256")
  .update(SCRIPT.toString().replace(/^<script>|<\/script>$/g, ""))
  .digest("base64")}'`;

/** The page at `check_session_iframe`: nothing to see, and nothing in it but the name of the cookie that it reads. */
export function renderCheckSessionPage(view: { readonly cookieName: string }): string {
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Session</title>
</head>
<body data-cookie="${view.cookieName}">
${SCRIPT}
</body>
</html>
`.toString();
}
