import type { Database } from "./database.ts";

export interface Installation {
  /** `salt`: 32 random bytes, made once. Nothing that was sealed opens without them and a key secret. */
  read(): Promise<{ readonly salt: Buffer }>;
}

/** What is true of this one dex. */
export function makeInstallation(db: Database): Installation {
  return {
    async read() {
      const [row] = await db.query<{ salt: Buffer }>("installation.read", db.sql("installation").select("salt"));
      if (row === undefined) throw new Error("the database has no installation row: was it migrated?");
      return { salt: row.salt };
    },
  };
}
