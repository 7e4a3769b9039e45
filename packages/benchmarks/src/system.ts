// What is measured: a private Postgres, one overlord, one worker, and the users and clients of the scenarios. Without
// load balancer and Redis, which would only blur what the worker costs.
import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
  type AdminApi,
  answersOk,
  findFreePorts,
  openAdminApi,
  repositoryRoot,
  startProgram,
  waitUntilReady,
} from "@dex/testing";
import { type MeasuredPostgres, startMeasuredPostgres } from "./measured-postgres.ts";
import { makeTokenVerifier, type TokenVerifier } from "./token-verifier.ts";

export const DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
export const TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";

export interface BenchmarkUser {
  readonly id: string;
  readonly email: string;
  readonly password: string;
}

export interface BenchmarkClient {
  readonly id: string;
  readonly secret: string;
}

export interface System {
  readonly issuer: string;
  readonly workerPid: number;
  readonly postgres: MeasuredPostgres;
  /** One for each lane. */
  readonly users: readonly BenchmarkUser[];
  readonly clients: {
    /** Signs people in; trusted, so that nobody is asked for consent. It also exchanges tokens and waits as a device does. */
    readonly web: BenchmarkClient & { readonly redirectUri: string };
    readonly serviceRs256: BenchmarkClient;
    readonly serviceEs256: BenchmarkClient;
  };
  readonly tokens: TokenVerifier;
  stop(): Promise<void>;
}

export interface SystemOptions {
  readonly users: number;
  /** Where the worker writes its CPU profile when it stops. */
  readonly profile?: string | undefined;
}

const REDIRECT_URI = "https://client.example/callback";
const WEB_GRANTS = ["authorization_code", "refresh_token", DEVICE_CODE_GRANT, TOKEN_EXCHANGE_GRANT];

/** Starts everything. When a part fails, what was started is stopped again. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const directory = await mkdtemp(join(tmpdir(), "dex-benchmark-"));
  // As root, Postgres runs as another user and must reach its own directory in here.
  await chmod(directory, 0o711);
  const stops: (() => Promise<void>)[] = [() => rm(directory, { recursive: true, force: true })];
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      for (const one of stops.reverse()) await one();
    })();
    return stopping;
  };
  try {
    return { ...(await startParts(options, directory, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  options: SystemOptions,
  directory: string,
  stops: (() => Promise<void>)[],
): Promise<Omit<System, "stop">> {
  const [adminPort = 0, workerPort = 0, postgresPort = 0] = await findFreePorts(3);
  const adminApi = `http://127.0.0.1:${adminPort}`;
  const issuer = `http://127.0.0.1:${workerPort}/dex`;
  const keySecrets = randomBytes(32).toString("base64");
  const adminApiSecret = randomBytes(32).toString("base64");

  const postgres = await startMeasuredPostgres(join(directory, "postgres"), postgresPort);
  stops.push(() => postgres.stop());
  const start = (name: string, nodeFlags: readonly string[], env: Readonly<Record<string, string>>) => {
    const args = [...nodeFlags, join(repositoryRoot, "packages", name, "src", "main.ts")];
    const program = startProgram({
      name,
      command: process.execPath,
      args,
      env,
      logFile: join(directory, `${name}.log`),
    });
    stops.push(() => program.stop());
    return program;
  };
  const overlord = start("dex-overlord", [], {
    DEX_OVERLORD_ADMIN_LISTEN: adminApi,
    DEX_OVERLORD_ADMIN_API_SECRET: adminApiSecret,
    DEX_OVERLORD_KEY_SECRETS: keySecrets,
    DEX_OVERLORD_DB_URL: postgres.databaseUrl,
  });
  await waitUntilReady(overlord, () => answersOk(`${adminApi}/health`));
  const admin = openAdminApi(adminApi, adminApiSecret);
  await admin.setConnectors([{ type: "local", id: "local" }]);
  const users = await createUsers(admin, options.users);
  const clients = await createClients(admin);

  const worker = start("dex-worker", await profileFlags(options.profile), {
    DEX_WORKER_LISTEN: `http://127.0.0.1:${workerPort}`,
    DEX_WORKER_ISSUER: issuer,
    DEX_WORKER_DB_URL: postgres.databaseUrl,
    DEX_WORKER_KEY_SECRETS: keySecrets,
    // Sign-ins come from many addresses, or the throttle would take them for one attacker.
    DEX_WORKER_TRUSTED_PROXIES: "127.0.0.1/32",
  });
  await waitUntilReady(worker, () => answersOk(`${issuer}/health`));
  const tokens = await makeTokenVerifier(issuer);
  return { issuer, workerPid: worker.pid, postgres, users, clients, tokens };
}

async function profileFlags(profile: string | undefined): Promise<readonly string[]> {
  if (profile === undefined) return [];
  const directory = resolve(profile);
  await mkdir(directory, { recursive: true });
  return ["--cpu-prof", `--cpu-prof-dir=${directory}`];
}

async function createUsers(admin: AdminApi, count: number): Promise<readonly BenchmarkUser[]> {
  const users: BenchmarkUser[] = [];
  for (let number = 1; number <= count; number++) {
    const user = { email: `user-${number}@example.com`, password: randomBytes(15).toString("base64url") };
    users.push({ ...user, id: await admin.createAdmin(user.email, user.password) });
  }
  return users;
}

async function createClients(admin: AdminApi): Promise<System["clients"]> {
  const create = (client: object) => admin.createClient({ ...client, trusted: true });
  const service = { grantTypes: ["client_credentials"] };
  return {
    web: {
      ...(await create({ clientName: "Web", redirectURIs: [REDIRECT_URI], grantTypes: WEB_GRANTS })),
      redirectUri: REDIRECT_URI,
    },
    serviceRs256: await create({ clientName: "Service", ...service }),
    serviceEs256: await create({ clientName: "Service", ...service, idTokenSignedResponseAlg: "ES256" }),
  };
}
