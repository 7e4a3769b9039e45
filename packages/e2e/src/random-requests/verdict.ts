import { CANARY } from "./canary.ts";

/** An answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
  readonly milliseconds: number;
}

export const PATIENCE_MILLISECONDS = 5_000;

/** What no answer may be, whatever was asked; undefined when this one is as it must be. */
export function wrongWith(
  answer: Answer,
  { issuer, registered }: { issuer: string; registered: readonly string[] },
): string | undefined {
  const { status, headers, body, milliseconds } = answer;
  if (status >= 500) return `status ${status}`;
  if (milliseconds > PATIENCE_MILLISECONDS) return `an answer after ${Math.round(milliseconds)} ms`;
  if (Object.keys(headers).some((name) => name.includes(CANARY))) return "a header that the request wrote";
  const { location } = headers;
  if (typeof location === "string" && !leadsHome(location, issuer, registered)) return `a redirect to ${location}`;
  if (/\bat \S+ \(?(?:file|node):|node_modules|\.ts:\d+/.test(body)) return "the inside of the program";
  const type = String(headers["content-type"] ?? "");
  return type.startsWith("text/html") ? wrongWithPage(body, issuer, registered) : undefined;
}

/** BRO-11, and RED-10 for answers by form_post. */
function wrongWithPage(html: string, issuer: string, registered: readonly string[]): string | undefined {
  if (html.includes(`<${CANARY}`)) return "markup of the request on the page";
  if (new RegExp(`["'][^"'<>]{0,3}${CANARY}[^"'<>=]{0,3}=`).test(html))
    return "an attribute of the request on the page";
  if (/(?:href|src|action)="\s*javascript:/i.test(html)) return "a script in a link of the page";
  for (const [, action = ""] of html.matchAll(/<form\b[^>]*\baction="([^"]*)"/g)) {
    const target = action.replaceAll("&amp;", "&");
    if (!leadsHome(target, issuer, registered)) return `a form that goes to ${target}`;
  }
  return undefined;
}

/** Whether an address is below the issuer or, but for query and fragment, one that was registered. */
function leadsHome(target: string, issuer: string, registered: readonly string[]): boolean {
  const url = URL.parse(target, `${issuer}/`);
  if (url === null) return false;
  if (url.origin === new URL(issuer).origin) return !/[\\\r\n]|^\/\//.test(target);
  return registered.includes(target.replace(/[?#].*$/s, ""));
}
