// A whole worker on a database of its own, in this process, so that tests can count its statements and read its tables.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeConnectorSealer, type StoredConnector } from "@dex/connectors";
import { decideRotation, makeSigningKeySealer, planRotation } from "@dex/keys";
import { makeClient, makeClientSecretSealer, parseNewClient } from "@dex/oidc";
import { type Logger, makeFollowingClock, openHttpServer, type Sealer, Secret, systemRandom } from "@dex/runtime";
import { migrate, openLeadership, openStorage, type Storage } from "@dex/storage";
import { type FormBrowser, openFormBrowser, openTestDatabase } from "@dex/testing";
import { type LinkTokens, makeLinkTokens, makePasswordHasher, newUserId } from "@dex/users";
import { readWorkerConfig, type WorkerConfig } from "../src/config.ts";
import { startMail } from "../src/mail.ts";
import { wire } from "../src/wire.ts";

export const REDIRECT_URI = "http://127.0.0.1:1/callback";
export const PERSON = { email: "ada@example.com", password: "correct horse battery staple" };
const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const ROTATION = {
  periodSeconds: 86_400,
  jwksMaxAgeSeconds: 300,
  retentionSeconds: 172_800,
  minimumPublishSeconds: 3600,
  marginSeconds: 60,
  algorithms: ["RS256", "ES256", "EdDSA"],
} as const;

export interface TestClient {
  readonly id: string;
  readonly secret: string;
}

export interface TestWorker {
  readonly issuer: string;
  readonly storage: Storage;
  readonly client: TestClient;
  readonly databaseUrl: string;
  /** With the worker's key secret. */
  readonly connectorSealer: Sealer;
  /** What makes the token of a mailed link out of its id, as the sender of the mail does. */
  readonly linkTokens: LinkTokens;
  /** Round trips to the database since the last call, by name of the statement. */
  takeStatements(): readonly string[];
  /** Lets this much time pass for the worker at once. */
  passTime(seconds: number): void;
  /** Everything it logged. */
  readonly log: readonly string[];
  addClient(metadata: Readonly<Record<string, unknown>>): Promise<TestClient>;
  setConnectors(connectors: readonly StoredConnector[]): Promise<void>;
  /** Brings what it holds in memory up to date, as every second does. */
  /** Writes down which keys clients used, as the worker does every minute. */
  writeKeyUses(): Promise<void>;
  refresh(): Promise<void>;
  browser(): FormBrowser;
  /** The authorization request of `client`, with `more` over its parameters; undefined leaves one out. */
  authorizationUrl(more?: Readonly<Record<string, string | undefined>>): string;
  /** Signs PERSON in with a password and returns the address that the browser ends at. */
  signIn(browser: FormBrowser, more?: Readonly<Record<string, string | undefined>>): Promise<URL>;
  /** A request to the token endpoint with client_secret_basic. */
  token(
    parameters: Readonly<Record<string, string>>,
    client?: TestClient,
    /** Of another worker. */
    tokenUrl?: string,
  ): Promise<{ status: number; body: TokenBody; headers: Headers }>;
  /** Delivers the outbox from now on, until this worker ends: mail into the log, everything else to where it goes. */
  deliver(): void;
  /** Opens another worker on the same database and gives the address of its token endpoint. It ends with this one. */
  openAnother(): Promise<string>;
  close(): Promise<void>;
}

export interface TokenBody {
  readonly access_token?: string;
  readonly id_token?: string;
  readonly refresh_token?: string;
  readonly expires_in?: number;
  readonly scope?: string;
  readonly token_type?: string;
  readonly error?: string;
  readonly error_description?: string;
}

/** With `tls` it serves https itself: the caller lets this process trust the certificate. */
export async function openTestWorker(
  /** Those that name its address follow from the issuer, which is not known before. */
  flags: readonly string[] | ((issuer: URL) => readonly string[]) = [],
  issuerPath = "/dex",
  tls?: { readonly cert: string; readonly key: string },
): Promise<TestWorker> {
  const database = await openTestDatabase(migrateDatabase);
  const log: string[] = [];
  const logger = recordingLogger(log);
  const statements: string[] = [];
  const openStores = () =>
    openStorage({
      url: new Secret(database.url),
      maxConnections: 10,
      applicationName: "dex-worker-test",
      namedStatements: true,
      logger,
      onStatement: (name) => statements.push(name),
    });
  const storage = openStores();
  const keySecret = randomBytes(32);
  const { salt } = await storage.installation.read();
  await makeKeys(database.url, storage, keySecret, salt, logger);
  const hasher = makePasswordHasher({ threads: 1 });
  // The issuer must be known before the port is: take a port first.
  const placeholder = await openHttpServer({ handler: () => {}, listen: new URL("http://127.0.0.1:0") });
  const { host, origin: listen } = placeholder.url;
  await placeholder.close(0);
  const origin = tls === undefined ? listen : `https://${host}`;
  const issuer = `${origin}${issuerPath}`;
  const wanted = typeof flags === "function" ? flags(new URL(issuer)) : flags;
  const config = withTlsFiles(tls, (files) =>
    readConfig(issuer, database.url, keySecret, [`--listen=${origin}`, ...files, ...wanted]),
  );
  const clock = makeFollowingClock();
  const worker = wire(config, { storage, salt, hasher, clock, random: systemRandom, logger, live: () => true });
  await storage.connectors.replaceAll([{ id: "local", type: "local", config: {} }], ACTOR);
  const user = {
    id: newUserId(systemRandom),
    email: PERSON.email,
    emailVerified: true,
    displayName: "Ada Lovelace",
    admin: false,
    createdAt: new Date(),
  };
  await storage.users.createLocal(user, await hasher.hash(PERSON.password), "local", ACTOR);
  const server = await openHttpServer({
    handler: worker.app,
    listen: new URL(origin),
    tls: config.tls,
    requestClientCertificates: config.requestClientCertificates,
  });

  async function addClient(metadata: Readonly<Record<string, unknown>>): Promise<TestClient> {
    const parsed = parseNewClient({ redirectURIs: [REDIRECT_URI], ...metadata });
    if (parsed.kind === "refused") throw new Error(parsed.reason);
    const made = await makeClient(parsed.metadata, {
      random: systemRandom,
      now: new Date(),
      hashChosenSecret: hasher.hash,
      sealSecret: makeClientSecretSealer({ secrets: config.keySecrets, salt, random: systemRandom }).seal,
    });
    await storage.clients.create(made.client, ACTOR);
    await worker.watcher.refresh();
    return { id: made.client.id, secret: made.secret?.reveal() ?? "" };
  }

  const others: (() => Promise<void>)[] = [];
  const client = await addClient({ clientName: "Test client", trusted: true });

  function authorizationUrl(more: Readonly<Record<string, string | undefined>> = {}): string {
    const parameters = {
      client_id: client.id,
      redirect_uri: REDIRECT_URI,
      response_type: "code",
      scope: "openid",
      ...more,
    };
    const present = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return `${issuer}/auth?${new URLSearchParams(present)}`;
  }

  return {
    issuer,
    storage,
    client,
    databaseUrl: database.url,
    connectorSealer: makeConnectorSealer({ secrets: config.keySecrets, salt, random: systemRandom }),
    linkTokens: makeLinkTokens({ secrets: config.keySecrets, salt }),
    log,
    takeStatements: () => statements.splice(0),
    passTime(seconds) {
      const at = clock.monotonic();
      clock.follow(new Date(clock.now().getTime() + seconds * 1000), at, at);
    },
    addClient,
    async setConnectors(connectors) {
      await storage.connectors.replaceAll(connectors, ACTOR);
      await worker.watcher.refresh();
    },
    refresh: () => worker.watcher.refresh(),
    writeKeyUses: () => worker.keyUses.flush(),
    browser: () => openFormBrowser({ stopAt: [REDIRECT_URI] }),
    authorizationUrl,
    async signIn(browser, more) {
      const page = await browser.open(authorizationUrl(more));
      const { email, password } = PERSON;
      return (await browser.submit(page, { login: email, password }, { formId: "login-form" })).url;
    },
    async token(parameters, who = client, tokenUrl = `${issuer}/token`) {
      const response = await fetch(tokenUrl, {
        method: "POST",
        headers: {
          Authorization: `Basic ${Buffer.from(`${encodeURIComponent(who.id)}:${who.secret}`).toString("base64")}`,
        },
        body: new URLSearchParams(parameters),
      });
      return { status: response.status, body: (await response.json()) as TokenBody, headers: response.headers };
    },
    deliver() {
      const parts = { storage, salt, clock: clock.now, logger, notices: worker.notices };
      const delivery = startMail(config, parts);
      others.push(() => delivery.close());
    },
    async openAnother() {
      const stores = openStores();
      const other = wire(config, {
        ...{ storage: stores, salt, hasher, clock: makeFollowingClock(), random: systemRandom, logger },
        live: () => true,
      });
      await other.watcher.refresh();
      const listening = await openHttpServer({ handler: other.app, listen: new URL("http://127.0.0.1:0") });
      others.push(async () => {
        await listening.close(0);
        await stores.close();
      });
      return `${listening.url.origin}/dex/token`;
    },
    async close() {
      for (const close of others) await close();
      await server.close(0);
      await hasher.close();
      await storage.close();
      await database.close();
    },
  };
}

/** Calls `read` with the flags that name files of this certificate and key, which are there for as long as it runs. */
function withTlsFiles<Result>(
  tls: { readonly cert: string; readonly key: string } | undefined,
  read: (flags: readonly string[]) => Result,
): Result {
  if (tls === undefined) return read([]);
  const directory = mkdtempSync(join(tmpdir(), "dex-worker-tls-"));
  try {
    const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
    writeFileSync(files.cert, tls.cert);
    writeFileSync(files.key, tls.key, { mode: 0o600 });
    return read([`--tls-cert-file=${files.cert}`, `--tls-key-file=${files.key}`]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const migrateDatabase = async (url: string) => {
  await migrate({ url: new Secret(url), logger: recordingLogger([]) });
};

function readConfig(issuer: string, databaseUrl: string, keySecret: Buffer, flags: readonly string[]): WorkerConfig {
  const argv = [`--issuer=${issuer}`, ...flags];
  const env = { DEX_WORKER_DB_URL: databaseUrl, DEX_WORKER_KEY_SECRETS: keySecret.toString("base64") };
  const result = readWorkerConfig(argv, env);
  if (result.kind === "exit") throw new Error(result.message);
  return result.values;
}

async function makeKeys(url: string, storage: Storage, keySecret: Buffer, salt: Buffer, logger: Logger): Promise<void> {
  const sealer = makeSigningKeySealer({ secrets: [new Secret(keySecret)], salt, random: systemRandom });
  const now = new Date();
  const set = await storage.signingKeys.load();
  const decision = decideRotation(set, ROTATION, now, { sealedUnderOlderSecret: new Set() });
  const plan = await planRotation({ decision, set, sealer, random: systemRandom, now });
  const leadership = openLeadership({ url: new Secret(url), logger });
  const held = await leadership.tryAcquire();
  if (held === undefined) throw new Error("somebody else leads on this test's own database");
  await storage.signingKeys.apply(plan, ROTATION.jwksMaxAgeSeconds, held.fence, now);
  await held.release();
}

function recordingLogger(lines: string[]): Logger {
  const write = (level: string) => (event: string, fields?: unknown) =>
    void lines.push(`${level}: ${event} ${JSON.stringify(fields ?? {})}`);
  return { debug: write("DEBUG"), info: write("INFO"), warn: write("WARN"), error: write("ERROR") };
}
