// The checklist of dex v1's behaviour, item by item, and which of them dex does otherwise on purpose.

/** Group of items -> how many it has; they are numbered from 1 with two digits. */
export const ITEM_GROUPS: Readonly<Record<string, { readonly count: number; readonly title: string }>> = {
  F: { count: 18, title: "Flags, forms and ciphers" },
  K: { count: 23, title: "Signing keys" },
  C: { count: 20, title: "Clients" },
  S: { count: 13, title: "Login sessions and codes" },
  A: { count: 18, title: "Authorization endpoint" },
  L: { count: 11, title: "Sign-in decisions" },
  T: { count: 24, title: "Token endpoint" },
  R: { count: 5, title: "Refresh tokens as stored" },
  D: { count: 4, title: "Discovery and errors" },
  G: { count: 4, title: "Dynamic client registration" },
  P: { count: 11, title: "Registration page" },
  V: { count: 8, title: "Email verification" },
  W: { count: 14, title: "Password reset" },
  I: { count: 4, title: "Invitation" },
  U: { count: 19, title: "Users and passwords" },
  X: { count: 13, title: "Worker API" },
  M: { count: 10, title: "Admin API" },
  N: { count: 12, title: "Connectors" },
  E: { count: 5, title: "Email" },
  B: { count: 6, title: "Database and dexctl" },
};

/** Item -> what is different and why. A test holds what dex does instead, or the reason says why there is nothing to hold. */
export const CHANGED: Readonly<Record<string, string>> = {
  F04: "an empty list of secrets is refused: a process without a secret could not start, and the mistake is named sooner",
  F13: "AES-CBC is gone: seals are AES-256-GCM only, which detects any change",
  F14: "AES-CBC is gone: seals are AES-256-GCM only, which detects any change",
  F16: "answers are values of the type Json, so one that cannot be written does not compile",
  K04: "a set has no expiry: each key lives by its own times, and the last active key goes on signing without an overlord",
  K08: "a replaced key stays published until the last token it signed has expired, however many that are",
  K10: "a key signs for a whole period, not for half of one: the next key is published ahead instead",
  K12: "a key dated ahead by a wrong clock is replaced at the next chance, not trusted for longer",
  K16: "a set has no expiry, see K04",
  K22: "max-age is fixed and short, with an ETag, since keys are published ahead; there is no Expires",
};

/** Changed items for which nothing is left that a test could hold. */
export const NOTHING_TO_HOLD: ReadonlySet<string> = new Set(["F13", "F14", "F16"]);
