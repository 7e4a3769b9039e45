// Clients that nobody registers: whose documents are read, and with what.
import { CLIENT_ID_DOCUMENT_BYTES, type ClientIdPolicy, supportedWith } from "@dex/oidc";
import { makeOutgoingClient } from "@dex/runtime";
import type { WorkerConfig } from "./config.ts";
import type { ClientCache } from "./live/client-cache.ts";
import { type ClientDocuments, makeClientDocuments, withoutRefusedDocuments } from "./live/client-documents.ts";
import { responseTypesOfDeployment } from "./wire-authorization.ts";
import { reachOf } from "./wire-client-jwts.ts";
import type { Outside } from "./wiring.ts";

/** Somebody at a browser waits for it. */
const DOCUMENT_LIMITS = {
  connectMilliseconds: 3_000,
  totalMilliseconds: 5_000,
  answerBytes: CLIENT_ID_DOCUMENT_BYTES,
};

/** The stored clients under the policy of this worker, and those with a document. */
export function wireClientDocuments(
  config: WorkerConfig,
  { storage, clock, logger }: Pick<Outside, "storage" | "clock" | "logger">,
  cache: ClientCache,
): { readonly clients: ClientCache; readonly clientDocuments: ClientDocuments } {
  const policy: ClientIdPolicy = {
    documents: config.clientIdDocuments,
    hosts: config.clientIdDocumentHosts,
    blockedHosts: config.blockedClientIdDocumentHosts,
    schemes: config.insecurePrivateClientAddresses ? "http and https" : "https",
    profile: config.registrationProfile,
  };
  const stored = withoutRefusedDocuments(cache, storage.clients, policy);
  const { fetchDocument } = makeOutgoingClient({ ...reachOf(config), limits: DOCUMENT_LIMITS });
  const clientDocuments = makeClientDocuments({
    policy,
    stored,
    fetchDocument,
    supported: supportedWith(responseTypesOfDeployment(config), config.mutualTls.certificates),
    store: storage.clientDocuments.keep,
    clock: clock.now,
    logger,
  });
  return { clients: { ...cache, find: stored.find }, clientDocuments };
}
