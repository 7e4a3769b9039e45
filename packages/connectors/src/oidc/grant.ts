// What a login leaves behind, so that the person can be read again when a client refreshes. Pure.
import * as z from "zod";
import type { UpstreamGrant } from "../connector.ts";

const grantSchema = z.object({
  refreshToken: z.string().regex(/^[\x20-\x7e]{1,8192}$/),
  /** Whose userinfo is asked for where a refresh gives no ID token. */
  sub: z.string().min(1).max(255),
  /** Where the upstream tells it once. */
  name: z.string().max(255).exactOptional(),
});
export type OidcGrant = z.infer<typeof grantSchema>;

/** Undefined where the upstream gave no refresh token that can be kept. */
export function toGrant(
  refreshToken: string | undefined,
  sub: string,
  name: string | undefined,
): OidcGrant | undefined {
  const grant = grantSchema.safeParse({ refreshToken, sub, ...(name === undefined ? {} : { name }) });
  return grant.data;
}

/** Undefined for what is no grant of ours. */
export function parseGrant(grant: UpstreamGrant): OidcGrant | undefined {
  return grantSchema.safeParse(grant).data;
}
