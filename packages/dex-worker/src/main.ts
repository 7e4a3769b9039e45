import { setTimeout as sleep } from "node:timers/promises";
import type { Delivery } from "@dex/email";
import {
  closeOnSignal,
  describeError,
  type HttpServer,
  type Logger,
  makeFollowingClock,
  makeLogger,
  openHttpServer,
  systemRandom,
} from "@dex/runtime";
import { openStorage, type Storage } from "@dex/storage";
import { makePasswordHasher } from "@dex/users";
import { readWorkerConfig, type WorkerConfig } from "./config.ts";
import { startMail } from "./mail.ts";
import { openRedis } from "./redis.ts";
import { type Worker, wire } from "./wire.ts";

const LONGEST_WAIT_SECONDS = 8;
const CLOSING_GRACE_SECONDS = 20;

const config = readConfigOrExit();
const logger = makeLogger({ debug: config.logDebug, timestamps: config.logTimestamps });
try {
  await start(config, logger);
} catch (error) {
  logger.error("cannot start", describeError(error));
  process.stderr.write(`FATAL: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

async function start(settings: WorkerConfig, log: Logger): Promise<void> {
  if (settings.insecureHttpIssuer) log.warn("--insecure-http-issuer is set: tokens can be read on the way");
  if (settings.insecurePrivateClientAddresses) {
    log.warn(
      "--insecure-private-client-addresses is set: whoever registers a client can have us call hosts in private networks",
    );
  }
  if (settings.insecureMockConnectors) log.warn("--insecure-mock-connectors is set: anybody can sign in through them");
  if (settings.enableClientRegistration && settings.insecureOpenClientRegistration) {
    log.warn("--insecure-open-client-registration is set: anybody can register a client");
  }
  const redis = settings.redisUrl === undefined ? undefined : openRedis(settings.redisUrl, log);
  const storage = openStorage({
    redis,
    url: settings.dbUrl,
    maxConnections: settings.dbMaxOpenConns,
    applicationName: "dex-worker",
    namedStatements: settings.dbNamedStatements,
    logger: log,
  });
  const hasher = makePasswordHasher(settings.passwordThreads === 0 ? {} : { threads: settings.passwordThreads });
  const clock = makeFollowingClock();
  let live = true;
  let server: HttpServer | undefined;
  let worker: Worker | undefined;
  let mail: Delivery | undefined;
  closeOnSignal({
    logger: log,
    deadlineSeconds: settings.shutdownDelay + CLOSING_GRACE_SECONDS + 5,
    steps: () => {
      live = false;
      return [
        ["load balancers", () => sleep(settings.shutdownDelay * 1000)],
        ["http server", () => server?.close(CLOSING_GRACE_SECONDS)],
        ["mail", () => mail?.close()],
        ["change watcher", () => worker?.watcher.close()],
        ["uses of client secrets", () => worker?.secretUses.close()],
        ["uses of client keys", () => worker?.keyUses.close()],
        ["password threads", () => hasher.close()],
        ["database", () => storage.close()],
        ["redis", () => redis?.disconnect()],
      ];
    },
  });
  const { salt } = await waitForDatabase(storage, log);
  worker = wire(settings, { storage, salt, hasher, clock, random: systemRandom, logger: log, live: () => live });
  await waitForKeys(worker, log);
  worker.watcher.start();
  worker.secretUses.start();
  worker.keyUses.start();
  server = await openHttpServer({
    handler: worker.app,
    listen: settings.listen,
    tls: settings.tls,
    requestClientCertificates: settings.requestClientCertificates,
    reusePort: settings.listenReusePort,
  });
  mail = startMail(settings, { storage, salt, clock: clock.now, logger: log, notices: worker.notices });
  log.info("dex-worker ready", { issuer: settings.issuerText, listen: server.url.href });
}

/** Waits as long as the database is away or the overlord has not made its tables yet. */
function waitForDatabase(storage: Storage, log: Logger): Promise<{ salt: Buffer }> {
  return retry("waiting for the database", log, () => storage.installation.read());
}

/** Waits for the overlord's first keys. Keys that no secret opens are fatal: waiting would not help. */
async function waitForKeys({ watcher, keyRing }: Worker, log: Logger): Promise<void> {
  await retry("waiting for signing keys", log, async () => {
    await watcher.refresh();
    if (!keyRing.ready()) throw new Error("no active signing key yet: is an overlord running on this database?");
  });
}

async function retry<T>(what: string, log: Logger, attempt: () => Promise<T>): Promise<T> {
  for (let waitSeconds = 0.25; ; waitSeconds = Math.min(waitSeconds * 2, LONGEST_WAIT_SECONDS)) {
    try {
      return await attempt();
    } catch (error) {
      if (isFatal(error)) throw error;
      log.warn(what, { error: error instanceof Error ? error.message : String(error) });
      await sleep(waitSeconds * 1000);
    }
  }
}

function isFatal(error: unknown): boolean {
  return error instanceof Error && error.name === "UnopenableKeys";
}

function readConfigOrExit(): WorkerConfig {
  const result = readWorkerConfig(process.argv.slice(2), process.env);
  if (result.kind === "settings") return result.values;
  (result.code === 0 ? process.stdout : process.stderr).write(`${result.message}\n`);
  process.exit(result.code);
}
