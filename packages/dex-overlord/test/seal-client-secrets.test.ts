// Clients' secrets under a new key secret, on a real Postgres.
import { makeClientSecretSealer } from "@dex/oidc";
import { type LogFields, type Logger, Secret, sha256, silentLogger, systemRandom } from "@dex/runtime";
import { migrate, openLeadership, openStorage, type Storage } from "@dex/storage";
import { openTestDatabase, type TestDatabase } from "@dex/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeSealClientSecrets } from "../src/jobs/seal-client-secrets.ts";
import type { Lead } from "../src/ports.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const NOW = new Date("2030-06-01T12:00:00.000Z");

let database: TestDatabase;
let storage: Storage;
let salt: Buffer;
let lead: Lead;
let log: { event: string; fields: LogFields | undefined }[];
beforeEach(async () => {
  database = await openTestDatabase(
    async (url) => void (await migrate({ url: new Secret(url), logger: silentLogger })),
  );
  storage = openStorage({
    url: new Secret(database.url),
    maxConnections: 2,
    applicationName: "overlord test",
    namedStatements: false,
    logger: silentLogger,
  });
  ({ salt } = await storage.installation.read());
  lead = await takeLead();
  log = [];
});
afterEach(async () => {
  await lead.release();
  await storage.close();
  await database.close();
});

async function takeLead(): Promise<Lead> {
  const candidacy = openLeadership({ url: new Secret(database.url), logger: silentLogger });
  return vi.waitFor(
    async () => {
      const taken = await candidacy.tryAcquire();
      if (taken === undefined) throw new Error("somebody else leads on this test's own database");
      return taken;
    },
    { timeout: 10_000 },
  );
}

const sealerOf = (...bytes: number[]) =>
  makeClientSecretSealer({
    secrets: bytes.map((one) => new Secret(Buffer.alloc(32, one))),
    salt,
    random: systemRandom,
  });

function sealing(...bytes: number[]) {
  const write = (event: string, fields?: LogFields) => void log.push({ event, fields });
  const logger: Logger = { ...silentLogger, info: write, error: write };
  const seal = makeSealClientSecrets({
    clientSecrets: storage.clientSecrets,
    sealer: sealerOf(...bytes),
    logger,
    pageSize: 2,
  });
  return () => seal(lead.fence);
}

/** A client with two secrets, both sealed under that key secret. */
async function addClient(id: string, keySecret: number): Promise<void> {
  const sealer = sealerOf(keySecret);
  await storage.clients.create(
    {
      id,
      name: undefined,
      logoUri: undefined,
      clientUri: undefined,
      redirectUris: ["https://rp.example/cb"],
      public: false,
      admin: false,
      trusted: false,
      requirePkce: false,
      grantTypes: ["authorization_code"],
      scopes: undefined,
      trustedPeers: [],
      allowedConnectors: undefined,
      idTokenSigningAlgorithm: "RS256",
      secret: { kind: "sha256", hash: sha256("one") },
      firstSecret: { sealed: sealer.seal(id, "one") },
      dynamic: false,
      details: { token_endpoint_auth_method: "client_secret_jwt" },
      createdAt: NOW,
    },
    ACTOR,
  );
  const hash = { kind: "sha256", hash: sha256("two") } as const;
  const secret = { id: "next", hash, sealed: sealer.seal(id, "two"), createdAt: NOW, expiresAt: undefined };
  await storage.clientSecrets.add(id, { secret, most: 2 }, ACTOR, NOW);
}

async function opened(id: string, ...keySecrets: number[]) {
  const client = await storage.clients.find(id);
  const seals = [client?.firstSecret?.sealed, client?.addedSecrets?.[0]?.sealed];
  return seals.map((seal) => seal && sealerOf(...keySecrets).open(id, seal)?.secret);
}

test("under a new first key secret all are sealed again, and the log says when the old one can go (SEC-2)", async () => {
  for (const id of ["a", "b", "c", "d", "e"]) await addClient(id, 7);
  const seal = sealing(8, 7);
  for (const expected of ["changed", "changed", "changed", "nothing due", "nothing due"]) {
    expect(await seal()).toBe(expected);
    expect(log.map(({ event }) => event)).not.toContain("client secrets need no older key secret");
  }
  expect(await seal()).toBe("nothing due");
  expect(log.at(-1)).toEqual({ event: "client secrets need no older key secret", fields: { clients: 5 } });
  for (const id of ["a", "e"]) expect(await opened(id, 8)).toEqual(["one", "two"]);
  const { versions } = await storage.changes.read();
  for (let tick = 0; tick < 4; tick++) await seal();
  expect((await storage.changes.read()).versions).toEqual(versions);
  expect(log.filter(({ event }) => event === "client secrets need no older key secret")).toHaveLength(1);
});

test("a seal that no key secret opens stays, is reported once, and keeps others from nothing", async () => {
  await addClient("a", 9);
  await addClient("b", 7);
  const seal = sealing(8, 7);
  for (let tick = 0; tick < 6; tick++) await seal();
  expect(await opened("a", 9)).toEqual(["one", "two"]);
  expect(await opened("b", 8)).toEqual(["one", "two"]);
  expect(log.map(({ event, fields }) => `${event} ${fields?.clientId ?? ""}`)).toEqual([
    "client secret cannot be opened a",
    "client secrets sealed again ",
  ]);
});

test("an old leader's fence writes nothing (4.7)", async () => {
  await addClient("a", 7);
  await lead.release();
  const newLead = await takeLead();
  expect(await sealing(8, 7)()).toBe("lost");
  expect(await opened("a", 7)).toEqual(["one", "two"]);
  lead = newLead;
});
