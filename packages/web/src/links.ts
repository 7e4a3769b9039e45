declare const safe: unique symbol;
/** A URL that may be rendered as a link. Made only by parseLink. */
export type SafeLink = string & { readonly [safe]: true };

const MAX_LINK_LENGTH = 2048;

/**
 * The URL in the form that may be rendered, or undefined: only https and paths of our own origin are linked (BRO-12). A
 * path starts with exactly one slash and holds no backslash, control character or white space, which browsers rewrite
 * into another host.
 */
export function parseLink(url: string | undefined): SafeLink | undefined {
  if (url === undefined || url.length > MAX_LINK_LENGTH || /[\\\s\p{Cc}\p{Cf}]/u.test(url)) return undefined;
  if (/^\/(?!\/)/.test(url)) return url as SafeLink;
  const parsed = /^https:\/\//i.test(url) ? URL.parse(url) : null;
  if (parsed === null || parsed.username !== "" || parsed.password !== "") return undefined;
  return parsed.href as SafeLink;
}

/** An image of somebody else, and the one origin that the page's policy must allow for it. */
export interface SafeImage {
  readonly link: SafeLink;
  readonly origin: string;
}

/**
 * The image as it may be rendered, or undefined: https, at a host that is letters, digits, dots and hyphens, as the policy of
 * a page is text in which other characters that URLs allow in hosts mean something (BRO-10).
 */
export function parseImage(url: string | undefined): SafeImage | undefined {
  const link = parseLink(url);
  if (link === undefined || link.startsWith("/")) return undefined;
  const { origin } = new URL(link);
  return /^https:\/\/[a-z0-9.-]+(?::\d+)?$/.test(origin) ? { link, origin } : undefined;
}

/**
 * Where a person goes on to, or what a page loads in a frame: an address that a client registered, so https, http, or a
 * private-use scheme with a dot in it (RFC 8252 §7.1). Undefined for any other, as javascript: and its like.
 */
export function parseOnwardLink(url: string | undefined): SafeLink | undefined {
  if (url === undefined || url.length > 2 * MAX_LINK_LENGTH || /[\\\s\p{Cc}\p{Cf}]/u.test(url)) return undefined;
  if (!/^(?:https?:\/\/|[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:)/i.test(url)) return undefined;
  const parsed = URL.parse(url);
  return parsed === null || parsed.username !== "" || parsed.password !== "" ? undefined : (url as SafeLink);
}

/**
 * Where a form of ours posts to. Throws when it is not a path of our own origin: a form holds credentials, and its target is
 * never anybody else's to say.
 */
export function parseFormAction(action: string): SafeLink {
  const link = action.startsWith("/") ? parseLink(action) : undefined;
  if (link === undefined) throw new Error("a form's action must be a path of our own origin");
  return link;
}

/**
 * Where a page may post what only passes through: a path of our own origin, or an http(s) address that the operator named.
 * Throws for any other.
 */
export function parseUpstreamAction(action: string): SafeLink {
  if (action.startsWith("/")) return parseFormAction(action);
  const parsed = /^https?:\/\//i.test(action) ? URL.parse(action) : null;
  if (parsed === null || parsed.username !== "" || parsed.password !== "") {
    throw new Error("a form's action must be an http(s) address");
  }
  return parsed.href as SafeLink;
}
