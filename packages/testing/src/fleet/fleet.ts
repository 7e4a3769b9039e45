// The topology of docker-compose.yml as plain processes: Postgres, Redis, overlords, workers, the load balancer and the
// example app. Programs are started by path; nothing of theirs is imported.
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
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
  readonly loadBalancerEnv?: Readonly<Record<string, string>>;
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
  const ground = await layGround(options, directory);
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= clearGround(ground);
    return stopping;
  };
  try {
    return { ...(await startParts(options, ground)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What every process of a fleet stands on. */
interface Ground {
  readonly directory: string;
  readonly logDirectory: string;
  readonly ports: Awaited<ReturnType<typeof choosePorts>>;
  readonly issuer: string;
  readonly keySecrets: string;
  readonly adminApiSecret: string;
  readonly postgres: PrivatePostgres;
  readonly programs: RunningProgram[];
  start(name: string, command: string, args: readonly string[], env?: Readonly<Record<string, string>>): RunningProgram;
  startOurs(name: string, program: ProgramName, env: Readonly<Record<string, string>>): RunningProgram;
}

async function layGround(options: FleetOptions, directory: string): Promise<Ground> {
  const logDirectory = join(directory, "logs");
  mkdirSync(logDirectory, { mode: 0o700 });
  const ports = await choosePorts(options);
  options.say?.("starting Postgres");
  const postgres = await startPrivatePostgres(join(directory, "postgres"), ports.postgres);
  const programs: RunningProgram[] = [];
  const start: Ground["start"] = (name, command, args, env = {}) => {
    const program = startProgram({ name, command, args, env, logFile: join(logDirectory, `${name}.log`) });
    programs.push(program);
    return program;
  };
  return {
    directory,
    logDirectory,
    ports,
    issuer: `http://127.0.0.1:${ports.issuer}/dex`,
    keySecrets: randomBytes(32).toString("base64"),
    adminApiSecret: randomBytes(128).toString("base64"),
    postgres,
    programs,
    start,
    startOurs: (name, program, env) =>
      start(name, process.execPath, [programFile(program, options.programs ?? "sources")], env),
  };
}

async function clearGround({ programs, postgres, directory }: Ground): Promise<void> {
  await Promise.all(programs.map((program) => program.stop()));
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
}

async function startParts(options: FleetOptions, ground: Ground): Promise<Omit<Fleet, "stop">> {
  const { say = () => {} } = options;
  const { ports, issuer, adminApiSecret, keySecrets, postgres, logDirectory } = ground;
  const exampleAppUrl = `http://127.0.0.1:${ports.exampleApp}`;
  const redirectUris = [`${exampleAppUrl}/callback`];
  const user = { email: "admin@example.com", password: randomBytes(15).toString("base64url") };

  say(`starting Redis and ${ports.overlords.length} of dex-overlord`);
  const redis = ground.start("redis", "redis-server", redisArguments(ports.redis));
  const { overlords, adminApis } = await startOverlords(options, ground);
  const [adminApi = ""] = adminApis;

  say("making a connector, a user and a client");
  const admin = openAdminApi(adminApi, adminApiSecret);
  await admin.setConnectors([{ type: "local", id: "local" }]);
  await admin.createAdmin(user.email, user.password);
  const client = await admin.createClient({ clientName: "Example app", redirectURIs: redirectUris });

  say(`starting ${ports.workers.length} of dex-worker behind the load balancer`);
  const { workers, workerOrigins, workerIsReady } = await startWorkers(options, ground);
  const loadBalancer = await startLoadBalancer(options, ground);
  const exampleApp = ground.startOurs("example-app", "example-app", {
    EXAMPLE_APP_LISTEN: exampleAppUrl,
    EXAMPLE_APP_REDIRECT_URL: redirectUris[0] ?? "",
    EXAMPLE_APP_CLIENT_ID: client.id,
    EXAMPLE_APP_CLIENT_SECRET: client.secret,
    EXAMPLE_APP_DISCOVERY: issuer,
  });
  await waitUntilReady(exampleApp, () => answersOk(`${exampleAppUrl}/`));

  const pids = {
    postgres: await postgres.pid(),
    overlord: overlords[0]?.pid ?? 0,
    workers: workers.map(({ pid }) => pid),
    exampleApp: exampleApp.pid,
  };
  const addresses = { issuer, adminApi, exampleApp: exampleAppUrl, mail: null, databaseUrl: postgres.databaseUrl };
  return {
    facts: { ...addresses, adminApiSecret, keySecrets, user, client: { ...client, redirectUris }, pids },
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
      await sleep(HEALTH_CHECK_MILLISECONDS + 200);
    },
  };
}

async function startOverlords(options: FleetOptions, ground: Ground) {
  const adminApis = ground.ports.overlords.map((port) => `http://127.0.0.1:${port}`);
  const overlords = adminApis.map((listen, index) =>
    ground.startOurs(`overlord-${index + 1}`, "dex-overlord", {
      DEX_OVERLORD_ADMIN_LISTEN: listen,
      DEX_OVERLORD_ADMIN_API_SECRET: ground.adminApiSecret,
      DEX_OVERLORD_KEY_SECRETS: ground.keySecrets,
      DEX_OVERLORD_DB_URL: ground.postgres.databaseUrl,
      ...options.overlordEnv,
    }),
  );
  const ready = overlords.map((one, index) => waitUntilReady(one, () => answersOk(`${adminApis[index]}/health`)));
  await Promise.all(ready);
  return { overlords, adminApis };
}

async function startWorkers(options: FleetOptions, ground: Ground) {
  const workerOrigins = ground.ports.workers.map((port) => `http://127.0.0.1:${port}`);
  const workers = workerOrigins.map((origin, index) =>
    ground.startOurs(`worker-${index + 1}`, "dex-worker", {
      DEX_WORKER_LISTEN: origin,
      DEX_WORKER_ISSUER: ground.issuer,
      DEX_WORKER_DB_URL: ground.postgres.databaseUrl,
      DEX_WORKER_KEY_SECRETS: ground.keySecrets,
      DEX_WORKER_REDIS_URL: `redis://127.0.0.1:${ground.ports.redis}`,
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
  return { workers, workerOrigins, workerIsReady };
}

async function startLoadBalancer(options: FleetOptions, { ports, issuer, start }: Ground): Promise<RunningProgram> {
  const workers = ports.workers.map((port, index) => [`DEX_LB_WORKER_${index + 1}`, `127.0.0.1:${port}`]);
  const loadBalancer = start("loadbalancer", "haproxy", ["-db", "-f", join(repositoryRoot, "deploy", "haproxy.cfg")], {
    DEX_LB_BIND: `127.0.0.1:${ports.issuer}`,
    DEX_LB_HEALTH: "/dex/health/live",
    ...Object.fromEntries(workers),
    ...options.loadBalancerEnv,
  });
  await waitUntilReady(loadBalancer, () => answersOk(`${issuer}/.well-known/openid-configuration`));
  return loadBalancer;
}

async function choosePorts(options: FleetOptions) {
  const { workers: workerCount = 3, overlords: overlordCount = 1 } = options;
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
