import type { ServerResponse } from "node:http";

/** Sends an authorization response by redirect, or as a page whose form the browser posts (Form Post Response Mode). */
export function sendAuthorizationResponse(
  response: ServerResponse,
  redirectUri: string,
  mode: "query" | "form_post",
  members: readonly (readonly [string, unknown])[],
): void {
  if (mode === "query") {
    const location = new URL(redirectUri);
    for (const [name, value] of members) location.searchParams.set(name, String(value));
    response.writeHead(302, { location: location.href }).end();
    return;
  }
  const inputs = members.map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(String(value))}">`,
  );
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
  response.end(
    `<!doctype html><html lang="en"><title>Sign in</title><form method="post" action="${escapeHtml(redirectUri)}">` +
      `${inputs.join("")}<button>Continue</button></form></html>`,
  );
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? "");
}
