import { type Database, hot } from "./database.ts";

/** Numbers that grow with every change of what they name. */
export interface ChangeVersions {
  readonly clients: number;
  readonly connectors: number;
  readonly keys: number;
  readonly resources: number;
}

export interface Changes {
  /** The database's clock and the versions, in one cheap statement. */
  read(): Promise<{ readonly now: Date; readonly versions: ChangeVersions }>;
}

// double precision holds every version exactly up to 2^53; bigint would come as text.
const READ = hot(
  "changes.read",
  `SELECT clock_timestamp() AS now,
    max(version) FILTER (WHERE name = 'clients')::double precision AS clients,
    max(version) FILTER (WHERE name = 'connectors')::double precision AS connectors,
    max(version) FILTER (WHERE name = 'keys')::double precision AS keys,
    max(version) FILTER (WHERE name = 'resources')::double precision AS resources
  FROM change_version`,
);

/** What workers poll to learn that a cached value is old. */
export function makeChanges(db: Database): Changes {
  return {
    async read() {
      const [row] = await db.run<ChangeVersions & { readonly now: Date }>(READ);
      if (row === undefined) throw new Error("reading change versions returned no row");
      const { now, clients, connectors, keys, resources } = row;
      return { now, versions: { clients, connectors, keys, resources } };
    },
  };
}
