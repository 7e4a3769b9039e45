// The topology of docker-compose.yml as plain processes: Postgres, Redis, overlords, workers, the load balancer and the
// example app. Programs are started by path; nothing of theirs is imported.
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAdminApi } from "./admin-api.ts";
import type { FleetFacts } from "./fleet-facts.ts";
import { findFreePorts } from "./free-ports.ts";
import { type PrivatePostgres, startPrivatePostgres } from "./private-postgres.ts";
import { type ProgramFiles, type ProgramName, programFile, repositoryRoot } from "./program-files.ts";
import { answersOk, type RunningProgram, startProgram, waitUntilReady } from "./running-program.ts";

export interface FleetOptions {
  /** From 1 to 9, which is what the load balancer's configuration knows. */
  readonly workers?: number;
  readonly overlords?: number;
  readonly programs?: ProgramFiles;
  /** Fixed ports of 127.0.0.1; any that is not given is a free one. */
  readonly ports?: { readonly issuer?: number; readonly admin?: number; readonly exampleApp?: number };
  /** Settings beside those every fleet has, by environment name. */
  readonly workerEnv?: Readonly<Record<string, string>>;
  readonly overlordEnv?: Readonly<Record<string, string>>;
  /** Hears what is being done. */
  readonly say?: (line: string) => void;
}

export interface Fleet {
  readonly facts: FleetFacts;
  readonly workers: readonly RunningProgram[];
  /** Where each worker itself listens, past the load balancer, in the order of `workers`. */
  readonly workerOrigins: readonly string[];
  readonly overlords: readonly RunningProgram[];
  /** The admin API of each overlord; `facts.adminApi` is the first. */
  readonly adminApis: readonly string[];
  readonly loadBalancer: RunningProgram;
  readonly redis: RunningProgram;
  readonly exampleApp: RunningProgram;
  readonly postgres: PrivatePostgres;
  /** One file per process, `<name>.log`, kept until the fleet stops. */
  readonly logDirectory: string;
  /** Waits until this worker answers and the load balancer has noticed. */
  workerIsBack(index: number): Promise<void>;
  stop(): Promise<void>;
}

const HEALTH_CHECK_MILLISECONDS = 1_000;

/** Starts everything and waits until a person could sign in. When a part fails, what was started is stopped again. */
export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const directory = await mkdtemp(join(tmpdir(), "dex-fleet-"));
  // As root, Postgres runs as another user and must reach its own directory in here. The logs are ours alone.
  await chmod(directory, 0o711);
  const stops: (() => Promise<void>)[] = [() => rm(directory, { recursive: true, force: true })];
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= stopInReverse(stops);
    return stopping;
  };
  try {
    return { ...(await startParts(options, directory, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function stopInReverse(stops: (() => Promise<void>)[]): Promise<void> {
  for (const stop of stops.reverse()) await stop();
}

async function startParts(
  options: FleetOptions,
  directory: string,
  stops: (() => Promise<void>)[],
): Promise<Omit<Fleet, "stop">> {
  const { workers: workerCount = 3, overlords: overlordCount = 1, say = () => {} } = options;
  const logDirectory = join(directory, "logs");
  mkdirSync(logDirectory, { mode: 0o700 });
  const start = (
    name: string,
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) => {
    const program = startProgram({ name, command, args, env, logFile: join(logDirectory, `${name}.log`) });
    stops.push(() => program.stop());
    return program;
  };
  const startOurs = (name: string, program: ProgramName, env: Readonly<Record<string, string>>) =>
    start(name, process.execPath, [programFile(program, options.programs ?? "sources")], env);

  const ports = await choosePorts(options, workerCount, overlordCount);
  const issuer = `http://127.0.0.1:${ports.issuer}/dex`;
  const exampleAppUrl = `http://127.0.0.1:${ports.exampleApp}`;
  const redirectUri = `${exampleAppUrl}/callback`;
  const keySecrets = randomBytes(32).toString("base64");
  const adminApiSecret = randomBytes(128).toString("base64");
  const user = { email: "admin@example.com", password: randomBytes(15).toString("base64url") };

  say("starting Postgres and Redis");
  const postgres = await startPrivatePostgres(join(directory, "postgres"), ports.postgres);
  stops.push(() => postgres.stop());
  const redis = start("redis", "redis-server", redisArguments(ports.redis));
  const databaseUrl = postgres.databaseUrl;

  say(`starting ${overlordCount} of dex-overlord`);
  const overlords = ports.overlords.map((port, index) =>
    startOurs(`overlord-${index + 1}`, "dex-overlord", {
      DEX_OVERLORD_ADMIN_LISTEN: `http://127.0.0.1:${port}`,
      DEX_OVERLORD_ADMIN_API_SECRET: adminApiSecret,
      DEX_OVERLORD_KEY_SECRETS: keySecrets,
      DEX_OVERLORD_DB_URL: databaseUrl,
      ...options.overlordEnv,
    }),
  );
  const adminApis = ports.overlords.map((port) => `http://127.0.0.1:${port}`);
  for (const [index, overlord] of overlords.entries()) {
    await waitUntilReady(overlord, () => answersOk(`${adminApis[index]}/health`));
  }

  say("making a connector, a user and a client");
  const adminApi = adminApis[0] ?? "";
  const admin = openAdminApi(adminApi, adminApiSecret);
  await admin.setConnectors([{ type: "local", id: "local" }]);
  await admin.createAdmin(user.email, user.password);
  const client = await admin.createClient({ clientName: "Example app", redirectURIs: [redirectUri] });

  say(`starting ${workerCount} of dex-worker behind the load balancer`);
  const workerOrigins = ports.workers.map((port) => `http://127.0.0.1:${port}`);
  const workers = workerOrigins.map((origin, index) =>
    startOurs(`worker-${index + 1}`, "dex-worker", {
      DEX_WORKER_LISTEN: origin,
      DEX_WORKER_ISSUER: issuer,
      DEX_WORKER_DB_URL: databaseUrl,
      DEX_WORKER_KEY_SECRETS: keySecrets,
      DEX_WORKER_REDIS_URL: `redis://127.0.0.1:${ports.redis}`,
      DEX_WORKER_TRUSTED_PROXIES: "127.0.0.1/32,::1/128",
      DEX_WORKER_ENABLE_AUTOMATIC_REGISTRATION: "true",
      DEX_WORKER_API_USE_CLIENT_CREDENTIALS: "true",
      ...options.workerEnv,
    }),
  );
  const workerIsReady = async (index: number) => {
    const worker = workers[index];
    if (worker === undefined) throw new Error(`there is no worker ${index}`);
    await waitUntilReady(worker, () => answersOk(`${workerOrigins[index]}/dex/health`));
  };
  await Promise.all(workers.map((_, index) => workerIsReady(index)));
  const loadBalancer = start("loadbalancer", "haproxy", ["-db", "-f", join(repositoryRoot, "deploy", "haproxy.cfg")], {
    DEX_LB_BIND: `127.0.0.1:${ports.issuer}`,
    DEX_LB_HEALTH: "/dex/health/live",
    ...Object.fromEntries(ports.workers.map((port, index) => [`DEX_LB_WORKER_${index + 1}`, `127.0.0.1:${port}`])),
  });
  await waitUntilReady(loadBalancer, () => answersOk(`${issuer}/.well-known/openid-configuration`));

  const exampleApp = startOurs("example-app", "example-app", {
    EXAMPLE_APP_LISTEN: exampleAppUrl,
    EXAMPLE_APP_REDIRECT_URL: redirectUri,
    EXAMPLE_APP_CLIENT_ID: client.id,
    EXAMPLE_APP_CLIENT_SECRET: client.secret,
    EXAMPLE_APP_DISCOVERY: issuer,
  });
  await waitUntilReady(exampleApp, () => answersOk(`${exampleAppUrl}/`));

  const facts: FleetFacts = {
    issuer,
    adminApi,
    adminApiSecret,
    exampleApp: exampleAppUrl,
    mail: null,
    databaseUrl,
    keySecrets,
    user,
    client: { ...client, redirectUris: [redirectUri] },
    pids: {
      postgres: await postgres.pid(),
      overlord: overlords[0]?.pid ?? 0,
      workers: workers.map((worker) => worker.pid),
      exampleApp: exampleApp.pid,
    },
  };
  return {
    facts,
    workers,
    workerOrigins,
    overlords,
    adminApis,
    loadBalancer,
    redis,
    exampleApp,
    postgres,
    logDirectory,
    async workerIsBack(index) {
      await workerIsReady(index);
      // One health check and a little more.
      await new Promise((resolve) => setTimeout(resolve, HEALTH_CHECK_MILLISECONDS + 200));
    },
  };
}

async function choosePorts(options: FleetOptions, workerCount: number, overlordCount: number) {
  const free = [...(await findFreePorts(workerCount + overlordCount + 5))];
  const next = () => free.shift() ?? 0;
  return {
    issuer: options.ports?.issuer ?? next(),
    exampleApp: options.ports?.exampleApp ?? next(),
    postgres: next(),
    redis: next(),
    overlords: Array.from({ length: overlordCount }, (_, index) =>
      index === 0 ? (options.ports?.admin ?? next()) : next(),
    ),
    workers: Array.from({ length: workerCount }, next),
  };
}

/** Nothing of it is kept: Redis is never where the truth is. */
function redisArguments(port: number): readonly string[] {
  const settings = {
    port: String(port),
    bind: "127.0.0.1",
    save: "",
    appendonly: "no",
    "maxmemory-policy": "noeviction",
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}
