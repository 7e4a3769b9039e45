/** How long everything that is issued stays good, in seconds. */
export interface TokenLifetimes {
  readonly codeSeconds: number;
  /** Of a code that a person carries over by hand, from a page of ours to a program. Such a client always needs PKCE. */
  readonly outOfBandCodeSeconds: number;
  readonly accessTokenSeconds: number;
  readonly idTokenSeconds: number;
  /** A refresh token that is not used for this long is dead. */
  readonly refreshIdleSeconds: number;
  /** A token family ends after this long, whatever its use (REF-14). */
  readonly refreshAbsoluteSeconds: number;
  /** For this long a rotated refresh token still gets its successor, for answers lost on the way (REF-3). */
  readonly refreshGraceSeconds: number;
  /** An upstream that can be asked is asked again at a refresh when its last answer is older than this. */
  readonly upstreamRefreshSeconds: number;
}

export const DEFAULT_TOKEN_LIFETIMES: TokenLifetimes = {
  codeSeconds: 60,
  outOfBandCodeSeconds: 300,
  accessTokenSeconds: 600,
  idTokenSeconds: 3600,
  refreshIdleSeconds: 2_592_000,
  refreshAbsoluteSeconds: 7_776_000,
  refreshGraceSeconds: 10,
  upstreamRefreshSeconds: 0,
};

/** What a deployment may not exceed. */
export const MAX_TOKEN_LIFETIMES: TokenLifetimes = {
  codeSeconds: 60,
  outOfBandCodeSeconds: 300,
  accessTokenSeconds: 3600,
  idTokenSeconds: 86_400,
  refreshIdleSeconds: 7_776_000,
  refreshAbsoluteSeconds: 31_536_000,
  refreshGraceSeconds: 60,
  upstreamRefreshSeconds: 86_400,
};

/** What an administrator calls them for one client, in seconds: shorter than the deployment's, or longer up to the caps (P2). */
export const CLIENT_LIFETIMES = {
  access_token_lifetime: "accessTokenSeconds",
  id_token_lifetime: "idTokenSeconds",
  refresh_token_idle_lifetime: "refreshIdleSeconds",
  refresh_token_absolute_lifetime: "refreshAbsoluteSeconds",
  refresh_token_grace: "refreshGraceSeconds",
} as const satisfies Readonly<Record<string, keyof TokenLifetimes>>;
export type ClientLifetimeMember = keyof typeof CLIENT_LIFETIMES;
export const CLIENT_LIFETIME_MEMBERS = Object.keys(CLIENT_LIFETIMES) as readonly ClientLifetimeMember[];

/** The lifetimes for a client with these details. */
export function lifetimesFor(
  { details }: { readonly details: { readonly [Member in ClientLifetimeMember]?: number | undefined } },
  lifetimes: TokenLifetimes,
): TokenLifetimes {
  const chosen = CLIENT_LIFETIME_MEMBERS.map((member) => [CLIENT_LIFETIMES[member], details[member]] as const);
  return { ...lifetimes, ...Object.fromEntries(chosen.filter(([, seconds]) => seconds !== undefined)) };
}

/** How many whole seconds are left until `end`, and never more than `most`. */
export function secondsUntil(end: Date | undefined, most: number, now: Date): number {
  return end === undefined ? most : Math.min(most, Math.floor((end.getTime() - now.getTime()) / 1000));
}

/** From how many to how many seconds a client may have. */
export function rangeOfClientLifetime(member: ClientLifetimeMember): { readonly least: number; readonly most: number } {
  const name = CLIENT_LIFETIMES[member];
  return { least: MAY_BE_ZERO.includes(name) ? 0 : 1, most: MAX_TOKEN_LIFETIMES[name] };
}

const MAY_BE_ZERO: readonly (keyof TokenLifetimes)[] = ["refreshGraceSeconds", "upstreamRefreshSeconds"];

/**
 * The lifetimes with the defaults for what was left out. Throws a RangeError that names the first one that is not a whole
 * number within its cap: a mistake of the configuration, found at start.
 */
export function makeTokenLifetimes(chosen: Partial<TokenLifetimes> = {}): TokenLifetimes {
  const lifetimes = { ...DEFAULT_TOKEN_LIFETIMES, ...chosen };
  for (const name of Object.keys(DEFAULT_TOKEN_LIFETIMES) as (keyof TokenLifetimes)[]) {
    const least = MAY_BE_ZERO.includes(name) ? 0 : 1;
    const [seconds, most] = [lifetimes[name], MAX_TOKEN_LIFETIMES[name]];
    if (!Number.isInteger(seconds) || seconds < least || seconds > most) {
      throw new RangeError(`${name} must be a whole number from ${least} to ${most}, found ${seconds}`);
    }
  }
  return lifetimes;
}
