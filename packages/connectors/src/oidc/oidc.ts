// Any OpenID provider with discovery, by the authorization code flow with PKCE, state and nonce (MIX-2).
import { type Clock, isLoopback, type JsonObject, systemClock } from "@dex/runtime";
import * as client from "openid-client";
import * as z from "zod";
import { makeBoundedFetch, OUTBOUND_LIMITS } from "../bounded-fetch.ts";
import { makeCircuitBreaker } from "../circuit-breaker.ts";
import type { CallbackLogin, LoginOutcome, LoginRefusal, StoredConnector, UpstreamWish } from "../connector.ts";
import { type ConnectorKind, type ConnectorParts, knownMembers } from "../connector-kind.ts";
import { displayNameOf } from "../display-name.ts";
import { type LoginStep, type PreparedStrategy, passportLogin } from "../passport.ts";
import { type Claims, decideClaims } from "./claims.ts";
import { type OidcSettings, oidcConfigSchema, parseOidcSettings } from "./config.ts";
import { keepStaleJwks, toCustomFetch } from "./custom-fetch.ts";
import { makeDiscovery, type UpstreamMetadata } from "./discovery.ts";
import { toRefusal } from "./refusals.ts";
import { OneStepStrategy, SESSION_KEY, type UpstreamTokens } from "./strategy.ts";

/** Any OpenID provider with discovery. */
export const oidcKind: ConnectorKind = {
  type: "oidc",
  title: "OpenID Connect",
  capabilities: {
    login: "callback",
    refresh: "no",
    groups: "if `insecureEnableGroups` is set",
    preferredUsername: "yes",
    tokenIdentity: "no",
    upstreamLogout: "no",
  },
  schema: oidcConfigSchema,
  secretFields: ["clientSecret"],
  secretAudience: ["issuer", "issuerURL", "clientID", "insecurePrivateEndpoints"],
  parse(config) {
    const parsed = parseOidcSettings(config);
    return parsed.kind === "settings" ? { kind: "config", config: knownMembers(config, oidcConfigSchema) } : parsed;
  },
  open(stored, parts) {
    const parsed = parseOidcSettings(stored.config);
    if (parsed.kind === "refused") return { kind: "refused", id: stored.id, reason: parsed.reason };
    return {
      kind: "connector",
      connector: {
        id: stored.id,
        type: stored.type,
        displayName: displayNameOf(stored),
        login: makeOidcLogin(stored, parsed.settings, parts),
      },
    };
  },
};

/** What we keep of the first half. `max_age` is left out: we check auth_time ourselves, see `decideClaims`. */
const roundTrip = z.object({
  [SESSION_KEY]: z.object({ code_verifier: z.string(), nonce: z.string(), state: z.string() }),
});
const wishData = z.object({
  startedAt: z.number(),
  reauthenticate: z.boolean(),
  maxAgeSeconds: z.number().nullable(),
});

const MAX_LOGIN_HINT = 255;
const NONCE_BYTES = 32;

function makeOidcLogin(stored: StoredConnector, settings: OidcSettings, parts: ConnectorParts): CallbackLogin {
  const { clock, random, logger } = parts;
  const issuer = new URL(settings.issuer);
  const fetch = makeBoundedFetch({
    trustedOrigin: issuer,
    privateAddressesAllowed: settings.privateEndpointsAllowed,
    breaker: makeCircuitBreaker(clock),
    limits: OUTBOUND_LIMITS,
  });
  const discovery = makeDiscovery({ issuer: settings.issuer, connectorId: stored.id, fetch, clock, logger });
  let jwksUri: string | undefined;
  const customFetch = toCustomFetch(keepStaleJwks(fetch, () => jwksUri, clock));
  let jwksCache: client.ExportedJWKSCache | undefined;

  function configure(metadata: UpstreamMetadata, now: Date): client.Configuration | LoginRefusal {
    const authentication = chooseClientAuthentication(metadata, settings);
    if (authentication === undefined) return unavailable("no client authentication method in common");
    const configuration = new client.Configuration(
      metadata,
      settings.clientId,
      { [client.clockSkew]: clockSkewSeconds(now, systemClock), [client.clockTolerance]: 30 },
      authentication,
    );
    configuration[client.customFetch] = customFetch;
    if (issuer.protocol === "http:" && isLoopback(issuer)) client.allowInsecureRequests(configuration);
    // Without this, tokens from the token endpoint are taken on the strength of TLS alone (MIX-3).
    client.enableNonRepudiationChecks(configuration);
    if (jwksUri !== metadata.jwks_uri) jwksCache = undefined;
    else if (jwksCache !== undefined) client.setJwksCache(configuration, jwksCache);
    jwksUri = metadata.jwks_uri;
    return configuration;
  }

  async function prepare(step: LoginStep): Promise<PreparedStrategy | LoginRefusal> {
    if (step.step === "finish" && !isOwnAnswer(step.data, step.state)) {
      return { kind: "refused", reason: "invalid answer", detail: "the login state holds another round trip" };
    }
    const discovered = await discovery.metadata();
    if (discovered.kind === "unavailable") return discovered;
    const configuration = configure(discovered.metadata, step.step === "finish" ? step.now : clock());
    if (!(configuration instanceof client.Configuration)) return configuration;
    const parameters =
      step.step === "begin"
        ? authorizationParameters(settings, step, random(NONCE_BYTES).toString("base64url"))
        : new URLSearchParams();
    const verify = async (tokens: UpstreamTokens) => {
      jwksCache = client.getJwksCache(configuration) ?? jwksCache;
      return readClaims(configuration, tokens, settings);
    };
    const strategy = new OneStepStrategy({ config: configuration, step, parameters, verify });
    return { kind: "strategy", strategy, options: {} };
  }

  const login = passportLogin({
    prepare,
    toRefusal,
    toOutcome(user, step): LoginOutcome {
      const found = verifiedClaims.safeParse(user);
      const wish = wishData.safeParse(step.data);
      if (!found.success || !wish.success) {
        return { kind: "refused", reason: "invalid answer", detail: "no claims, or a login state of another form" };
      }
      const decision = decideClaims(found.data.idToken, found.data.userInfo, settings, {
        connectorId: stored.id,
        startedAt: new Date(wish.data.startedAt * 1000),
        reauthenticate: wish.data.reauthenticate,
        maxAgeSeconds: wish.data.maxAgeSeconds ?? undefined,
        now: step.now,
      });
      return decision.kind === "identity" ? decision : { ...decision, reason: "invalid answer" };
    },
  });

  return {
    ...login,
    async begin(input) {
      const begun = await login.begin(input);
      if (begun.kind !== "redirect") return begun;
      const kept = roundTrip.safeParse(begun.data);
      if (!kept.success) return unavailable("the strategy kept no PKCE verifier, nonce or state");
      const wish = {
        startedAt: Math.floor(clock().getTime() / 1000),
        reauthenticate: input.wish.reauthenticate,
        maxAgeSeconds: input.wish.maxAgeSeconds ?? null,
      };
      return { kind: "redirect", to: begun.to, data: { ...kept.data, ...wish } };
    },
  };
}

const claimSet = z.record(z.string(), z.unknown());
const verifiedClaims = z.object({ idToken: claimSet, userInfo: claimSet.optional() });

async function readClaims(
  configuration: client.Configuration,
  tokens: UpstreamTokens,
  settings: OidcSettings,
): Promise<{ idToken: Claims; userInfo: Claims | undefined } | undefined> {
  const idToken = tokens.claims();
  if (idToken === undefined) return undefined;
  // OIDC Core §5.3.2: fetchUserInfo refuses another `sub`, which would be another person's answer.
  const userInfo = settings.userInfo
    ? await client.fetchUserInfo(configuration, tokens.access_token, idToken.sub)
    : undefined;
  return { idToken, userInfo };
}

function isOwnAnswer(data: JsonObject, state: string): boolean {
  const kept = roundTrip.safeParse(data);
  return kept.success && kept.data[SESSION_KEY].state === state && state !== "";
}

/** Pure. The authorization request of OIDC Core §3.1.2.1, as far as it is ours to choose. */
export function authorizationParameters(
  settings: OidcSettings,
  { state, wish }: { state: string; wish: UpstreamWish },
  nonce: string,
): URLSearchParams {
  const parameters = new URLSearchParams({ scope: settings.scope, state, nonce });
  const prompts = [
    ...(wish.reauthenticate ? ["login"] : []),
    ...(wish.selectAccount ? ["select_account"] : []),
    ...(settings.prompt === undefined ? [] : [settings.prompt]),
  ];
  if (prompts.length > 0) parameters.set("prompt", [...new Set(prompts)].join(" "));
  if (wish.maxAgeSeconds !== undefined) parameters.set("max_age", String(wish.maxAgeSeconds));
  if (wish.loginHint !== undefined && wish.loginHint.length <= MAX_LOGIN_HINT) {
    parameters.set("login_hint", wish.loginHint);
  }
  if (settings.acrValues !== undefined) parameters.set("acr_values", settings.acrValues);
  return parameters;
}

/** Pure. OIDC Core §9: the first method the upstream announces that we can do; basic where it announces none. */
export function chooseClientAuthentication(
  metadata: UpstreamMetadata,
  settings: OidcSettings,
): client.ClientAuth | undefined {
  if (settings.clientSecret === undefined) return client.None();
  const secret = settings.clientSecret.reveal();
  const announced = metadata.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
  const method = settings.clientAuthentication ?? announced.find((name) => /^client_secret_(basic|post)$/.test(name));
  if (method === undefined) return undefined;
  return method === "client_secret_post" ? client.ClientSecretPost(secret) : client.ClientSecretBasic(secret);
}

/** openid-client reads the host's clock; this is what to add to get the time we were handed. */
function clockSkewSeconds(now: Date, hostClock: Clock): number {
  return Math.round((now.getTime() - hostClock().getTime()) / 1000);
}

function unavailable(detail: string): LoginRefusal {
  return { kind: "unavailable", detail };
}
