// One OpenID provider as one connector knows it: its metadata, its keys, and what is kept of both in memory.
import { type Clock, isLoopback, systemClock } from "@dex/runtime";
import * as client from "openid-client";
import { type BoundedFetch, makeBoundedFetch, OUTBOUND_LIMITS } from "../bounded-fetch.ts";
import { makeCircuitBreaker } from "../circuit-breaker.ts";
import type { StoredConnector } from "../connector.ts";
import type { ConnectorParts } from "../connector-kind.ts";
import { unavailable } from "../login-refused.ts";
import { retryLostGet } from "../lost-request.ts";
import { chooseClientAuthentication, mayRetryInBody, retryInBody } from "./client-authentication.ts";
import { keepStaleJwks, toCustomFetch } from "./custom-fetch.ts";
import { makeDiscovery, type UpstreamMetadata } from "./discovery.ts";
import type { OidcSettings } from "./settings.ts";

/** Throws LoginRefused where the upstream cannot be spoken to. */
export interface OidcUpstream {
  readonly fetch: BoundedFetch;
  metadata(): Promise<UpstreamMetadata>;
  /** What openid-client works with, for one login or refresh at `now`. */
  configure(now: Date): Promise<client.Configuration>;
  /** Keeps the keys that a run of openid-client has read, for the next one. */
  keepKeys(configuration: client.Configuration): void;
}

const CLOCK_TOLERANCE_SECONDS = 30;

export function makeOidcUpstream(stored: StoredConnector, settings: OidcSettings, parts: ConnectorParts): OidcUpstream {
  const { clock, logger } = parts;
  const issuer = new URL(settings.issuer);
  const bounded = makeBoundedFetch({
    // The operator chose these hosts; every other one was named by the upstream.
    trustedOrigin: [issuer, ...Object.values(settings.discoveryOverrides).map((url) => new URL(url))],
    privateAddressesAllowed: settings.privateEndpointsAllowed,
    breaker: makeCircuitBreaker(clock),
    limits: OUTBOUND_LIMITS,
    ...settings.tls,
  });
  const discovery = makeDiscovery({
    issuer: settings.issuer,
    corrections: settings,
    connectorId: stored.id,
    fetch: bounded,
    clock,
    logger,
  });
  let jwksUri: string | undefined;
  let jwksCache: client.ExportedJWKSCache | undefined;
  const fetch = keepStaleJwks(retryLostGet(bounded), () => jwksUri, clock);
  const customFetch = toCustomFetch(fetch);

  /** Remembered once a server has shown that it knows us by credentials in the body alone. */
  let known = settings;

  function sendAs(found: UpstreamMetadata): client.CustomFetch {
    const secret = settings.clientSecret?.reveal();
    if (secret === undefined || !mayRetryInBody(found, known)) return customFetch;
    return retryInBody(customFetch, {
      tokenEndpoint: found.token_endpoint,
      clientId: settings.clientId,
      secret,
      found: () => {
        known = { ...settings, clientAuthentication: "client_secret_post" };
      },
    });
  }

  async function metadata(): Promise<UpstreamMetadata> {
    const discovered = await discovery.metadata();
    if (discovered.kind === "unavailable") throw unavailable(discovered.detail);
    if (jwksUri !== discovered.metadata.jwks_uri) jwksCache = undefined;
    jwksUri = discovered.metadata.jwks_uri;
    return discovered.metadata;
  }

  return {
    fetch,
    metadata,
    async configure(now) {
      const found = await metadata();
      const authentication = await chooseClientAuthentication(found, known, now);
      if (authentication === undefined) throw unavailable("no client authentication method in common");
      const skews = {
        [client.clockSkew]: clockSkewSeconds(now, systemClock),
        [client.clockTolerance]: CLOCK_TOLERANCE_SECONDS,
      };
      const configuration = new client.Configuration(found, settings.clientId, skews, authentication);
      configuration[client.customFetch] = sendAs(found);
      if (issuer.protocol === "http:" && isLoopback(issuer)) client.allowInsecureRequests(configuration);
      // Without this, tokens from the token endpoint are taken on the strength of TLS alone (MIX-3).
      client.enableNonRepudiationChecks(configuration);
      if (jwksCache !== undefined) client.setJwksCache(configuration, jwksCache);
      return configuration;
    },
    keepKeys(configuration) {
      jwksCache = client.getJwksCache(configuration) ?? jwksCache;
    },
  };
}

/** openid-client reads the host's clock; this is what to add to get the time we were handed. */
function clockSkewSeconds(now: Date, hostClock: Clock): number {
  return Math.round((now.getTime() - hostClock().getTime()) / 1000);
}
