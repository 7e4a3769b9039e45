// Access tokens are opaque to clients: sealed, so that checking one needs no row, and naming the family, so that one row
// ends them all.
import { addSeconds, decodeBase64Url, type JsonObject, type Random, type Sealer, toEpochSeconds } from "@dex/runtime";
import { parseScope } from "../scope.ts";
import type { Confirmation } from "./confirmation.ts";

const PREFIX = "dxa_";
const CONTEXT = "access token";
const MAX_LENGTH = 4096;

/** What an access token says to ourselves. */
export interface AccessToken {
  readonly familyId: string;
  readonly clientId: string;
  /** Undefined of a JWT, which tells only what its client calls the person. */
  readonly userId: string | undefined;
  readonly scope: readonly string[];
  readonly expiresAt: Date;
  /** Undefined of a token that a worker of before issued. */
  readonly issuedAt?: Date | undefined;
  /** The key that its bearer must have; undefined for a bearer token. */
  readonly confirmation?: Confirmation | undefined;
  /** Who takes it; undefined: ourselves, and the clients that its scope names. */
  readonly audience?: readonly string[] | undefined;
  /** Places in the authorizationDetails of the grant's terms: of a sealed token. */
  readonly details?: readonly number[] | undefined;
  /** The same written out: of a JWT. */
  readonly authorizationDetails?: readonly JsonObject[] | undefined;
  /** Names this one token. */
  readonly id: string;
}

/** Opens access tokens: all that a protected resource needs. */
export interface AccessTokenOpener {
  /** The token, or undefined when it was not issued by us, was altered, or has expired at `now` (JWT-11, TOK-13). */
  open(text: string, now: Date): AccessToken | undefined;
}

export interface AccessTokens extends AccessTokenOpener {
  issue(
    input: Omit<AccessToken, "id" | "expiresAt" | "issuedAt" | "authorizationDetails"> & { readonly userId: string },
    lifetimeSeconds: number,
    now: Date,
  ): string;
}

export function makeAccessTokens(parts: { sealer: Sealer; random: Random }): AccessTokens {
  const { sealer, random } = parts;
  return {
    issue(token, lifetimeSeconds, now) {
      const { familyId, clientId, userId, scope, confirmation, audience, details = [] } = token;
      const exp = toEpochSeconds(addSeconds(now, lifetimeSeconds));
      const jti = random(12).toString("base64url");
      const plaintext = JSON.stringify([
        familyId,
        clientId,
        userId,
        scope.join(" "),
        exp,
        jti,
        confirmation,
        toEpochSeconds(now),
        // Of a token for ourselves it has no such end, and a worker of before reads it as ever.
        ...(audience === undefined ? [] : [audience, details]),
      ]);
      return PREFIX + sealer.seal(Buffer.from(plaintext), CONTEXT).toString("base64url");
    },
    ...makeAccessTokenOpener(sealer),
  };
}

export function makeAccessTokenOpener(sealer: Sealer): AccessTokenOpener {
  return {
    open(text, now) {
      if (!text.startsWith(PREFIX) || text.length > MAX_LENGTH) return undefined;
      const sealed = decodeBase64Url(text.slice(PREFIX.length));
      const plaintext = sealed === undefined ? undefined : sealer.open(sealed, CONTEXT)?.plaintext;
      const token = plaintext === undefined ? undefined : parseAccessToken(plaintext);
      return token === undefined || token.expiresAt <= now ? undefined : token;
    },
  };
}

function parseAccessToken(plaintext: Buffer): AccessToken | undefined {
  const members: unknown = JSON.parse(plaintext.toString()); // only we can seal, so this is JSON
  if (!Array.isArray(members)) return undefined;
  const [familyId, clientId, userId, scope, exp, id, bound, iat, aud, details]: unknown[] = members;
  if (typeof familyId !== "string" || typeof clientId !== "string" || typeof userId !== "string") return undefined;
  if (typeof scope !== "string" || typeof exp !== "number" || typeof id !== "string") return undefined;
  const issuedAt = typeof iat === "number" ? new Date(iat * 1000) : undefined;
  const token = {
    ...{ familyId, clientId, userId, scope: parseScope(scope), expiresAt: new Date(exp * 1000), issuedAt, id },
    ...(Array.isArray(aud) && Array.isArray(details)
      ? { audience: aud.map(String), details: details.map(Number) }
      : {}),
  };
  return typeof bound === "object" && bound !== null ? { ...token, confirmation: bound } : token;
}
