// The sealing of connectors' secrets, on a real Postgres.
import { makeConnectorSealer, openSealedConnector, type StoredConnector } from "@dex/connectors";
import { type LogFields, type Logger, Secret, silentLogger, systemRandom } from "@dex/runtime";
import { migrate, openLeadership, openStorage, type Storage } from "@dex/storage";
import { findInDatabase, openTestDatabase, type TestDatabase } from "@dex/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeSealConnectors } from "../src/jobs/seal-connectors.ts";
import type { Lead, SealableConnectors } from "../src/ports.ts";

const CANARY = "canary-of-the-connector";
const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const LOCAL: StoredConnector = { id: "local", type: "local", config: {} };
const PLAIN: StoredConnector = {
  id: "up",
  type: "oidc",
  config: { issuerURL: "https://up.example", clientID: "dex", clientSecret: CANARY, scopes: ["email"] },
};

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
  await storage.connectors.replaceAll([LOCAL, PLAIN], ACTOR);
});
afterEach(async () => {
  await lead.release();
  await storage.close();
  await database.close();
});

async function takeLead(): Promise<Lead> {
  const candidacy = openLeadership({ url: new Secret(database.url), logger: silentLogger });
  // A busy machine may not connect within the second that one try is given; an overlord tries again too.
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
  makeConnectorSealer({ secrets: bytes.map((one) => new Secret(Buffer.alloc(32, one))), salt, random: systemRandom });

function sealing(sealer = sealerOf(7), connectors: SealableConnectors = storage.connectors) {
  const write = (event: string, fields?: LogFields) => void log.push({ event, fields });
  const logger: Logger = { ...silentLogger, info: write, error: write };
  return makeSealConnectors({ connectors, sealer, logger });
}

async function stored(id = "up"): Promise<StoredConnector> {
  const found = (await storage.connectors.list()).find((one) => one.id === id);
  if (found === undefined) throw new Error(`connector ${id} is not stored`);
  return found;
}

test("a secret that stands in plain text is sealed once, and no table holds it any more (P4)", async () => {
  expect(await findInDatabase(database.url, CANARY)).toEqual(["public.connector"]);
  const seal = sealing();
  expect(await seal(lead.fence)).toBe("changed");
  expect(await findInDatabase(database.url, CANARY)).toEqual([]);
  const sealed = await stored();
  expect(openSealedConnector(sealed, sealerOf(7))).toEqual({ kind: "unsealed", connector: PLAIN });
  expect(await stored("local")).toEqual(LOCAL);
  const { versions } = await storage.changes.read();
  expect(await seal(lead.fence)).toBe("nothing due");
  expect(await stored()).toEqual(sealed);
  expect((await storage.changes.read()).versions).toEqual(versions);
  expect(log).toEqual([{ event: "connector secrets sealed", fields: { connectorId: "up", sealed: 1, resealed: 0 } }]);
});

test.each([
  { what: "a new secret", next: [{ ...PLAIN, config: { ...PLAIN.config, clientSecret: "newer" } }] },
  { what: "another type", next: [{ ...LOCAL, id: "up" }] },
  { what: "its removal", next: [] },
])("what dexctl changes in between stands: $what", async ({ next }) => {
  const connectors: SealableConnectors = {
    async list() {
      const read = await storage.connectors.list();
      await storage.connectors.replaceAll(next, ACTOR);
      return read;
    },
    replaceUnchanged: storage.connectors.replaceUnchanged,
  };
  expect(await sealing(sealerOf(7), connectors)(lead.fence)).toBe("nothing due");
  expect(await storage.connectors.list()).toEqual(next);
  expect(log).toEqual([]);
});

test("a change that waits for the sealing, and a sealing that waits for a change, both leave the change", async () => {
  const newer = { ...PLAIN, config: { ...PLAIN.config, clientSecret: "newer" } };
  for (let round = 0; round < 10; round++) {
    await storage.connectors.replaceAll([PLAIN], ACTOR);
    await Promise.all([storage.connectors.replaceAll([newer], ACTOR), sealing()(lead.fence)]);
    const now = openSealedConnector(await stored(), sealerOf(7));
    expect(now).toEqual({ kind: "unsealed", connector: newer });
  }
});

test("an old leader's fence writes nothing (4.7)", async () => {
  await lead.release();
  const newLead = await takeLead();
  expect(await sealing()(lead.fence)).toBe("lost");
  expect(await stored()).toEqual(PLAIN);
  lead = newLead;
});

test("under a new first key secret it is sealed again, after which the old one can go (SEC-2)", async () => {
  await sealing()(lead.fence);
  expect(await sealing(sealerOf(8, 7))(lead.fence)).toBe("changed");
  expect(openSealedConnector(await stored(), sealerOf(8))).toEqual({ kind: "unsealed", connector: PLAIN });
  expect(log.at(-1)?.fields).toEqual({ connectorId: "up", sealed: 0, resealed: 1 });
  expect(await sealing(sealerOf(8))(lead.fence)).toBe("nothing due");
});

test("a seal that no key secret opens stays, is reported once and keeps no other from being sealed", async () => {
  await sealing(sealerOf(9))(lead.fence);
  const lost = await stored();
  await storage.connectors.replaceAll([lost, { ...PLAIN, id: "zz" }], ACTOR);
  log = [];
  const seal = sealing();
  expect([await seal(lead.fence), await seal(lead.fence)]).toEqual(["changed", "nothing due"]);
  expect(await stored()).toEqual(lost);
  expect(openSealedConnector(await stored("zz"), sealerOf(7))).toMatchObject({ kind: "unsealed" });
  expect(log.map(({ event, fields }) => `${event}: ${fields?.connectorId}`)).toEqual([
    "connector secret cannot be opened: up",
    "connector secrets sealed: zz",
  ]);
  expect(JSON.stringify(log)).toContain("--key-secrets");
});
