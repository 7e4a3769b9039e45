// What is made of the JWTs that clients sign, and of the addresses where they publish keys and requests.
import {
  BACKCHANNEL_AUTHENTICATION_PATH,
  type CheckClientAssertion,
  type CheckClientCertificate,
  type ClientKeySets,
  type ClientSecretSealer,
  endpointUrl,
  makeCheckClientAssertion,
  makeClientKeySets,
  makeClientSecretSealer,
  makeIssuerKeys,
  makeReadRequestObject,
  makeRequestDocuments,
  PUSHED_AUTHORIZATION_PATH,
  type ReadRequestObject,
  type TrustedAssertionParts,
} from "@dex/oidc";
import { makeOutgoingClient, type OutgoingClient } from "@dex/runtime";
import type { WorkerConfig } from "./config.ts";
import { aliasOf, wireClientCertificates } from "./wire-mutual-tls.ts";
import type { Live, Outside } from "./wiring.ts";

/** Somebody at a browser waits for it. */
const REQUEST_OBJECT_LIMITS = { connectMilliseconds: 3_000, totalMilliseconds: 5_000, answerBytes: 65_536 };

export interface ClientJwts {
  readonly keySets: ClientKeySets;
  readonly clientSecrets: ClientSecretSealer;
  readonly checkAssertion: CheckClientAssertion;
  readonly checkCertificate: CheckClientCertificate | undefined;
  readonly readRequestObject: ReadRequestObject;
  readonly trustedAssertions: TrustedAssertionParts;
}

export function wireClientJwts(
  config: WorkerConfig,
  outside: Outside,
  outgoing: OutgoingClient,
  { noteSecretUse, noteKeyUse }: Pick<Live, "noteSecretUse" | "noteKeyUse">,
): ClientJwts {
  const { storage, salt, random } = outside;
  const issuer = config.issuerText;
  const clientSecrets = makeClientSecretSealer({ secrets: config.keySecrets, salt, random });
  const keySets = makeClientKeySets(outgoing);
  const forRequests = makeOutgoingClient({ ...reachOf(config), limits: REQUEST_OBJECT_LIMITS });
  const endpoints = [
    endpointUrl(issuer, "/token"),
    endpointUrl(issuer, PUSHED_AUTHORIZATION_PATH),
    endpointUrl(issuer, BACKCHANNEL_AUTHENTICATION_PATH),
  ];
  const trustedAssertions = {
    audiences: [issuer, endpointUrl(issuer, "/token")],
    keys: makeIssuerKeys({ keySets, fetchDocument: outgoing.fetchDocument }),
    useOnce: storage.useOnce,
  };
  return {
    keySets,
    trustedAssertions,
    checkCertificate: wireClientCertificates(config, keySets, noteKeyUse),
    clientSecrets,
    checkAssertion: makeCheckClientAssertion({
      issuer,
      endpoints: endpoints.flatMap((url) => [url, aliasOf(config, url) ?? url]),
      keySets,
      useOnce: storage.useOnce,
      useBothOnce: storage.useBothOnce,
      clientSecrets,
      noteSecretUse,
      noteKeyUse,
    }),
    readRequestObject: makeReadRequestObject({ issuer, keySets, documents: makeRequestDocuments(forRequests) }),
  };
}

/** Where addresses that clients register may lead (SSR-1). */
export function reachOf(config: WorkerConfig): { readonly privateAddresses: "allowed" | "refused" } {
  return { privateAddresses: config.insecurePrivateClientAddresses ? "allowed" : "refused" };
}
