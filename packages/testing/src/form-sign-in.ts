import type { FormBrowser, Page } from "./form-browser.ts";

const MAX_STEPS = 5;

/**
 * Signs in at dex's local connector, answering what it asks on the way, and returns where dex sends the browser in the
 * end: the client's redirect_uri with its parameters. The browser must stop at that redirect_uri.
 */
export async function signInWithForms(
  browser: FormBrowser,
  authorizationUrl: string | URL,
  user: { email: string; password: string },
): Promise<URL> {
  return finishSignIn(browser, await browser.open(authorizationUrl), user);
}

/** The same from any page of a sign-in that was begun. Throws with the page's heading where it stops. */
export async function finishSignIn(
  browser: FormBrowser,
  from: Page,
  user: { email: string; password: string },
): Promise<URL> {
  let page = from;
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    if (page.status >= 300 && page.status < 400) return page.url;
    const choice = /<a\b[^>]*\bid="connector-local"[^>]*\bhref="([^"]*)"/.exec(page.text)?.[1];
    if (hasForm(page, "login-form")) {
      const fields = { login: user.email, password: user.password };
      page = await browser.submit(page, fields, { formId: "login-form" });
    } else if (hasForm(page, "consent-form")) {
      page = await browser.submit(page, { decision: "approve" }, { formId: "consent-form" });
    } else if (choice !== undefined) {
      page = await browser.open(new URL(choice.replaceAll("&amp;", "&"), page.url));
    } else break;
  }
  const heading = /<h1[^>]*>([\s\S]*?)<\/h1>/.exec(page.text)?.[1] ?? page.text.slice(0, 200);
  throw new Error(`the sign-in stopped at ${page.url.pathname} with status ${page.status}: ${heading}`);
}

/** Whether the page has the form with this id, such as `login-form`. */
export function hasForm(page: Page, id: string): boolean {
  return new RegExp(`<form\\b[^>]*\\bid="${id}"`).test(page.text);
}
