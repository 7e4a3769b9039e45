// Home realm discovery: of an address the domain alone says where its owner signs in. Whether somebody has an account is
// never looked up for it.
import type { LoginState } from "@dex/oidc";
import type { ConnectorEntry } from "../live/connector-set.ts";
import type { ChooserMode } from "./offered-connectors.ts";

/** Longer ones are no addresses, RFC 5321 §4.5.3.1. */
export const MAX_ADDRESS_LENGTH = 320;

/** The one connector that is for addresses of this domain. Undefined when there is none, or more than one. */
export function connectorForAddress(address: string, offered: readonly ConnectorEntry[]): ConnectorEntry | undefined {
  const domain = domainOf(address);
  if (domain === undefined) return undefined;
  const fitting = offered.filter(({ emailDomains, connector }) => connector && emailDomains.includes(domain));
  return fitting.length === 1 ? fitting[0] : undefined;
}

/**
 * Where the address that a client gave as login_hint leads without a page. Whoever has just been sent back to choose is not
 * sent away again: they would never read why.
 */
export function homeRealmOf(
  { request, notice }: LoginState,
  offered: readonly ConnectorEntry[],
  mode: ChooserMode,
): ConnectorEntry | undefined {
  if (mode !== "sign in" || notice !== undefined || request.loginHint === undefined) return undefined;
  return connectorForAddress(request.loginHint, offered);
}

function domainOf(address: string): string | undefined {
  const at = address.lastIndexOf("@");
  if (at <= 0 || address.length > MAX_ADDRESS_LENGTH) return undefined;
  const typed = address
    .slice(at + 1)
    .trim()
    .replace(/\.$/, "");
  // Letters beyond ASCII become what the operator wrote (RFC 5891); anything but a name is nobody's domain.
  return /[\s/?#:@\\%[\]]/.test(typed) ? undefined : URL.parse(`https://${typed}`)?.hostname;
}
