/** What the protocol alone forces: measured on a bare server with the same exchanges, statements and signatures. */
export interface Floor {
  /** Microseconds of processor time, of the server and of Postgres. Without the hashing of passwords. */
  readonly server: number;
  readonly database: number;
  readonly statements: number;
  /** Transactions that write. */
  readonly commits: number;
}

/** Medians of a 2-core machine (Node 24, PostgreSQL 18). Ratios mean most on a machine like it. */
export const FLOORS = {
  published: { server: 29, database: 0, statements: 0, commits: 0 },
  clientCredentialsRs256: { server: 410, database: 0, statements: 0, commits: 0 },
  clientCredentialsEs256: { server: 164, database: 0, statements: 0, commits: 0 },
  signInWithSession: { server: 620, database: 420, statements: 2, commits: 2 },
  signInWithPassword: { server: 770, database: 470, statements: 3, commits: 2 },
  refresh: { server: 470, database: 250, statements: 1, commits: 1 },
  userinfo: { server: 95, database: 60, statements: 1, commits: 0 },
} as const satisfies Record<string, Floor>;
