// A browser without scripts and pictures: keeps cookies, follows redirects, fills forms by their names. For tests that need
// many sign-ins or raw control; the real browser is in browser.ts.
import { fetchFrom } from "./fetch-from.ts";

/** What a request came to: a page, or the address at which following redirects was to stop. */
export interface Page {
  readonly status: number;
  readonly url: URL;
  readonly headers: Headers;
  readonly text: string;
}

export interface Form {
  readonly action: URL;
  readonly method: "GET" | "POST";
  /** The hidden and prefilled fields. */
  readonly fields: ReadonlyMap<string, string>;
}

export interface FormBrowser {
  /** Every cookie it holds, by name. */
  readonly cookies: Map<string, string>;
  /** GETs `url` and follows redirects. */
  open(url: string | URL): Promise<Page>;
  /** Sends the page's form with `fields` over those that stand in it. */
  submit(page: Page, fields?: Readonly<Record<string, string>>, options?: { formId?: string }): Promise<Page>;
  /** One request, no redirect followed. Cookies are sent and kept. */
  request(url: string | URL, init?: RequestInit): Promise<Response>;
}

const MAX_REDIRECTS = 20;

/**
 * `sourceAddress`: the loopback address to connect from, such as 127.0.3.7, for tests that need many visitors. `stopAt`: redirects to an address that starts with one of these are not followed: a client's redirect_uri. `route` says
 * where a request really goes, such as to another worker each time; what the page's address is does not change by it.
 */
export function openFormBrowser(
  options: { stopAt?: readonly string[]; route?: (url: URL) => URL | Promise<URL>; sourceAddress?: string } = {},
): FormBrowser {
  const { stopAt = [], route = (url) => url, sourceAddress } = options;
  const send = sourceAddress === undefined ? fetch : fetchFrom(sourceAddress);
  const cookies = new Map<string, string>();

  async function request(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (cookies.size > 0) headers.set("Cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await send(await route(new URL(url)), { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) keep(cookies, line);
    return response;
  }

  async function follow(first: string | URL, init: RequestInit): Promise<Page> {
    let url = new URL(first);
    let response = await request(url, init);
    for (let redirects = 0; redirects < MAX_REDIRECTS; redirects++) {
      const location = response.headers.get("location");
      if (location === null || response.status < 300 || response.status > 399) {
        return { status: response.status, url, headers: response.headers, text: await response.text() };
      }
      await response.arrayBuffer();
      url = new URL(location, url);
      if (stopAt.some((prefix) => url.href.startsWith(prefix))) {
        return { status: response.status, url, headers: response.headers, text: "" };
      }
      response = await request(url);
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects, the last to ${url.href}`);
  }

  return {
    cookies,
    request,
    open: (url) => follow(url, {}),
    submit(page, fields = {}, { formId } = {}) {
      const form = readForm(page, formId);
      const body = new URLSearchParams([...form.fields]);
      for (const [name, value] of Object.entries(fields)) body.set(name, value);
      if (form.method === "POST") return follow(form.action, { method: "POST", body, headers: fromSamePage(form) });
      const target = new URL(form.action);
      target.search = body.toString();
      return follow(target, {});
    },
  };
}

/** The form with this id, or the first one of the page. Throws when there is none. */
export function readForm(page: Page, formId?: string): Form {
  for (const [, attributes = "", inside = ""] of page.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)) {
    if (formId !== undefined && attribute(attributes, "id") !== formId) continue;
    const fields = new Map<string, string>();
    for (const [, input = ""] of inside.matchAll(/<input\b([^>]*)>/g)) {
      const name = attribute(input, "name");
      const unticked = attribute(input, "type") === "checkbox" && !/\schecked\b/.test(input);
      if (name !== undefined && !unticked) fields.set(name, attribute(input, "value") ?? "");
    }
    const method = attribute(attributes, "method")?.toUpperCase() === "POST" ? "POST" : "GET";
    return { action: new URL(attribute(attributes, "action") ?? "", page.url), method, fields };
  }
  throw new Error(`no form ${formId ?? ""} on the page at ${page.url.href} (status ${page.status})`);
}

// What browsers send with a form of a page under Referrer-Policy: no-referrer.
function fromSamePage(form: Form): Record<string, string> {
  return { Origin: form.action.origin, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate" };
}

function attribute(text: string, name: string): string | undefined {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(text)?.[1];
  return value === undefined ? undefined : decodeEntities(value);
}

function decodeEntities(text: string): string {
  const named: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"' };
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return named[name] ?? whole;
  });
}

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = "", ...attributes] = line.split(";");
  const equals = pair.indexOf("=");
  const name = pair.slice(0, equals).trim();
  const expired = attributes.some((one) => /^\s*max-age=(0|-\d+)\s*$/i.test(one));
  if (expired) cookies.delete(name);
  else cookies.set(name, pair.slice(equals + 1).trim());
}
