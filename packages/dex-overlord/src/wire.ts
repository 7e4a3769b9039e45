import { makeConnectorSealer } from "@dex/connectors";
import { inspectSeals, makeSigningKeySealer, UnopenableKeys } from "@dex/keys";
import { makeClientSecretSealer } from "@dex/oidc";
import { type FollowingClock, type Logger, makeOutgoingClient, type Random } from "@dex/runtime";
import { type Candidacy, type Storage, StorageUnavailable } from "@dex/storage";
import type { PasswordHasher } from "@dex/users";
import type { Express } from "express";
import { makeAccessCheck } from "./admin-api/access.ts";
import { makeAdminApp } from "./admin-api/app.ts";
import { makeAdminApiRoutes } from "./admin-api/routes.ts";
import type { OverlordConfig } from "./config.ts";
import { makeCollectGarbage } from "./jobs/collect-garbage.ts";
import { type LeadJobs, makeLeadJobs } from "./jobs/lead-jobs.ts";
import { makeRotateKeys } from "./jobs/rotate-keys.ts";
import { makeSealClientSecrets } from "./jobs/seal-client-secrets.ts";
import { makeSealConnectors } from "./jobs/seal-connectors.ts";

const LONGEST_ROTATION_PAUSE_SECONDS = 5;

export interface Outside {
  readonly storage: Storage;
  readonly leadership: Candidacy;
  /** Of the installation. */
  readonly salt: Buffer;
  readonly hasher: PasswordHasher;
  readonly clock: FollowingClock;
  readonly random: Random;
  readonly logger: Logger;
  readonly onFatal: (error: UnopenableKeys) => void;
}

export interface Overlord {
  readonly app: Express;
  readonly jobs: LeadJobs;
  /** Throws UnopenableKeys when there are signing keys that none of the key secrets opens. */
  checkKeys(): Promise<void>;
}

/** Builds every part. */
export function wire(config: OverlordConfig, outside: Outside): Overlord {
  const { storage, leadership, hasher, clock, random, logger, onFatal } = outside;
  const sealing = { secrets: config.keySecrets, salt: outside.salt, random };
  const sealer = makeSigningKeySealer(sealing);
  const clientSecretSealer = makeClientSecretSealer(sealing);
  const { signingKeys, connectors } = storage;
  const policy = config.rotationPolicy;
  return {
    app: makeAdminApp({
      routes: makeAdminApiRoutes({
        users: {
          hasAdmin: () => storage.administrators.exists(),
          findLocal: async (id) => (await storage.administrators.find(id))?.user,
          createLocal: (user, passwordHash, connectorId, actor) =>
            storage.users.createLocal(user, passwordHash, connectorId, actor),
        },
        clients: storage.clients,
        connectors,
        localConnectorId: config.localConnector,
        hasher,
        sealClientSecret: clientSecretSealer.seal,
        fetchDocument: makeOutgoingClient({ privateAddresses: "refused" }).fetchDocument,
        ping: () => storage.ping(),
        listen: config.adminListen,
        random,
      }),
      checkAccess: makeAccessCheck(config.adminApiSecrets),
      isStorageUnavailable: (error) => error instanceof StorageUnavailable,
      clock: clock.now,
      random,
      logger,
    }),
    jobs: makeLeadJobs({
      leadership,
      rotateKeys: makeRotateKeys({ signingKeys, sealer, policy, clock: clock.now, random, logger }),
      sealConnectors: makeSealConnectors({ connectors, sealer: makeConnectorSealer(sealing), logger }),
      sealClientSecrets: makeSealClientSecrets({
        clientSecrets: storage.clientSecrets,
        sealer: clientSecretSealer,
        logger,
      }),
      collectGarbage: makeCollectGarbage({ garbage: toGarbage(storage), clock: clock.now, logger }),
      // Cheap: one read. A requested rotation begins within this time.
      rotationIntervalSeconds: Math.min(LONGEST_ROTATION_PAUSE_SECONDS, policy.periodSeconds / 10),
      gcIntervalSeconds: config.gcInterval,
      followClock: () => follow(storage, clock),
      monotonic: clock.monotonic,
      logger,
      onFatal,
    }),
    async checkKeys() {
      const { unopenable } = inspectSeals(await signingKeys.load(), sealer);
      if (unopenable.length > 0) throw new UnopenableKeys(unopenable);
    },
  };
}

async function follow(storage: Storage, clock: FollowingClock): Promise<void> {
  const before = clock.monotonic();
  const { now } = await storage.changes.read();
  clock.follow(now, before, clock.monotonic());
}

function toGarbage({ garbage }: Storage) {
  return {
    async collect(now: Date, batchSize: number, fence: number) {
      const report = await garbage.collect(now, batchSize, fence);
      return report === undefined ? undefined : { ...report };
    },
  };
}
