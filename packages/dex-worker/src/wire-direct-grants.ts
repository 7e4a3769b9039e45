// Grants without a browser: of people whose tokens are exchanged, and of clients that others vouch for.
import {
  type DirectGrantParts,
  type EngineSealers,
  type GrantType,
  JWT_BEARER_GRANT,
  makeReadOwnToken,
  TOKEN_EXCHANGE_GRANT,
} from "@dex/oidc";
import type { WorkerConfig } from "./config.ts";
import { makeConnectorPeople } from "./login/connector-people.ts";
import type { UpstreamGrantSealer } from "./login/upstream-grant-sealer.ts";
import type { Live, Outside } from "./wiring.ts";

export function wireDirectGrants(
  config: WorkerConfig,
  { storage, random, logger }: Outside,
  { connectors, keyRing }: Live,
  { sealers, grantSealer }: { readonly sealers: EngineSealers; readonly grantSealer: UpstreamGrantSealer },
): DirectGrantParts {
  const people = makeConnectorPeople({
    connectors,
    users: storage.users,
    automaticRegistration: config.enableAutomaticRegistration,
    grantSealer,
    random,
    logger,
  });
  const readOwnToken = makeReadOwnToken({ issuer: config.issuerText, sealers, verifier: keyRing.verifier });
  const { directGrants, revocations } = storage;
  return { people, passwordConnectors: config.passwordGrantConnectors, directGrants, revocations, readOwnToken };
}

/** What discovery tells of beside the grants that clients register for. */
export function administratedGrantsOf({ passwordGrantConnectors }: WorkerConfig): readonly GrantType[] {
  const password = passwordGrantConnectors.length === 0 ? [] : (["password"] as const);
  return [...password, "urn:openid:params:grant-type:ciba", JWT_BEARER_GRANT, TOKEN_EXCHANGE_GRANT];
}
