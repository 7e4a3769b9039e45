import { addSeconds } from "@dex/runtime";
import type { Candidate, PasswordAttempt, Passwords } from "@dex/users";
import { attemptKey, countingUpsert } from "./attempts.ts";
import { type Database, hot } from "./database.ts";
import type { RedisAttempts } from "./redis-attempts.ts";
import { ASYNCHRONOUS_COMMIT } from "./sign-ins.ts";
import { isStorable } from "./stored-text.ts";
import { toUser, USER_COLUMNS, type UserRow } from "./users.ts";

const CANDIDATE = `SELECT ${USER_COLUMNS}, p.hash, p.wrong_guesses FROM app_user u JOIN password p ON p.user_id = u.id`;

// The account comes before the source in every statement, so that no two of them wait for each other in a circle.
const BEGIN_ATTEMPT = hot(
  "password.beginAttempt",
  `WITH counted AS (
    ${countingUpsert("($1::bytea, 1, $3::timestamptz), ($2::bytea, 1, $3)", "$4::timestamptz")}
  )
  SELECT
    (SELECT attempts FROM counted WHERE key = $1) AS account_attempts,
    (SELECT attempts FROM counted WHERE key = $2) AS source_attempts,
    (SELECT max(window_ends_at) FROM counted) AS window_ends_at,
    candidate.*
  FROM (VALUES (1)) AS one
  LEFT JOIN (${CANDIDATE}) AS candidate ON candidate.email = $5`,
);

const FIND_CANDIDATE = hot("password.findCandidate", `${CANDIDATE} WHERE u.email = $1`);

/**
 * Takes no lock but that of the one row, and for this statement alone: it can wait in no circle. Not waited for on disk, so
 * that counting takes no longer than finding nobody to count for; a crash may forget the guesses of the past half second.
 */
const COUNT_WRONG_GUESS = hot(
  "password.countWrongGuess",
  `UPDATE password SET wrong_guesses = wrong_guesses + 1 WHERE user_id = $1 RETURNING ${ASYNCHRONOUS_COMMIT}`,
);

type CandidateRow = UserRow & { readonly hash: string; readonly wrong_guesses: number };
type AttemptRow = { readonly [column in keyof CandidateRow]: CandidateRow[column] | null } & {
  readonly account_attempts: number;
  readonly source_attempts: number;
  readonly window_ends_at: Date;
};

/** Passwords. Attempts are counted in Redis where it answers, else in the statement that reads the candidate. */
export function makePasswordStore(db: Database, redis: RedisAttempts | undefined): Passwords {
  async function inRedis(redisAttempts: RedisAttempts, ...[email, source, windowSeconds, now]: BeginAttempt) {
    const [account, from] = await Promise.all([
      redisAttempts.count(attemptKey("account", email), windowSeconds, now),
      redisAttempts.count(attemptKey("source", source), windowSeconds, now),
    ]);
    if (account === undefined || from === undefined) return undefined;
    const [row] = isStorable(email) ? await db.run<CandidateRow>(FIND_CANDIDATE, [email]) : [];
    return {
      accountAttempts: account.attempts,
      sourceAttempts: from.attempts,
      windowEndsAt: new Date(Math.max(account.windowEndsAt.getTime(), from.windowEndsAt.getTime())),
      candidate: row === undefined ? undefined : toCandidate(row),
    };
  }

  async function inDatabase(...[email, source, windowSeconds, now]: BeginAttempt): Promise<PasswordAttempt> {
    const [row] = await db.run<AttemptRow>(BEGIN_ATTEMPT, [
      attemptKey("account", email),
      attemptKey("source", source),
      addSeconds(now, windowSeconds),
      now,
      isStorable(email) ? email : null,
    ]);
    if (row === undefined) throw new Error("counting a password attempt returned no row");
    return {
      accountAttempts: row.account_attempts,
      sourceAttempts: row.source_attempts,
      windowEndsAt: row.window_ends_at,
      candidate: isCandidate(row) ? toCandidate(row) : undefined,
    };
  }

  return {
    async beginAttempt(...attempt) {
      const counted = redis === undefined ? undefined : await inRedis(redis, ...attempt);
      return counted ?? inDatabase(...attempt);
    },
    async countWrongGuess(userId) {
      await db.run(COUNT_WRONG_GUESS, [userId]);
    },
    async upgradeHash(userId, oldHash, newHash) {
      const unchanged = db.sql("password").where({ user_id: userId, hash: oldHash });
      await db.query("password.upgradeHash", unchanged.update({ hash: newHash, wrong_guesses: 0 }));
    },
  };
}

type BeginAttempt = Parameters<Passwords["beginAttempt"]>;

function toCandidate(row: CandidateRow): Candidate {
  return { user: toUser(row), passwordHash: row.hash, wrongGuesses: row.wrong_guesses };
}

/** The outer join gives all of the candidate or nothing of it. */
function isCandidate(row: AttemptRow): row is AttemptRow & CandidateRow {
  return row.id !== null;
}
