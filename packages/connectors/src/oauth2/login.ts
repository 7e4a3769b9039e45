// The login, the refresh and the dry run of an OAuth2 connector.
import { type JsonObject, sha256 } from "@dex/runtime";
import * as z from "zod";
import { makeBoundedFetch, OUTBOUND_LIMITS } from "../bounded-fetch.ts";
import { makeCircuitBreaker } from "../circuit-breaker.ts";
import type {
  AskedOfUpstream,
  CallbackLogin,
  Connector,
  LoginOutcome,
  ProvedIdentity,
  SubjectToken,
} from "../connector.ts";
import type { ConnectorParts } from "../connector-kind.ts";
import { invalidAnswer, outcomeOf, unavailable } from "../login-refused.ts";
import { chooseRedirectUri } from "../redirect-uri.ts";
import { readCode } from "./authorization-response.ts";
import { checkOAuth2 } from "./check.ts";
import { type FindEndpoints, makeFindEndpoints } from "./endpoints.ts";
import { hasExpired, type OAuth2Grant, parseGrant, toGrant } from "./grant.ts";
import type { OAuth2Provider } from "./provider.ts";
import { makeTokenEndpoint, type TokenEndpoint, verifierFor } from "./token-endpoint.ts";
import { makeUpstreamApi, StatusRefused } from "./upstream-api.ts";

export interface OAuth2Opened {
  readonly connectorId: string;
  readonly provider: OAuth2Provider;
  readonly registration: {
    readonly clientId: string;
    readonly clientSecret: string;
    readonly redirectURI: string | undefined;
  };
}

/** Reads who a token belongs to. Throws LoginRefused or UpstreamUnreachable. */
type ReadIdentity = (input: {
  readonly accessToken: string;
  readonly asked: AskedOfUpstream;
  /** The token endpoint's answer, where there was one. */
  readonly answer?: JsonObject | undefined;
  readonly signal: AbortSignal;
}) => Promise<ProvedIdentity>;

interface Session extends OAuth2Opened {
  readonly findEndpoints: FindEndpoints;
  readonly tokenEndpoint: TokenEndpoint;
  readonly readIdentity: ReadIdentity;
}

const VERIFIER_BYTES = 32;
/** For all calls of one login together. */
const LOGIN_MILLISECONDS = 30_000;
const tripData = z.object({ codeVerifier: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });

/** What a connector of this provider can do. */
export function makeOAuth2Login(
  opened: OAuth2Opened,
  parts: ConnectorParts,
): Required<Pick<Connector, "login" | "check">> & Pick<Connector, "refresh" | "tokenIdentity"> {
  const { provider, registration } = opened;
  const chosen = provider.endpoints === undefined ? [provider.tokenEndpoint, provider.apiUrl] : [provider.apiUrl];
  const fetch = makeBoundedFetch({
    trustedOrigin: chosen.map((url) => new URL(url)),
    privateAddressesAllowed: provider.privateAddressesAllowed ?? false,
    breaker: makeCircuitBreaker(parts.clock),
    limits: OUTBOUND_LIMITS,
    rootCa: provider.rootCa,
    insecureSkipVerify: provider.insecureSkipVerify,
  });
  const { clientAuthentication, admitToken } = provider;
  const apiFor = (accessToken: string, signal: AbortSignal) => {
    const { origin } = new URL(provider.apiUrl);
    const headers = provider.apiHeaders ?? {};
    return makeUpstreamApi({ fetch, origin, accessToken, headers, signal, trace: parts.trace });
  };
  const session: Session = {
    ...opened,
    findEndpoints: makeFindEndpoints(provider, fetch, parts.clock),
    tokenEndpoint: makeTokenEndpoint({ fetch, ...registration, clientAuthentication }),
    readIdentity: async ({ accessToken, asked, answer, signal }) => {
      const person = await provider.readPerson(
        apiFor(accessToken, signal),
        asked,
        answer ?? { access_token: accessToken },
      );
      // None of these providers says when or how the person proved who they are.
      const identity = { ...person, connectorId: opened.connectorId, authTime: undefined, amr: [] };
      return { kind: "identity", identity };
    },
  };
  return {
    login: {
      kind: "callback",
      answersBy: provider.callback ?? "query",
      begin: (input) => outcomeOf(() => begin(session, parts, input)),
      finish: (input) => outcomeOf<LoginOutcome>(() => finish(session, input)),
    },
    ...(provider.refresh === undefined
      ? {}
      : { refresh: (input) => outcomeOf<LoginOutcome>(() => refresh(session, input)) }),
    ...(admitToken === undefined
      ? {}
      : {
          tokenIdentity: (subject) =>
            outcomeOf<LoginOutcome>(async () => {
              const accessToken = readSubjectToken(subject);
              const signal = AbortSignal.timeout(LOGIN_MILLISECONDS);
              await admitToken(apiFor(accessToken, signal));
              return session.readIdentity({ accessToken, asked: { groups: true, offlineAccess: false }, signal });
            }),
        }),
    check: () => check(session, parts),
  };
}

type Begin = Parameters<CallbackLogin["begin"]>[0];
type Finish = Parameters<CallbackLogin["finish"]>[0];

async function begin(session: Session, { random }: ConnectorParts, { callbackUrl, state, wish }: Begin) {
  const { provider, registration } = session;
  const redirect = redirectUri(session, callbackUrl);
  const codeVerifier = random(VERIFIER_BYTES).toString("base64url");
  const to = new URL((await session.findEndpoints()).authorizationEndpoint);
  const scopes = typeof provider.scopes === "function" ? provider.scopes(wish.asked) : provider.scopes;
  const parameters = {
    response_type: "code",
    ...(provider.callback === "form" ? { response_mode: "form_post" } : {}),
    client_id: registration.clientId,
    ...redirect,
    ...(scopes.length > 0 ? { scope: scopes.join(" ") } : {}),
    state,
    // MIX-2. RFC 6749 §3.1: a provider that knows no PKCE ignores it.
    ...(provider.pkce === "none" ? {} : challengeOf(codeVerifier)),
    ...provider.wishParameters?.(wish),
  };
  for (const [name, value] of Object.entries(parameters)) to.searchParams.set(name, value);
  return { kind: "redirect" as const, to: to.href, data: { codeVerifier } };
}

async function finish(
  session: Session,
  { callbackUrl, query, state, data, asked, now }: Finish,
): Promise<LoginOutcome> {
  const { provider, tokenEndpoint } = session;
  const redirect = redirectUri(session, callbackUrl);
  const endpoints = await session.findEndpoints();
  const code = readCode(query, state, endpoints);
  const trip = tripData.safeParse(data);
  if (!trip.success) throw invalidAnswer("the login state holds another round trip");
  const signal = AbortSignal.timeout(LOGIN_MILLISECONDS);
  const given = { code, ...verifierFor(provider, trip.data.codeVerifier), ...redirect };
  const received = await tokenEndpoint.redeem(endpoints.tokenEndpoint, given, signal);
  const { accessToken, body: answer } = received;
  const outcome = await session.readIdentity({ accessToken, asked, answer, signal });
  const kept = provider.refresh !== undefined && asked.offlineAccess;
  return kept ? { ...outcome, grant: toStored(provider, toGrant(received, undefined, now)) } : outcome;
}

type Refresh = Parameters<NonNullable<Connector["refresh"]>>[0];

async function refresh(session: Session, { grant, remoteId, asked, now, keep }: Refresh): Promise<LoginOutcome> {
  const { provider, tokenEndpoint } = session;
  const stored = parseGrant(grant);
  if (stored === undefined) throw invalidAnswer("the stored grant is of another kind");
  const signal = AbortSignal.timeout(LOGIN_MILLISECONDS);
  const read = { accessToken: stored.accessToken, asked, signal };
  const refreshToken = provider.refresh === "token" ? stored.refreshToken : undefined;
  if (refreshToken === undefined) return ofThePerson(await session.readIdentity(read), remoteId);
  const found = hasExpired(stored, now) ? undefined : await readUnlessEnded(session.readIdentity(read));
  if (found !== undefined) return ofThePerson(found, remoteId);
  const { tokenEndpoint: url } = await session.findEndpoints();
  const received = await tokenEndpoint.refresh(url, refreshToken, signal);
  const renewed = toGrant(received, refreshToken, now);
  // Before anything else can fail: the old refresh token may be worthless by now.
  await keep(renewed);
  const { accessToken, body: answer } = received;
  const outcome = await session.readIdentity({ accessToken, asked, answer, signal });
  return { ...ofThePerson(outcome, remoteId), grant: renewed };
}

/** RFC 6749 §5.1: a server need not say when a token ends. Then its 401 says so. */
async function readUnlessEnded(reading: Promise<ProvedIdentity>): Promise<ProvedIdentity | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof StatusRefused && error.status === 401) return undefined;
    throw error;
  }
}

const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

/** Without OpenID Connect there are only access tokens. */
function readSubjectToken({ token, type }: SubjectToken): string {
  if (type !== ACCESS_TOKEN) throw invalidAnswer("the subject token is not called an access token");
  // RFC 6749 §A.12. It goes into a header as it is.
  if (!/^[\x21-\x7e]{1,8192}$/.test(token)) throw invalidAnswer("the subject token is of another shape");
  return token;
}

function ofThePerson(outcome: ProvedIdentity, remoteId: string): ProvedIdentity {
  if (outcome.identity.remoteId !== remoteId) throw invalidAnswer("the token belongs to somebody else");
  return outcome;
}

/** A refresh token that is never used is not kept. */
function toStored({ refresh }: OAuth2Provider, grant: OAuth2Grant): OAuth2Grant {
  return refresh === "token" ? grant : { accessToken: grant.accessToken };
}

/** RFC 7636 §4.2 */
function challengeOf(codeVerifier: string) {
  return { code_challenge: sha256(codeVerifier).toString("base64url"), code_challenge_method: "S256" };
}

/** Throws LoginRefused when the configuration names an address that is not ours. */
function redirectUri({ provider, registration }: OAuth2Opened, callbackUrl: string): { redirect_uri?: string } {
  const chosen = chooseRedirectUri(callbackUrl, registration.redirectURI);
  if (chosen === undefined) throw unavailable("redirectURI: expected our own callback, or the issuer's /callback");
  return provider.redirectUri === "registered" ? {} : { redirect_uri: chosen };
}

function check(session: Session, { clock, random }: ConnectorParts) {
  const { provider, findEndpoints, tokenEndpoint, readIdentity } = session;
  return checkOAuth2({
    provider,
    findEndpoints,
    tokenEndpoint,
    clock,
    codeVerifier: random(VERIFIER_BYTES).toString("base64url"),
    readIdentity: (accessToken, signal) =>
      readIdentity({ accessToken, asked: { groups: false, offlineAccess: false }, signal }),
  });
}
