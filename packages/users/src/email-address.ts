/** RFC 5321 §4.5.3.1: octets of a whole path without its brackets, of a local part, of a domain label. */
const MAX_ADDRESS = 254;
const MAX_LOCAL_PART = 64;
const MAX_LABEL = 63;
/** Enough for an address that normalisation shortens; more is not even looked at. */
const MAX_INPUT = 1024;

// RFC 5322 §3.2.3 dot-atom, lower case. Quoted local parts, comments, groups, address literals and lists are left out on
// purpose: mail software disagrees on them, and a disagreement sends mail to somebody else (ACC-10).
const LOCAL_PART = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/**
 * The one form under which we know an address: trimmed, NFKC, lower case. Undefined when it is not exactly one ASCII
 * address. Two spellings of one address share this form and with it their account and their counters (ACC-3); an
 * address of another alphabet is refused rather than mapped to a look-alike.
 */
export function canonicalEmail(text: string): string | undefined {
  if (text.length > MAX_INPUT) return undefined;
  const address = text.trim().normalize("NFKC").toLowerCase();
  if (address.length > MAX_ADDRESS) return undefined;
  const [localPart, domain, ...rest] = address.split("@");
  if (localPart === undefined || domain === undefined || rest.length > 0) return undefined;
  if (localPart.length > MAX_LOCAL_PART || !LOCAL_PART.test(localPart)) return undefined;
  const labels = domain.split(".");
  return labels.every((label) => label.length <= MAX_LABEL && LABEL.test(label)) ? address : undefined;
}
