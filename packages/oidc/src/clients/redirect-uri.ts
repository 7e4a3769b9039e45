import { isLoopback } from "@dex/runtime";
import type { VerifiedRedirectUri } from "../endpoints/authorization-request.ts";
import type { Client } from "./client.ts";

const MAX_REDIRECT_URI_LENGTH = 1000;

/** A loopback address literal over http, with its port apart. RFC 8252 §8.3 advises against `localhost`. */
const LOOPBACK_LITERAL = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::([1-9]\d{0,4}))?(\/.*)$/s;

/**
 * A program on this machine, without a path. `localhost` is what dex v1 took and its clients send; the literals are what
 * RFC 8252 §8.3 advises. The port says which program it is, so there must be one.
 */
const UNREGISTERED_LOOPBACK = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\]):([1-9]\d{0,4})$/;

/** The redirect_uri of programs that no browser can return to: their person carries the code over by hand. */
export const OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob";

/**
 * The redirect_uri when the client has registered it, byte for byte (RFC 9700 §4.1.3). Two exceptions: what was
 * registered as http://127.0.0.1/... or http://[::1]/... matches with any port, RFC 8252 §7.3; and a public client without
 * any registered one may use those that cannot lead away from the person's own machine (dex v1).
 */
export function matchRedirectUri(
  client: Pick<Client, "redirectUris" | "public">,
  value: string,
): VerifiedRedirectUri | undefined {
  const matches =
    client.public && client.redirectUris.length === 0
      ? staysWithThePerson(value)
      : client.redirectUris.includes(value) || client.redirectUris.includes(withoutLoopbackPort(value) ?? value);
  // The only place that makes this type from a request: the lines above are the check it stands for.
  return matches ? (value as VerifiedRedirectUri) : undefined;
}

function staysWithThePerson(value: string): boolean {
  const [, port] = UNREGISTERED_LOOPBACK.exec(value) ?? [];
  return value === OUT_OF_BAND || (port !== undefined && Number(port) <= 65_535);
}

function withoutLoopbackPort(value: string): string | undefined {
  const [, origin, port, rest] = LOOPBACK_LITERAL.exec(value) ?? [];
  if (origin === undefined || rest === undefined || port === undefined || Number(port) > 65_535) return undefined;
  return `${origin}${rest}`;
}

/** Added to a redirect URI that has them already they would be there twice, and each program would read another one (AUT-2). */
const OF_THE_ANSWER: readonly string[] = [
  ...["code", "state", "iss", "response", "error", "error_description"],
  ...["access_token", "token_type", "expires_in", "id_token", "session_state"],
];

export type RedirectUriForm = "https" | "loopback" | "private-use";

export type RedirectUriRegistration =
  | { readonly kind: "accepted"; readonly uri: string; readonly form: RedirectUriForm }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Decides whether a redirect_uri may be registered (RED-3, RED-8): https, http to this machine, or a private-use scheme
 * with a dot (RFC 8252 §7.1), which only public clients may have. It is kept exactly as written, so it must be written
 * the way a browser would write it.
 */
export function parseRedirectUriForRegistration(text: string): RedirectUriRegistration {
  if (text.length > MAX_REDIRECT_URI_LENGTH) return refused(`is longer than ${MAX_REDIRECT_URI_LENGTH} characters`);
  if (!/^[\x21-\x7e]+$/.test(text)) return refused("must be printable ASCII without spaces");
  if (/[*"<>\\^`{|}]/.test(text)) return refused("holds a character that a URI cannot have, or a wildcard");
  if (text.includes("#")) return refused("has a fragment");
  const url = URL.parse(text);
  if (url === null) return refused("is not an absolute URI");
  if (url.username !== "" || url.password !== "") return refused("holds a user name or password");
  // An origin alone may be written without its slash: comparison is on what was registered.
  if (url.href !== text && url.href !== `${text}/`) return refused("is not in its normal form", url.href);
  const taken = [...url.searchParams.keys()].find((name) => OF_THE_ANSWER.includes(name));
  if (taken !== undefined) return refused(`holds the parameter ${taken}, which is one of the answer`);
  const form = formOf(url);
  return form === undefined
    ? refused("must be https, http to a loopback address, or a private-use scheme with a dot in it")
    : { kind: "accepted", uri: text, form };
}

function formOf(url: URL): RedirectUriForm | undefined {
  if (url.protocol === "https:") return "https";
  if (url.protocol === "http:") return isLoopback(url) ? "loopback" : undefined;
  // RFC 8252 §7.1: a reversed domain name. Without a dot it could be javascript:, data:, file: and their like.
  return /^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:$/.test(url.protocol) ? "private-use" : undefined;
}

function refused(what: string, normalForm?: string): RedirectUriRegistration {
  const advice = normalForm === undefined || normalForm.length > 200 ? "" : `; write it as ${normalForm}`;
  return { kind: "refused", reason: `redirect URI ${what}${advice}` };
}
