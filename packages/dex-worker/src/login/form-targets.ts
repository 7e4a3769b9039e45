import { OUT_OF_BAND } from "@dex/oidc";
import { isLoopback } from "@dex/runtime";

/**
 * Where a form on a page of this flow may lead the browser in the end, as sources for CSP form-action: the client's
 * redirect_uri, and from there on any https address. Chromium holds every redirect after a form against form-action, and
 * where a client sends the browser next (another dex to its own client, a proxy to what it guards) cannot be known here.
 */
export function formTargets(redirectUri: string): readonly string[] {
  if (redirectUri === OUT_OF_BAND) return []; // ends at a page of ours
  const target = new URL(redirectUri);
  // CSP 3 §2.3.1 has no IPv6 addresses: browsers ignore such a source, and then nobody gets to the client.
  const nameless = target.origin === "null" || target.hostname.startsWith("[");
  const own = nameless ? target.protocol : target.origin;
  const beyond = isLoopback(target) ? ["https:", "http://127.0.0.1:*", "http://localhost:*"] : ["https:"];
  return [own, ...beyond];
}
