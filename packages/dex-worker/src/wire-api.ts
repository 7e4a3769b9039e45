// The API for administrators, and everybody's own account.
import { ACR_VALUES, type EngineSealers, makeClientSecretSealer, makeReadOwnToken, type ProveSender } from "@dex/oidc";
import { makeOutgoingClient, makeSealer } from "@dex/runtime";
import type { Router } from "express";
import type { WorkerConfig } from "./config.ts";
import { makeReadClientCertificate } from "./middleware/client-certificate.ts";
import { makeManagementApi } from "./user-api/management-api.ts";
import { reachOf } from "./wire-client-jwts.ts";
import type { Live, Outside } from "./wiring.ts";

/** The router of `<issuer>/api/v1`. */
export function wireApi(
  config: WorkerConfig,
  outside: Outside,
  { keyRing, connectors }: Pick<Live, "keyRing" | "connectors">,
  {
    sealers,
    proveSender,
    resource,
  }: { readonly sealers: EngineSealers; readonly proveSender: ProveSender; readonly resource: string },
): Router {
  const { storage, random, clock, logger, hasher, salt } = outside;
  const { verifier } = keyRing;
  const { issuerText: issuer, managementApiMaxAuthAge: maxAge, managementApiAcr: acr } = config;
  return makeManagementApi({
    clients: storage.clients,
    clientSecrets: storage.clientSecrets,
    clientKeys: storage.clientKeys,
    clientProofs: storage.clientProofs,
    connectors: storage.connectors,
    resources: storage.resources,
    async checkConnector(id) {
      const entry = connectors.find(id);
      if (entry === undefined) return "unknown";
      if (entry.connector === undefined) return "not open";
      return (await entry.connector.check?.()) ?? "nothing to check";
    },
    users: storage.userDirectory,
    links: storage.accountLinks,
    mailQueue: storage.mailQueue,
    backchannelDecisions: {
      requests: storage.backchannelDecisions,
      enabled: config.enableBackchannelDecisionsByAdministrators,
      connectorsWithoutOfflineAccess: () =>
        connectors.all().flatMap(({ id, offlineAccess }) => (offlineAccess ? [] : [id])),
    },
    verifier,
    readOwnToken: makeReadOwnToken({ issuer, sealers, verifier }),
    families: storage.families,
    proveSender,
    readClientCertificate: makeReadClientCertificate(config.mutualTls),
    accessTokens: storage.revocations,
    issuer,
    resource,
    signIn: {
      maxAgeSeconds: maxAge === 0 ? undefined : maxAge,
      // One that is surer does too.
      acrValues: acr === undefined ? undefined : ACR_VALUES.slice(ACR_VALUES.indexOf(acr)),
    },
    clientCredentials: config.apiUseClientCredentials,
    pageSealer: makeSealer({ secrets: config.keySecrets, salt, purpose: "page-token", random }),
    hashChosenSecret: hasher.hash,
    httpKeys: reachOf(config).privateAddresses,
    fetchDocument: makeOutgoingClient(reachOf(config)).fetchDocument,
    sealClientSecret: makeClientSecretSealer({ secrets: config.keySecrets, salt, random }).seal,
    random,
    clock: clock.now,
    logger,
  });
}
