/** How long a browser stays signed in. */
export interface SessionLimits {
  /** Without any use. */
  readonly idleSeconds: number;
  /** Whatever its use. */
  readonly absoluteSeconds: number;
}

export const DEFAULT_SESSION_LIMITS: SessionLimits = { idleSeconds: 3600, absoluteSeconds: 43_200 };
