import { toEpochSeconds } from "@dex/runtime";
import { OAuthError, type OAuthErrorCode } from "../errors.ts";
import type { Clients, OwnTokenVerifier } from "../ports.ts";
import { sectorOf } from "../tokens/subject.ts";
import { MAX_ID_TOKEN_HINT_LENGTH } from "./authorization-parameters.ts";
import { single } from "./parameters.ts";

/** How far ahead of ours the clock of whoever issued a token may be. */
const CLOCK_TOLERANCE_SECONDS = 60;

/** Whom the hint names, and the sector that it was named so for; nobody where there is none. */
export type IdTokenHint =
  | { readonly kind: "read"; readonly userId: string | undefined; readonly sector: string | undefined }
  | { readonly kind: "refused"; readonly error: OAuthError };

/**
 * OIDC Core §3.1.2.1: our signature is needed, not an unexpired token, and any client of ours may be its audience. The hint only
 * narrows who may be signed in (AUT-6). Its subject is the name that its own client knows.
 */
export async function readIdTokenHint(
  params: URLSearchParams,
  { clients, issuer, idTokens, now }: { clients: Clients; issuer: string; idTokens: OwnTokenVerifier; now: Date },
): Promise<IdTokenHint> {
  const hint = single(params, "id_token_hint");
  if (hint === undefined) return { kind: "read", userId: undefined, sector: undefined };
  const claims = hint.length > MAX_ID_TOKEN_HINT_LENGTH ? undefined : await idTokens.verify(hint, "JWT");
  const userId = claims === undefined ? undefined : subjectOfHint(claims, issuer, now);
  if (userId !== undefined) {
    const hinted = await clients.find(clientOfHint(claims ?? {}));
    return { kind: "read", userId, sector: hinted && sectorOf(hinted) };
  }
  const code: OAuthErrorCode = single(params, "prompt") === "none" ? "login_required" : "invalid_request";
  return { kind: "refused", error: new OAuthError(code, "id_token_hint is not an ID token of this issuer") };
}

/** OIDC Core §2: with several audiences azp names the client that the token was made for. */
function clientOfHint({ aud, azp }: Readonly<Record<string, unknown>>): string {
  if (typeof azp === "string") return azp;
  return typeof aud === "string" ? aud : "";
}

function subjectOfHint(claims: Readonly<Record<string, unknown>>, issuer: string, now: Date): string | undefined {
  const { iss, sub, iat } = claims;
  if (iss !== issuer || typeof sub !== "string" || sub === "" || typeof iat !== "number") return undefined;
  return iat > toEpochSeconds(now) + CLOCK_TOLERANCE_SECONDS ? undefined : sub;
}
