/** How long a browser stays signed in. */
export interface SessionLimits {
  /** Without any use. */
  readonly idleSeconds: number;
  /** Whatever its use. */
  readonly absoluteSeconds: number;
  /** For who asks to be kept signed in; left out where nobody can. */
  readonly remembered?: RememberedLimits | undefined;
}

export interface RememberedLimits {
  /** Used or not. */
  readonly seconds: number;
  /** Whether those are kept signed in who were not asked, since they came through a connector without a form of ours. */
  readonly byDefault: boolean;
}

export const DEFAULT_SESSION_LIMITS: SessionLimits = { idleSeconds: 3600, absoluteSeconds: 43_200 };

/** What holds for one session. */
export interface ChosenLimits {
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
  /** Undefined: the browser forgets it when it is closed. */
  readonly cookieSeconds: number | undefined;
}

/** The limits of a session whose person wants to be kept signed in, or not, or was not asked. */
export function limitsFor(limits: SessionLimits, remember: boolean | undefined): ChosenLimits {
  const { idleSeconds, absoluteSeconds, remembered } = limits;
  if (remembered === undefined) return { idleSeconds, absoluteSeconds, cookieSeconds: absoluteSeconds };
  if (!(remember ?? remembered.byDefault)) return { idleSeconds, absoluteSeconds, cookieSeconds: undefined };
  const { seconds } = remembered;
  return { idleSeconds: seconds, absoluteSeconds: seconds, cookieSeconds: seconds };
}
