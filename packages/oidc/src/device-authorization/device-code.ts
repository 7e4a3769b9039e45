import { decodeBase64Url, type Random, sha256 } from "@dex/runtime";

/** RFC 8628 §3.4 */
export const DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
/** How long a device waits for its person. */
export const DEVICE_CODE_SECONDS = 600;
/** Between two polls, RFC 8628 §3.5: what a device is told, and by how much it grows whenever one comes too early. */
export const POLL_INTERVAL_SECONDS = 5;

const PREFIX = "dxd_";
const RANDOM_BYTES = 32;

/** A new device code, 256 random bits: `value` goes to the device, `hash` is stored. */
export function newDeviceCode(random: Random): { readonly value: string; readonly hash: Buffer } {
  const value = PREFIX + random(RANDOM_BYTES).toString("base64url");
  return { value, hash: sha256(value) };
}

/** The stored hash of a device code, or undefined when the text is none of ours (AUT-15). */
export function hashOfDeviceCode(text: string): Buffer | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  return decodeBase64Url(text.slice(PREFIX.length))?.length === RANDOM_BYTES ? sha256(text) : undefined;
}
