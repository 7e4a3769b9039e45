// What a frame of ours compares to notice that another person, or nobody, is signed in: OIDC Session Management 1.0 §3.2. The
// browser holds it in a cookie that scripts of our own origin can read, so it says nothing of the session's id.
import { type Random, sha256 } from "@dex/runtime";

/** Below the issuer: the page of `check_session_iframe`. */
export const CHECK_SESSION_PATH = "/check-session";

const STATE_BYTES = 32;

/** The state of a browser in this session: the same for its whole life, another for every session. */
export function browserStateOf(sessionHash: Buffer): string {
  return stateOf("signed in", sessionHash);
}

/**
 * The state of a browser that still shows the session, which is over. Always the same for one session: a browser that cannot
 * be made to forget it would otherwise change its state with every answer, and applications in two tabs would chase each other.
 */
export function signedOutStateOf(sessionHash: Buffer): string {
  return stateOf("signed out", sessionHash);
}

/** The state of a browser in which nobody has signed in yet. */
export function newBrowserState(random: Random): string {
  return random(STATE_BYTES).toString("base64url");
}

/** Whether what a browser holds can be a state at all. */
export function isBrowserState(text: string): boolean {
  return /^[\w-]{43}$/.test(text);
}

// Like the `sid`, it leads back neither to the stored hash nor to what that is the hash of; nor does either lead to the other.
function stateOf(what: "signed in" | "signed out", sessionHash: Buffer): string {
  return sha256(Buffer.concat([Buffer.from(`browser state, ${what}\0`), sessionHash])).toString("base64url");
}
