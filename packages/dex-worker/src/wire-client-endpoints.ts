import {
  type CheckClientAssertion,
  type ClientEndpoint,
  type EncryptToClient,
  type EngineSealers,
  makeClientAuthentication,
  makeReadOwnToken,
  makeRevocationEndpoint,
  makeTokenEndpoint,
  type ProveSender,
  type Subjects,
  type TokenLifetimes,
} from "@dex/oidc";
import type { WorkerConfig } from "./config.ts";
import type { UpstreamGrantSealer } from "./login/upstream-grant-sealer.ts";
import { makeUpstreamRefresher } from "./login/upstream-refresher.ts";
import { wireDeviceAuthorization } from "./wire-device.ts";
import type { Live, Outside } from "./wiring.ts";

/** What the endpoints for clients are made of, beside what is outside and what lives. */
export interface ClientEndpointWiring {
  readonly checkAssertion: CheckClientAssertion;
  readonly encryptToClient: EncryptToClient;
  readonly subjects: Subjects;
  readonly sealers: EngineSealers;
  readonly lifetimes: TokenLifetimes;
  readonly grantSealer: UpstreamGrantSealer;
  readonly proveSender: ProveSender;
}

/** Every endpoint that a client calls with a form and its authentication. */
export function wireClientEndpoints(
  config: WorkerConfig,
  outside: Outside,
  live: Live,
  wiring: ClientEndpointWiring,
): readonly ClientEndpoint[] {
  const { storage, clock, random, logger, hasher } = outside;
  const { clients, keyRing, connectors } = live;
  const clientAuthentication = makeClientAuthentication({
    clients,
    failures: storage.failures,
    chosenSecrets: hasher,
    secretUpgrades: storage.clients,
    checkAssertion: wiring.checkAssertion,
    noteSecretUse: live.noteSecretUse,
  });
  const token = makeTokenEndpoint({
    issuer: config.issuerText,
    clientAuthentication,
    clients,
    codes: storage.codes,
    devices: storage.devices,
    families: storage.families,
    signer: keyRing.signer,
    encryptToClient: wiring.encryptToClient,
    subjects: wiring.subjects,
    sealers: wiring.sealers,
    random,
    lifetimes: wiring.lifetimes,
    proveSender: wiring.proveSender,
    upstream: makeUpstreamRefresher({
      connectors,
      grants: storage.upstreamGrants,
      sealer: wiring.grantSealer,
      clock: clock.now,
      random,
      logger,
    }),
  });
  const readOwnToken = makeReadOwnToken({
    issuer: config.issuerText,
    sealers: wiring.sealers,
    verifier: keyRing.verifier,
  });
  const revocation = makeRevocationEndpoint({ clientAuthentication, readOwnToken, revocations: storage.revocations });
  return [token, revocation, wireDeviceAuthorization(config, outside, { clientAuthentication, clients })];
}
