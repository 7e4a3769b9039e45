// The secrets of one client: that which it was made with, and those that were added since. RFC 7591 §3.2.1.
import type { Client, ClientSecret } from "./client.ts";

/** What the secret is called that a client was made with. */
export const FIRST_SECRET = "first";

/** Two, so that one can be replaced while it works; a third would be one that nobody looks after. */
export const MAX_SECRETS = 2;

/** All secrets that are kept of a client, oldest first, expired ones among them. */
export function secretsOf(client: Client): readonly ClientSecret[] {
  const { secret: hash, firstSecret: first, addedSecrets = [], createdAt } = client;
  if (hash === undefined) return addedSecrets;
  return [
    {
      id: FIRST_SECRET,
      hash,
      sealed: first?.sealed,
      createdAt: first?.createdAt ?? createdAt,
      expiresAt: first?.expiresAt,
    },
    ...addedSecrets,
  ];
}

/** Those that prove something at `now`. */
export function liveSecretsOf(client: Client, now: Date): readonly ClientSecret[] {
  return secretsOf(client).filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
}
