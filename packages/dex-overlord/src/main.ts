import {
  closeOnSignal,
  describeError,
  type HttpServer,
  isLoopback,
  type Logger,
  makeFollowingClock,
  makeLogger,
  openHttpServer,
  systemRandom,
} from "@dex/runtime";
import { migrate, openLeadership, openStorage, StorageUnavailable } from "@dex/storage";
import { makePasswordHasher } from "@dex/users";
import { type OverlordConfig, readOverlordConfig } from "./config.ts";
import { waitForDatabase } from "./wait-for-database.ts";
import { type Overlord, wire } from "./wire.ts";

/** Four for the admin API and the jobs; the leader's lock has a connection of its own. */
const DATABASE_CONNECTIONS = 4;

const config = readConfigOrExit();
const logger = makeLogger({ debug: config.logDebug, timestamps: config.logTimestamps });
try {
  await start(config, logger);
} catch (error) {
  fail(error);
}

async function start(settings: OverlordConfig, log: Logger): Promise<void> {
  if (!isLoopback(settings.adminListen)) {
    log.warn("the admin API listens beyond this machine, in plain http", { adminListen: settings.adminListen.href });
  }
  if (settings.insecureFastKeyRotation)
    log.warn("--insecure-fast-key-rotation is set: keys live too short for real use");
  const url = settings.dbUrl;
  const storage = openStorage({
    url,
    maxConnections: DATABASE_CONNECTIONS,
    applicationName: "dex-overlord",
    namedStatements: true,
    logger: log,
  });
  const hasher = makePasswordHasher({ threads: 1 });
  let server: HttpServer | undefined;
  let overlord: Overlord | undefined;
  closeOnSignal({
    logger: log,
    deadlineSeconds: settings.shutdownGrace + 5,
    steps: () => [
      ["http server", () => server?.close(settings.shutdownGrace)],
      ["jobs", () => overlord?.jobs.close()],
      ["password threads", () => hasher.close()],
      ["database", () => storage.close()],
    ],
  });
  if (settings.dbMigrate) await waitFor("migrate", async () => void (await migrate({ url, logger: log })));
  const { salt } = await waitFor("read the installation", () => storage.installation.read());
  overlord = wire(settings, {
    storage,
    leadership: openLeadership({ url, logger: log }),
    salt,
    hasher,
    clock: makeFollowingClock(),
    random: systemRandom,
    logger: log,
    onFatal: fail,
  });
  await waitFor("read the signing keys", overlord.checkKeys);
  await overlord.jobs.start();
  server = await openHttpServer({ handler: overlord.app, listen: settings.adminListen });
  log.info("overlord ready", { adminListen: server.url.href, role: overlord.jobs.role() });

  function waitFor<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    return waitForDatabase({ what, attempt, isPassing, logger: log });
  }

  // Without --db-migrate another process makes the tables, so that their absence passes too.
  function isPassing(error: unknown): boolean {
    return error instanceof StorageUnavailable || (!settings.dbMigrate && isMissingTable(error));
  }
}

function isMissingTable(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && cause.code === "42P01") return true;
  }
  return false;
}

function fail(error: unknown): never {
  logger.error("cannot go on", describeError(error));
  process.stderr.write(`FATAL: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

function readConfigOrExit(): OverlordConfig {
  const result = readOverlordConfig(process.argv.slice(2), process.env);
  if (result.kind === "settings") return result.values;
  (result.code === 0 ? process.stdout : process.stderr).write(`${result.message}\n`);
  process.exit(result.code);
}
