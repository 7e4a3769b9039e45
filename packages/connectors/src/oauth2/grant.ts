// What a login leaves behind, so that the person can be read again when a client refreshes. Pure.
import * as z from "zod";
import type { UpstreamGrant } from "../connector.ts";
import type { ReceivedTokens } from "./token-answer.ts";

const grantSchema = z.object({
  accessToken: z.string().regex(/^[\x21-\x7e]{1,8192}$/),
  refreshToken: z
    .string()
    .regex(/^[\x20-\x7e]{1,4096}$/)
    .exactOptional(),
  expiresAt: z.iso.datetime().exactOptional(),
});
export type OAuth2Grant = z.infer<typeof grantSchema>;

/** A token is not used in its last moments: it may be too old by the time it arrives. */
const EARLY_MILLISECONDS = 10_000;

/** Undefined for what is no grant of ours. */
export function parseGrant(grant: UpstreamGrant): OAuth2Grant | undefined {
  const parsed = grantSchema.safeParse(grant);
  return parsed.success ? parsed.data : undefined;
}

/** What to keep of received tokens. A server that sends no new refresh token means the old one, RFC 6749 §6. */
export function toGrant(received: ReceivedTokens, oldRefreshToken: string | undefined, now: Date): OAuth2Grant {
  const refreshToken = received.refreshToken ?? oldRefreshToken;
  const { accessToken, expiresInSeconds: seconds } = received;
  return {
    accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(seconds === undefined ? {} : { expiresAt: new Date(now.getTime() + seconds * 1000).toISOString() }),
  };
}

/** Without an expiry, never: what an older build stored has none. */
export function hasExpired({ expiresAt }: OAuth2Grant, now: Date): boolean {
  return expiresAt !== undefined && new Date(expiresAt).getTime() - EARLY_MILLISECONDS <= now.getTime();
}
