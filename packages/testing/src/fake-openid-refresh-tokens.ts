import { randomBytes } from "node:crypto";

interface IssuedRefreshToken {
  readonly sub: string;
  readonly scope: string;
  readonly family: string;
}

/** Refresh tokens that are used once; the reuse of one ends all that came of the same sign-in (RFC 9700 §4.14.2). */
export interface FakeRefreshTokens {
  issue(sub: string, scope: string): string;
  /** Undefined for one that is unknown, used or ended. */
  rotate(token: string): { readonly sub: string; readonly scope: string; readonly token: string } | undefined;
}

export function makeFakeRefreshTokens(): FakeRefreshTokens {
  const live = new Map<string, IssuedRefreshToken>();
  const used = new Map<string, IssuedRefreshToken>();
  const newToken = () => randomBytes(24).toString("base64url");
  return {
    issue(sub, scope) {
      const token = newToken();
      live.set(token, { sub, scope, family: token });
      return token;
    },
    rotate(token) {
      const replayed = used.get(token);
      if (replayed !== undefined) {
        for (const [other, { family }] of live) if (family === replayed.family) live.delete(other);
      }
      const issued = live.get(token);
      if (issued === undefined) return undefined;
      live.delete(token);
      used.set(token, issued);
      const next = newToken();
      live.set(next, issued);
      return { sub: issued.sub, scope: issued.scope, token: next };
    },
  };
}
