import type { Clock, Logger, Random, Secret } from "@dex/runtime";
import { migrate, openStorage, StorageUnavailable } from "@dex/storage";
import { makePasswordHasher } from "@dex/users";
import { Failure } from "../failure.ts";
import type { DatabaseManagement } from "../management.ts";
import { makeDatabaseManagement } from "./database.ts";

/**
 * Opens the database, runs `work` on it and closes it. A database that cannot be reached, refuses us or lacks its schema
 * becomes a Failure that names host and port, never user or password.
 */
export async function withDatabaseManagement<T>(
  parts: { url: Secret<string>; logger: Logger; clock: Clock; random: Random },
  work: (management: DatabaseManagement) => Promise<T>,
): Promise<T> {
  const { url, logger, clock, random } = parts;
  const place = placeOf(url);
  logger.debug("opening the database", { place });
  const storage = openStorage({
    url,
    maxConnections: 2,
    applicationName: "dexctl",
    // A command runs each statement once, and the way to the database may lead through a pooler.
    namedStatements: false,
    logger,
  });
  // Starts no thread before the first hash.
  const hasher = makePasswordHasher({ random });
  try {
    await storage.ping();
    return await work(
      makeDatabaseManagement({ stores: storage, migrate: () => migrate({ url, logger }), hasher, clock, random }),
    );
  } catch (error) {
    throw explain(error, place);
  } finally {
    await Promise.all([storage.close(), hasher.close()]);
  }
}

/** Host and port, never user or password. */
export function placeOf(url: Secret<string>): string {
  const { hostname, port } = new URL(url.reveal());
  return hostname === "" ? "its local socket" : `${hostname}:${port === "" ? "5432" : port}`;
}

/** What a person can do about an error of the database, by its SQLSTATE (PostgreSQL, appendix A) or system code. */
const REMEDIES: Readonly<Record<string, string>> = {
  "28000": "refuses this user: check the user name and what pg_hba.conf allows",
  "28P01": "refuses this user name with this password: check both",
  "3D000": "has no database of this name: create it first",
  "42501": "does not allow this user to do that: grant it, or use the schema's owner",
  "42P01": "lacks dex's schema, or has an older one: run dexctl migrate first",
  "42703": "lacks dex's schema, or has an older one: run dexctl migrate first",
};
const CONNECTION_PROBLEMS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused; is Postgres running there?",
  ENOENT: "there is no such socket; is Postgres running there?",
  ENOTFOUND: "the host name is unknown",
  EAI_AGAIN: "the host name could not be resolved",
  EHOSTUNREACH: "there is no way to this host",
  ENETUNREACH: "there is no way to this network",
};

/** What a person can do about it, as a Failure; the error itself where it is not the database's. */
export function explain(error: unknown, place: string): unknown {
  if (error instanceof Failure) return error;
  const code = findCode(error);
  const remedy = code === undefined ? undefined : REMEDIES[code];
  if (remedy !== undefined) return new Failure("refused", `the database at ${place} ${remedy}`, { cause: error });
  const problem = code === undefined ? undefined : CONNECTION_PROBLEMS[code];
  if (error instanceof StorageUnavailable || problem !== undefined) {
    const why = problem ?? `no answer in time${suffix(code)}`;
    return new Failure("refused", `cannot reach the database at ${place}: ${why}`, { cause: error });
  }
  // The server's own words may hold values, so only the code is told.
  if (code !== undefined) {
    return new Failure("refused", `the database at ${place} could not do it${suffix(code)}`, { cause: error });
  }
  return error;
}

function suffix(code: string | undefined): string {
  return code === undefined ? "" : ` (${code})`;
}

// Wrapped errors keep their cause; a host with several addresses has one error for each.
function findCode(error: unknown): string | undefined {
  for (let cause: unknown = error, depth = 0; cause instanceof Error && depth < 8; depth++) {
    const code: unknown = "code" in cause ? cause.code : undefined;
    if (typeof code === "string") return code;
    cause = cause instanceof AggregateError ? cause.errors[0] : cause.cause;
  }
  return undefined;
}
