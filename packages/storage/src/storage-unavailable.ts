import pg from "pg";

/**
 * The database cannot be reached, is overloaded, read-only or too slow. The work may be tried again later; whether a
 * write that failed this way took effect is unknown. The cause is kept.
 */
export class StorageUnavailable extends Error {
  override readonly name = "StorageUnavailable";
  constructor(cause: unknown) {
    super("the database is unavailable", { cause });
  }
}

// Classes and codes of PostgreSQL's appendix A.
const UNAVAILABLE_CLASS = new Set([
  "08", // connection exception
  "53", // insufficient resources: connections, disk, memory
  "58", // system error, such as a failing disk
]);
const UNAVAILABLE_CODE = new Set([
  "25006", // read-only: the primary has become a standby
  "25P03", // idle in transaction for too long
  "55P03", // a lock was not to be had in time
  "57014", // statement timeout
  "57P01", // the server is shutting down
  "57P02", // the server has crashed
  "57P03", // the server is starting up
  "57P05", // idle session for too long
  "40001", // still in conflict after all retries
  "40P01",
]);
// What pg and pg-pool say in words alone.
const UNAVAILABLE_MESSAGE =
  /^(timeout exceeded when trying to connect|Connection terminated|Query read timeout|timeout expired|Client has encountered a connection error|Client was closed|The server does not support SSL|Cannot use a pool after)/;

/** Whether the failure is the connection's or the server's rather than the statement's. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof StorageUnavailable) return true;
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? "";
    return UNAVAILABLE_CLASS.has(code.slice(0, 2)) || UNAVAILABLE_CODE.has(code);
  }
  if (!(error instanceof Error)) return false;
  return UNAVAILABLE_MESSAGE.test(error.message) || isSocketError(error);
}

/** The SQLSTATE of an error that the server reported, else undefined. */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** Node's own errors of sockets and name resolution: ECONNREFUSED, ETIMEDOUT, ENOTFOUND and the like. */
function isSocketError(error: Error): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof code === "string" && (syscall !== undefined || /^E[A-Z_]+$/.test(code)) && !code.startsWith("ERR_");
}
