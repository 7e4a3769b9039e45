import { type Random, sha256 } from "@dex/runtime";

const SALT_BYTES = 16;

/**
 * The `session_state` of an authorization response, OIDC Session Management 1.0 §2: with it and its own origin an application
 * can ask the frame whether anything has changed, and nobody else can. Undefined where the answer goes to an application that
 * is no web page: one with a scheme of its own has no origin that a frame could tell from another.
 */
export function newSessionState(
  about: { readonly clientId: string; readonly redirectUri: string; readonly browserState: string },
  random: Random,
): string | undefined {
  const url = URL.parse(about.redirectUri);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return undefined;
  const salt = random(SALT_BYTES).toString("base64url");
  return `${hashOf({ ...about, origin: url.origin, salt })}.${salt}`;
}

/** What the frame's script makes of the same (packages/web, check-session-page.ts). */
function hashOf(about: { clientId: string; origin: string; browserState: string; salt: string }): string {
  const { clientId, origin, browserState, salt } = about;
  return sha256(Buffer.from(`${clientId} ${origin} ${browserState} ${salt}`)).toString("base64url");
}
