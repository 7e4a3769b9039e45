import type { ValueKind } from "@dex/runtime";

declare const checked: unique symbol;
/** One plain address, safe in an envelope and a header. Made only by parseMailAddress. */
export type MailAddress = { readonly address: string } & { readonly [checked]: true };

// RFC 5322 §3.2.3 dot-atom, without its comments; RFC 1035 labels. Nothing here can be a list, a group, a route, a display
// name or a quoted local part, which is where parsers of addresses disagree about who gets the mail (ACC-10). Left out of
// the atom too: "!" and "%", by which old relays route on, and "=?", by which an encoded word (RFC 2047) begins.
const LOCAL_PART = /^(?!.*=\?)[A-Za-z0-9#$&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]+)*$/;
const LABEL = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
/** RFC 5321 §4.5.3.1.3: a path of 256 octets with its angle brackets. */
const MAX_ADDRESS = 254;
const MAX_LOCAL_PART = 64;
const MAX_DOMAIN = 253;

/** The address, or undefined when the value is anything but exactly one address of a strict ASCII grammar (ACC-10). */
export function parseMailAddress(value: unknown): MailAddress | undefined {
  if (typeof value !== "string" || value.length > MAX_ADDRESS) return undefined;
  const at = value.lastIndexOf("@");
  if (at < 1) return undefined;
  const localPart = value.slice(0, at);
  const domain = value.slice(at + 1);
  if (localPart.length > MAX_LOCAL_PART || !LOCAL_PART.test(localPart)) return undefined;
  if (domain.length > MAX_DOMAIN || !isHostName(domain)) return undefined;
  // The one place where the brand is given, after all its checks.
  return { address: value } as MailAddress;
}

/** As a log may show it (LOG-2): the first character and the domain. */
export function maskMailAddress({ address }: MailAddress): string {
  return `${address.charAt(0)}***${address.slice(address.lastIndexOf("@"))}`;
}

/** For settings: the address mail is sent from. */
export const mailAddress: ValueKind<MailAddress> = {
  expected: "one plain mail address such as noreply@example.com",
  parse: parseMailAddress,
};

/** Whether this is a name of the DNS and no address: RFC 1035 labels. */
export function isHostName(domain: string): boolean {
  const labels = domain.split(".");
  // A last label of digits alone is an IPv4 address in disguise, which mail servers write in brackets.
  return labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? "");
}
