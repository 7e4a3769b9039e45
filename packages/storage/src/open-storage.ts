import type { UseOnce } from "@dex/connectors";
import type { MailQueue, Outbox } from "@dex/email";
import type {
  AuthorizationCodes,
  BackchannelDecisions,
  BackchannelRequests,
  DeviceRequests,
  DirectGrants,
  FailureCounter,
  Logouts,
  Revocations,
  SignIns,
  TokenFamilies,
  UseBothOnce,
} from "@dex/oidc";
import type { Logger, Secret } from "@dex/runtime";
import type { Actor, OwnAccounts, Passwords, Registrations, UserDirectory, Users } from "@dex/users";
import type { Redis } from "ioredis";
import { type AccountLinkStore, makeAccountLinkStore } from "./account-links.ts";
import { countInDatabase, makeFailureCounter } from "./attempts.ts";
import { makeCodeStore } from "./authorization-codes.ts";
import { makeBackchannelDecisionStore } from "./backchannel-decisions.ts";
import { makeBackchannelRequestStore } from "./backchannel-requests.ts";
import { type Changes, makeChanges } from "./changes.ts";
import { type ClientDocumentStore, makeClientDocumentStore } from "./client-documents.ts";
import { type ClientKeyStore, makeClientKeyStore } from "./client-keys.ts";
import { type ClientProofStore, makeClientProofStore } from "./client-proofs.ts";
import { type ClientSecretStore, makeClientSecretStore } from "./client-secrets.ts";
import { type ClientStore, makeClientStore } from "./clients.ts";
import { type ConnectorStore, makeConnectorStore } from "./connectors.ts";
import { hot, openDatabase } from "./database.ts";
import { makeDeviceRequestStore } from "./device-requests.ts";
import { makeDirectGrantStore } from "./direct-grants.ts";
import { type Garbage, makeGarbage } from "./garbage.ts";
import { type ImportStore, makeImportStore } from "./import-store.ts";
import { type Installation, makeInstallation } from "./installation.ts";
import { makeLogoutStore } from "./logouts.ts";
import { makeMailQueue } from "./mail-queue.ts";
import { makeOutbox } from "./outbox.ts";
import { makeOwnAccountStore } from "./own-accounts.ts";
import { makePasswordStore } from "./passwords.ts";
import { makeRedisAttempts, preferRedis } from "./redis-attempts.ts";
import { makeRegisteredClients, type RegisteredClientStore } from "./registered-clients.ts";
import { makeRegistrationStore } from "./registrations.ts";
import { makeResourceStore, type ResourceStore } from "./resources.ts";
import { makeRevocationStore } from "./revocations.ts";
import { makeSignInStore } from "./sign-ins.ts";
import { makeSigningKeyStore, type SigningKeyStore } from "./signing-keys.ts";
import { makeFamilyStore } from "./token-families.ts";
import { makeUpstreamGrantStore, type UpstreamGrants } from "./upstream-grants.ts";
import { makeUseBothOnce, makeUseOnce } from "./used-once.ts";
import { makeUserDirectory } from "./user-directory.ts";
import { type Administrators, makeAdministrators, makeUserStore } from "./users.ts";

/** Everything that is kept. Every method throws StorageUnavailable when the database does not answer in time. */
export interface Storage {
  readonly clients: ClientStore;
  /** Those that registered themselves, by what they manage their registration with. */
  readonly registeredClients: RegisteredClientStore;
  /** Those that describe themselves in a document at their id. */
  readonly clientDocuments: ClientDocumentStore;
  readonly clientSecrets: ClientSecretStore;
  readonly clientKeys: ClientKeyStore;
  readonly clientProofs: ClientProofStore;
  readonly connectors: ConnectorStore;
  readonly resources: ResourceStore;
  readonly users: Users;
  readonly userDirectory: UserDirectory;
  readonly passwords: Passwords;
  readonly administrators: Administrators;
  readonly signIns: SignIns;
  readonly logouts: Logouts;
  readonly codes: AuthorizationCodes;
  readonly devices: DeviceRequests;
  readonly backchannelRequests: BackchannelRequests;
  readonly backchannelDecisions: BackchannelDecisions<Actor>;
  readonly directGrants: DirectGrants;
  readonly families: TokenFamilies;
  readonly revocations: Revocations;
  readonly upstreamGrants: UpstreamGrants;
  readonly failures: FailureCounter;
  readonly signingKeys: SigningKeyStore;
  readonly changes: Changes;
  readonly installation: Installation;
  readonly garbage: Garbage;
  readonly imports: ImportStore;
  readonly outbox: Outbox;
  readonly accountLinks: AccountLinkStore;
  readonly mailQueue: MailQueue<Actor>;
  readonly ownAccounts: OwnAccounts;
  readonly registrations: Registrations;
  readonly useOnce: UseOnce;
  readonly useBothOnce: UseBothOnce;
  /** One round trip: resolves when the database answers. */
  ping(): Promise<void>;
  /** Closes all connections when their statements have ended. The Redis client stays its opener's. */
  close(): Promise<void>;
}

export interface StorageOptions {
  readonly url: Secret<string>;
  /** Of this process to Postgres, in total. 10 when left out. */
  readonly maxConnections?: number;
  /** What pg_stat_activity calls this process. */
  readonly applicationName: string;
  /** False behind a pooler in transaction mode. See the README of this package. */
  readonly namedStatements: boolean;
  /** Counts attempts where it answers in time. */
  readonly redis?: Redis | undefined;
  readonly logger: Logger;
  /** Called once for each round trip, with the statement's name. */
  readonly onStatement?: ((name: string) => void) | undefined;
}

const PING = hot("ping", "SELECT 1 AS one");

/** Opens the stores. Connects when the first statement is run, and again whenever a connection was lost. */
export function openStorage(options: StorageOptions): Storage {
  const { url, maxConnections = 10, applicationName, namedStatements, logger, onStatement } = options;
  const db = openDatabase({ url, maxConnections, applicationName, namedStatements, logger, onStatement });
  const redis = options.redis === undefined ? undefined : makeRedisAttempts(options.redis, logger);
  return {
    clients: makeClientStore(db),
    registeredClients: makeRegisteredClients(db),
    clientDocuments: makeClientDocumentStore(db),
    clientSecrets: makeClientSecretStore(db),
    clientKeys: makeClientKeyStore(db),
    clientProofs: makeClientProofStore(db),
    connectors: makeConnectorStore(db),
    resources: makeResourceStore(db),
    users: makeUserStore(db),
    userDirectory: makeUserDirectory(db),
    passwords: makePasswordStore(db, redis),
    administrators: makeAdministrators(db),
    signIns: makeSignInStore(db, redis),
    logouts: makeLogoutStore(db),
    codes: makeCodeStore(db),
    devices: makeDeviceRequestStore(db),
    backchannelRequests: makeBackchannelRequestStore(db),
    backchannelDecisions: makeBackchannelDecisionStore(db),
    directGrants: makeDirectGrantStore(db, redis),
    families: makeFamilyStore(db),
    revocations: makeRevocationStore(db),
    upstreamGrants: makeUpstreamGrantStore(db),
    failures: makeFailureCounter(preferRedis(redis, countInDatabase(db))),
    signingKeys: makeSigningKeyStore(db),
    changes: makeChanges(db),
    installation: makeInstallation(db),
    garbage: makeGarbage(db),
    imports: makeImportStore(db),
    outbox: makeOutbox(db),
    accountLinks: makeAccountLinkStore(db, redis),
    mailQueue: makeMailQueue(db),
    ownAccounts: makeOwnAccountStore(db),
    registrations: makeRegistrationStore(db),
    useOnce: makeUseOnce(db),
    useBothOnce: makeUseBothOnce(db),
    async ping() {
      await db.run(PING);
    },
    close: () => db.close(),
  };
}
