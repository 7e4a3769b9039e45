import { sha256 } from "@dex/runtime";

const SID_BYTES = 16;

/**
 * The `sid` of a session, OIDC Front-Channel Logout §3: what clients may know of it. Made of the stored hash, which is itself
 * the hash of what the browser holds, so it stays the same for the life of the session, travels wherever the hash does, and
 * leads back to neither.
 */
export function sidOf(sessionHash: Buffer): string {
  return sha256(Buffer.concat([Buffer.from("sid\0"), sessionHash]))
    .subarray(0, SID_BYTES)
    .toString("base64url");
}
