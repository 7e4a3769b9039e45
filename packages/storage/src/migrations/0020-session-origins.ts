// Running processes notice nothing: a column with a default. Of sessions that a worker of before opens nobody knows for which
// client they were begun, so they are shared as the deployment says for such.
import type { Knex } from "knex";

/** `proved_for` are the clients that people proved themselves for in this session, the last one last. */
const SESSIONS = `ALTER TABLE session ADD COLUMN proved_for text[] NOT NULL DEFAULT '{}'`;

/** Sign-ins that count for the clients they were made for, and those these share with. */
export const sessionOrigins = {
  name: "0020-session-origins",
  async up(db: Knex): Promise<void> {
    await db.raw(SESSIONS);
  },
};
