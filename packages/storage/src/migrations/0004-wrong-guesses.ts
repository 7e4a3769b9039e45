// Running processes notice nothing: a new column that fills itself. A worker of before neither counts nor stops.
import type { Knex } from "knex";

/**
 * How many wrong passwords in a row were evaluated since the last right one or the last new one. Beside the hash and not in
 * attempt_count: that table is unlogged and its windows end, in Redis too, but this count has to outlive windows, crashes and
 * Redis (NIST SP 800-63B-4 §3.2.2, ACC-3). No index has it, so counting rewrites none.
 */
const WRONG_GUESSES = `
ALTER TABLE password ADD COLUMN wrong_guesses integer NOT NULL DEFAULT 0;
`;

/** An account that was guessed at too often takes no password until its owner sets a new one. */
export const wrongGuesses = {
  name: "0004-wrong-guesses",
  async up(db: Knex): Promise<void> {
    await db.raw(WRONG_GUESSES);
  },
};
