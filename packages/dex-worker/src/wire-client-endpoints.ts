import {
  type CheckClientAssertion,
  type CheckClientCertificate,
  type ClientAuthentication,
  type ClientEndpoint,
  type ClientKeySets,
  type EncryptToClient,
  type EngineSealers,
  makeClientAuthentication,
  makeIntrospectionEndpoint,
  makePushedAuthorizationEndpoint,
  makeReadOwnToken,
  makeRevocationEndpoint,
  makeTokenEndpoint,
  type ProveSender,
  type Subjects,
  type TokenLifetimes,
  type TrustedAssertionParts,
} from "@dex/oidc";
import type { WorkerConfig } from "./config.ts";
import type { UpstreamGrantSealer } from "./login/upstream-grant-sealer.ts";
import { makeUpstreamRefresher } from "./login/upstream-refresher.ts";
import type { AuthorizationWiring } from "./wire-authorization.ts";
import { wireBackchannelAuthentication } from "./wire-backchannel.ts";
import { wireDeviceAuthorization } from "./wire-device.ts";
import { wireDirectGrants } from "./wire-direct-grants.ts";
import type { Live, Outside } from "./wiring.ts";

/** What the endpoints for clients are made of, beside what is outside and what lives. */
export interface ClientEndpointWiring {
  readonly checkAssertion: CheckClientAssertion;
  readonly trustedAssertions: TrustedAssertionParts;
  readonly checkCertificate: CheckClientCertificate | undefined;
  readonly keySets: ClientKeySets;
  readonly encryptToClient: EncryptToClient;
  readonly subjects: Subjects;
  readonly sealers: EngineSealers;
  readonly lifetimes: TokenLifetimes;
  readonly grantSealer: UpstreamGrantSealer;
  readonly proveSender: ProveSender;
  readonly authorization: AuthorizationWiring;
}

/** Every endpoint that a client calls with a form and its authentication. */
export function wireClientEndpoints(
  config: WorkerConfig,
  outside: Outside,
  live: Live,
  wiring: ClientEndpointWiring,
): readonly ClientEndpoint[] {
  const { storage, clock, random, logger, hasher } = outside;
  const { clients, keyRing, connectors, resources } = live;
  const proofs = {
    failures: storage.failures,
    chosenSecrets: hasher,
    secretUpgrades: storage.clients,
    checkAssertion: wiring.checkAssertion,
    checkCertificate: wiring.checkCertificate,
    noteSecretUse: live.noteSecretUse,
  };
  const clientAuthentication = makeClientAuthentication({ ...proofs, clients });
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
    resources,
    sealers: wiring.sealers,
    random,
    lifetimes: wiring.lifetimes,
    proveSender: wiring.proveSender,
    direct: wireDirectGrants(config, outside, live, wiring),
    trustedAssertions: wiring.trustedAssertions,
    upstream: makeUpstreamRefresher({
      connectors,
      grants: storage.upstreamGrants,
      sealer: wiring.grantSealer,
      clock: clock.now,
      random,
      logger,
    }),
  });
  const pushed = makePushedAuthorizationEndpoint({
    ...wiring.authorization,
    // The first that is heard of a client with a document may be the request that it pushes.
    clientAuthentication: makeClientAuthentication({
      ...{ ...proofs, clients: live.clientDocuments.clients, admit: live.clientDocuments.admitProof },
    }),
    proveSender: wiring.proveSender,
  });
  return [
    token,
    pushed,
    ...wireOwnTokens(config, outside, live, { ...wiring, clientAuthentication }),
    wireDeviceAuthorization(config, outside, { clientAuthentication, clients, resources }),
    wireBackchannelAuthentication(config, outside, {
      ...{ clientAuthentication, clients, resources, keyRing, keySets: wiring.keySets },
    }),
  ];
}

/** What clients do with tokens that they have: give them back, and ask about them. */
function wireOwnTokens(
  config: WorkerConfig,
  { storage }: Outside,
  { keyRing, resources }: Live,
  wiring: ClientEndpointWiring & { readonly clientAuthentication: ClientAuthentication },
): readonly ClientEndpoint[] {
  const { clientAuthentication, sealers, subjects, encryptToClient, lifetimes } = wiring;
  const issuer = config.issuerText;
  const { families, revocations } = storage;
  const readOwnToken = makeReadOwnToken({ issuer, sealers, verifier: keyRing.verifier });
  return [
    makeRevocationEndpoint({ clientAuthentication, readOwnToken, revocations }),
    makeIntrospectionEndpoint({
      issuer,
      clientAuthentication,
      readOwnToken,
      families,
      revocations,
      subjects,
      lifetimes,
      resources,
      signer: keyRing.signer,
      encryptToClient,
    }),
  ];
}
