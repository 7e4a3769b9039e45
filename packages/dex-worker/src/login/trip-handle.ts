// What an upstream carries for us as `state` or RelayState: names the flow, cannot be guessed, and says nothing else but
// the scheme of an application that has one of its own.
import type { LoginState } from "@dex/oidc";
import type { Random } from "@dex/runtime";

const HANDLE_BYTES = 16;
/** SAML bindings §3.5.3 allows 80 bytes; two names of 22 characters and two dots take the rest. */
const MAX_SCHEME_LENGTH = 34;
const ANYWHERE = ["https:", "http://127.0.0.1:*", "http://localhost:*"];

/** A new handle. Its first part is the id of the flow. */
export function makeTripHandle({ id, request }: LoginState, random: Random): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/.exec(request.redirectUri)?.[1];
  const own = scheme !== undefined && !/^(?:https?|urn)$/.test(scheme) && scheme.length <= MAX_SCHEME_LENGTH;
  return [id, random(HANDLE_BYTES).toString("base64url"), ...(own ? [scheme] : [])].join(".");
}

/**
 * Where a form may lead that is posted before the login state can be read, as sources for CSP form-action: any https
 * address, this machine, and the scheme in the handle. The handle is not trusted; it only widens where a page of ours,
 * which holds one form, may be redirected to after its own POST.
 */
export function pageTargetsOf(handle: string): readonly string[] {
  const scheme = /^[\w-]{22}\.[\w-]{22}\.([a-z][a-z0-9+.-]{0,33})$/.exec(handle)?.[1];
  return scheme === undefined || /^(?:javascript|data|blob|vbscript|file)$/.test(scheme)
    ? ANYWHERE
    : [...ANYWHERE, `${scheme}:`];
}
