// Checks an email address and a password against our own users: what the `local` connector is handed.
import type { Identity, LoginOutcome } from "@dex/connectors";
import { describeError, type Logger, sha256 } from "@dex/runtime";
import { decideGuess, decideThrottle, type ThrottlePolicy } from "./attempt-throttle.ts";
import { canonicalEmail } from "./email-address.ts";
import { DUMMY_HASH, needsUpgrade } from "./password-hash.ts";
import { HasherBusy, type PasswordHasher } from "./password-hasher.ts";
import type { Passwords, User } from "./user.ts";

export interface PasswordSignInInput {
  readonly connectorId: string;
  readonly login: string;
  readonly password: string;
  /** The peer's address, or what stands for it. */
  readonly source: string;
  readonly now: Date;
}
export type PasswordSignIn = (input: PasswordSignInInput) => Promise<LoginOutcome>;

/** An id that no user has: ours are of version 4. */
const NOBODY = "00000000-0000-0000-0000-000000000000";

/**
 * Makes the check. An unknown address, a wrong password, a disabled user and an account that was guessed at too often give one
 * and the same outcome after the same work (ACC-1); the reason is in `detail`, for the log. The attempt is counted before
 * anything is evaluated (ACC-5). A wrong guess is counted when it was evaluated, and only then: what is throttled tells its
 * sender nothing, and an outsider could otherwise stop an account with a hundred fast requests.
 */
export function makePasswordSignIn(parts: {
  readonly passwords: Passwords;
  readonly hasher: PasswordHasher;
  readonly logger: Logger;
  readonly policy: ThrottlePolicy;
}): PasswordSignIn {
  const { passwords, hasher, logger, policy } = parts;

  /** After the answer, and only if nobody changed the password meanwhile. Losing it costs one more try next time. */
  function upgradeLater(user: User, password: string, oldHash: string): void {
    hasher
      .hash(password)
      .then((newHash) => passwords.upgradeHash(user.id, oldHash, newHash))
      .catch((error: unknown) => {
        if (error instanceof HasherBusy) return;
        logger.warn("password hash not upgraded", { userId: user.id, ...describeError(error) });
      });
  }

  return async ({ connectorId, login, password, source, now }) => {
    const email = canonicalEmail(login);
    const attempt = await passwords.beginAttempt(email ?? keyOfNoAddress(login), source, policy.windowSeconds, now);
    const throttle = decideThrottle(attempt, policy, now);
    if (throttle.kind === "throttled") return throttle;
    const candidate = email === undefined ? undefined : attempt.candidate;
    let matches: boolean;
    try {
      matches = await hasher.verify(password, candidate?.passwordHash ?? DUMMY_HASH);
    } catch (error) {
      if (error instanceof HasherBusy) return { kind: "busy", retryAfterSeconds: error.retryAfterSeconds };
      throw error;
    }
    const guess = decideGuess(candidate, matches, policy);
    if (guess.kind === "refused") {
      // ACC-1: every refusal waits for the same statement, once. Where it finds nobody it writes nothing, and where it writes it
      // does not wait for the disk, so the answer's time is that of the round trip either way.
      await passwords.countWrongGuess(guess.counted ?? NOBODY);
      return { kind: "refused", reason: "invalid credentials", detail: guess.detail };
    }
    const { user, passwordHash } = guess.candidate;
    if (needsUpgrade(passwordHash)) upgradeLater(user, password, passwordHash);
    return { kind: "identity", identity: toLocalIdentity(user, connectorId, now) };
  };
}

/** The identity of one of our own users: its id is ours, and so is the word about the address. */
function toLocalIdentity(user: User, connectorId: string, now: Date): Identity {
  return {
    connectorId,
    remoteId: user.id,
    email: user.email,
    emailVerified: user.emailVerified,
    displayName: user.displayName,
    preferredUsername: undefined,
    groups: undefined,
    authTime: now,
    amr: ["pwd"],
  };
}

/** Text that is no address is counted too, under a name no address can have, of bounded length, without the text. */
function keyOfNoAddress(login: string): string {
  return `no address ${sha256(login).toString("hex")}`;
}
