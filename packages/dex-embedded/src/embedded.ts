// The order in which everything starts. Whatever was started is on `steps`, newest first, from the moment it exists.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type ClosingStep, type HttpServer, openHttpServer, systemClock, systemRandom } from "@dex/runtime";
import { openAdminApi } from "./admin-api.ts";
import { answersOk, type ChildProgram, startOurs, waitUntilReady } from "./child-program.ts";
import type { EmbeddedConfig, PortName } from "./config.ts";
import { openDataDirectory, resetDataDirectory } from "./data-directory.ts";
import type { EmbeddedFacts } from "./embedded-facts.ts";
import { takeInstanceLock } from "./instance-lock.ts";
import { keep, type MadeOnce, readOrMake } from "./made-once.ts";
import { openMailCatcher } from "./mail-catcher.ts";
import { makeMailPage } from "./mail-page.ts";
import { choosePorts } from "./ports.ts";
import { initialise, isInitialised, type RunningPostgres, startPostgres } from "./postgres.ts";
import { decidePlace } from "./postgres-place.ts";
import { readPrivateJson, writePrivateJson } from "./private-file.ts";
import { stopLeftover } from "./processes.ts";

const HOST = "127.0.0.1";

export interface Embedded {
  /** Starts everything. Throws a Problem for whatever a person can do something about. */
  start(): Promise<EmbeddedFacts>;
  /** What runs now, in the order in which it is to be stopped. */
  steps(): readonly ClosingStep[];
  /** Kills what runs, at once. */
  kill(): void;
}

export function makeEmbedded(parts: {
  config: EmbeddedConfig;
  root: string;
  say: (line: string) => void;
  onChildEnd: (child: ChildProgram, how: string) => void;
}): Embedded {
  const { config, root, say, onChildEnd } = parts;
  const { dataDirectory } = config;
  const logDirectory = join(dataDirectory, "logs");
  const factsFile = join(dataDirectory, "embedded.json");
  const steps: ClosingStep[] = [];
  const children: ChildProgram[] = [];

  function watch(child: ChildProgram): ChildProgram {
    children.push(child);
    let stopping = false;
    steps.unshift([
      child.name,
      () => {
        stopping = true;
        return child.stop();
      },
    ]);
    void child.ended.then((how) => {
      if (!stopping) onChildEnd(child, how);
    });
    return child;
  }

  async function startProgram(
    name: string,
    program: Parameters<typeof startOurs>[0]["program"],
    ready: string,
    env: NodeJS.ProcessEnv,
  ): Promise<ChildProgram> {
    const child = watch(startOurs({ name, program, root, logDirectory, env }));
    await waitUntilReady(child, () => answersOk(ready));
    return child;
  }

  async function openMail(ports: Record<PortName, number>): Promise<string> {
    const catcher = await openMailCatcher(ports.smtp, systemClock);
    steps.unshift(["mail catcher", () => catcher.close()]);
    const listen = new URL(`http://${HOST}:${ports.mail}`);
    const page: HttpServer = await openHttpServer({ handler: makeMailPage(catcher), listen });
    steps.unshift(["mail page", () => page.close(1)]);
    return listen.origin;
  }

  async function openDatabase(made: MadeOnce, port: number): Promise<{ postgres: RunningPostgres; made: MadeOnce }> {
    const place = decidePlace(dataDirectory, made.postgresDirectory);
    let kept = keep(dataDirectory, made, { postgresDirectory: place.directory });
    if (!isInitialised(place)) {
      say("making the database");
      const { client: _forgotten, ...rest } = kept; // a client lives in the database that made it
      kept = keep(dataDirectory, rest, {});
      initialise(place, made.databasePassword);
    }
    say("starting Postgres");
    const postgres = await startPostgres({ place, port, password: made.databasePassword, logDirectory });
    watch(postgres.program);
    return { postgres, made: kept };
  }

  async function start(): Promise<EmbeddedFacts> {
    openDataDirectory(dataDirectory);
    process.chdir(dataDirectory);
    const lock = await takeInstanceLock();
    steps.unshift(["instance lock", () => lock.release()]);
    await stopLeftovers();
    let made = readOrMake(dataDirectory, systemRandom);
    if (config.reset) {
      resetDataDirectory(dataDirectory, made.postgresDirectory);
      say(`deleted the data of earlier starts in ${dataDirectory}`);
      made = readOrMake(dataDirectory, systemRandom);
    }
    const { ports, chosen } = await choosePorts(config.ports, made.chosenPorts, HOST);
    made = keep(dataDirectory, made, { chosenPorts: chosen });
    const mail = await openMail(ports);
    const database = await openDatabase(made, ports.postgres);
    made = database.made;
    const { databaseUrl } = database.postgres;
    const { adminApiSecret, keySecrets, user } = made;

    say("starting dex-overlord");
    const adminApi = `http://${HOST}:${ports.admin}`;
    const overlord = await startProgram("dex-overlord", "dex-overlord", `${adminApi}/health`, {
      DEX_OVERLORD_ADMIN_LISTEN: adminApi,
      DEX_OVERLORD_ADMIN_API_SECRET: adminApiSecret,
      DEX_OVERLORD_KEY_SECRETS: keySecrets,
      DEX_OVERLORD_DB_URL: databaseUrl,
    });
    const exampleApp = `http://${HOST}:${ports["example-app"]}`;
    const redirectUri = `${exampleApp}/callback`;
    const admin = openAdminApi(adminApi, adminApiSecret);
    await admin.ensureConnector({ id: "local", type: "local" });
    await admin.ensureUser(user);
    if (made.client?.redirectUris.includes(redirectUri) !== true) {
      const client = await admin.createClient({ redirectURIs: [redirectUri], clientName: "Example app" });
      made = keep(dataDirectory, made, { client: { ...client, redirectUris: [redirectUri] } });
    }
    if (made.client === undefined) throw new Error("the example app has no client");

    say(config.workers === 1 ? "starting dex-worker" : `starting ${config.workers} of dex-worker`);
    const issuer = config.issuer?.href.replace(/\/$/, "") ?? `http://${HOST}:${ports.issuer}/dex`;
    const startingWorkers = startWorkers(issuer, {
      DEX_WORKER_DB_URL: databaseUrl,
      DEX_WORKER_KEY_SECRETS: keySecrets,
      DEX_WORKER_ISSUER: issuer,
      DEX_WORKER_LISTEN: `http://${HOST}:${ports.issuer}`,
      DEX_WORKER_SMTP_URL: `smtp://${HOST}:${ports.smtp}`,
      DEX_WORKER_EMAIL_FROM: "dex@example.com",
      DEX_WORKER_API_USE_CLIENT_CREDENTIALS: "true",
      // The two exclude each other, and somebody may have asked for the other one.
      ...(process.env.DEX_WORKER_ENABLE_AUTOMATIC_REGISTRATION === undefined && {
        DEX_WORKER_ENABLE_REGISTRATION: "true",
      }),
    });

    say("starting the example app"); // it waits for its issuer by itself
    const startingApp = startProgram("example app", "example-app", `${exampleApp}/health`, {
      EXAMPLE_APP_LISTEN: exampleApp,
      EXAMPLE_APP_REDIRECT_URL: redirectUri,
      EXAMPLE_APP_DISCOVERY: issuer,
      EXAMPLE_APP_CLIENT_ID: made.client.id,
      EXAMPLE_APP_CLIENT_SECRET: made.client.secret,
    });
    const [workers, app] = await Promise.all([startingWorkers, startingApp]);

    const pids = { postgres: database.postgres.pid, overlord: overlord.pid, workers, exampleApp: app.pid };
    const facts: EmbeddedFacts = {
      ...{ issuer, adminApi, adminApiSecret, exampleApp, mail, databaseUrl, keySecrets, user },
      client: made.client,
      pids,
    };
    writePrivateJson(factsFile, facts);
    steps.unshift(["embedded.json", () => rmSync(factsFile, { force: true })]); // it exists while dex runs
    return facts;
  }

  async function startWorkers(issuer: string, env: NodeJS.ProcessEnv): Promise<number[]> {
    const one = config.workers === 1;
    const starts = Array.from({ length: config.workers }, (_, index) =>
      startProgram(one ? "dex-worker" : `dex-worker ${index + 1}`, "dex-worker", `${issuer}/health`, {
        ...env,
        ...(one ? {} : { DEX_WORKER_LISTEN_REUSE_PORT: "true" }),
      }),
    );
    return (await Promise.all(starts)).map((child) => child.pid);
  }

  // Programs of a killed instance end by themselves; this waits for them, because they hold the ports.
  async function stopLeftovers(): Promise<void> {
    const left = readPrivateJson(factsFile);
    rmSync(factsFile, { force: true });
    if (left === undefined) return;
    const { pids } = left as EmbeddedFacts; // written whole by writePrivateJson, or not at all
    const isOurs = (commandLine: string) => commandLine.includes(join(root, "packages"));
    await Promise.all(
      [pids.exampleApp, ...pids.workers, pids.overlord].map((pid) => stopLeftover(pid, isOurs, "SIGTERM")),
    );
  }

  return {
    start,
    steps: () => steps,
    kill: () => {
      for (const child of children) child.kill();
    },
  };
}
