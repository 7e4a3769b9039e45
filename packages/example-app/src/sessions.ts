import { createHash } from "node:crypto";

/** What the app learned when somebody signed in. */
export interface SignedIn {
  /** The claims of the ID token, whose signature, issuer, audience, times and nonce were checked. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly userinfo: Readonly<Record<string, unknown>> | undefined;
  readonly scope: string | undefined;
  readonly refreshToken: string | undefined;
  readonly refreshes: number;
}

/** A sign-in under way: what its callback is checked against. */
export interface Pending {
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** One browser. */
export interface Session {
  /** By `state`, so that several tabs can sign in at once. */
  readonly pending: Map<string, Pending>;
  signedIn: SignedIn | undefined;
  /** Told once, on the next page. */
  notice: string | undefined;
  /** The refresh under way, so that a double click spends the refresh token once. */
  refreshing: Promise<void> | undefined;
}

const MAX_SESSIONS = 1000;
const MAX_PENDING = 10;

export interface Sessions {
  readonly cookieName: string;
  find(cookieHeader: string | undefined): { id: string; session: Session } | undefined;
  /** A new session; with `from`, that one's content moves there and its id ends. */
  open(from?: { id: string; session: Session }): { id: string; session: Session };
  end(id: string): void;
}

/** Sessions in memory; the oldest ends when there are too many. */
export function makeSessions(
  app: { clientId: string; redirectUrl: URL },
  random: (byteCount: number) => Buffer,
): Sessions {
  const sessions = new Map<string, Session>();
  // Cookies do not tell ports apart: every app on 127.0.0.1 needs a name of its own.
  const who = createHash("sha256").update(`${app.clientId} ${app.redirectUrl.href}`).digest("hex").slice(0, 8);
  const cookieName = `example_app_${who}`;
  const cookie = new RegExp(`(?:^|;\\s*)${cookieName}=([A-Za-z0-9_-]{43})(?:;|$)`);
  return {
    cookieName,
    find(cookieHeader) {
      const id = cookie.exec(cookieHeader ?? "")?.[1];
      const session = id === undefined ? undefined : sessions.get(id);
      return id === undefined || session === undefined ? undefined : { id, session };
    },
    open(from) {
      const id = random(32).toString("base64url");
      const fresh: Session = { pending: new Map(), signedIn: undefined, notice: undefined, refreshing: undefined };
      const session = from?.session ?? fresh;
      if (from !== undefined) sessions.delete(from.id);
      sessions.set(id, session);
      const [oldest] = sessions.keys();
      if (sessions.size > MAX_SESSIONS && oldest !== undefined) sessions.delete(oldest);
      return { id, session };
    },
    end: (id) => void sessions.delete(id),
  };
}

/** Remembers a sign-in that begins; of too many, the oldest is forgotten. */
export function remember(session: Session, state: string, pending: Pending): void {
  session.pending.set(state, pending);
  const [oldest] = session.pending.keys();
  if (session.pending.size > MAX_PENDING && oldest !== undefined) session.pending.delete(oldest);
}
