// The base of connectors whose upstream speaks OAuth 2.0 without OpenID Connect: the authorization code flow with PKCE
// (RFC 6749 §4.1, RFC 7636), then the person's profile from the provider's own API. A provider is described by a value
// (`OAuth2Provider`); everything that can be got wrong is here.
// Not passport-oauth2: it makes its calls through a client without limits of time and size, and takes an error that comes
// with status 200 for success. Not openid-client's grant: it refuses form answers and missing token types, both common
// here, and checks ID tokens that nobody asked for.
import { isLoopback, type JsonObject, sha256 } from "@dex/runtime";
import * as z from "zod";
import { makeBoundedFetch, OUTBOUND_LIMITS } from "../bounded-fetch.ts";
import { makeCircuitBreaker } from "../circuit-breaker.ts";
import type {
  AskedOfUpstream,
  CallbackLogin,
  Identity,
  LoginRefusal,
  StoredConnector,
  UpstreamWish,
} from "../connector.ts";
import {
  type Capabilities,
  type ConnectorKind,
  type ConnectorParts,
  configText,
  describeIssues,
  knownMembers,
} from "../connector-kind.ts";
import { displayNameOf } from "../display-name.ts";
import { invalidAnswer, LoginRefused, outcomeOf } from "../login-refused.ts";
import { makeCodeExchange } from "./code-exchange.ts";
import { makeUpstreamApi, type UpstreamApi } from "./upstream-api.ts";

/** What a provider says about a person. */
export type UpstreamPerson = Pick<
  Identity,
  "remoteId" | "email" | "emailVerified" | "displayName" | "preferredUsername" | "groups"
>;

/** One provider as configured. */
export interface OAuth2Provider {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  /** Where `readPerson` may ask; the operator chose its host, as those of the endpoints. */
  readonly apiUrl: string;
  readonly scopes: readonly string[] | ((asked: AskedOfUpstream) => readonly string[]);
  /** RFC 6749 §2.3.1 */
  readonly clientAuthentication: "client_secret_basic" | "client_secret_post";
  /** Sent with every request to the API. */
  readonly apiHeaders?: Readonly<Record<string, string>>;
  /** Whether `redirect_uri` is sent, or left to what is registered there. Sent by default. */
  readonly redirectUri?: "sent" | "registered";
  /** PEM certificates of authorities that are trusted beside the system's. */
  readonly rootCa?: string | undefined;
  /** Parameters of the authorization request for what the person's request wants, such as `prompt`. */
  readonly wishParameters?: (wish: UpstreamWish) => Readonly<Record<string, string>>;
  /** Reads the person with the token just received. Throws LoginRefused for who may not sign in. */
  readPerson(api: UpstreamApi, asked: AskedOfUpstream): Promise<UpstreamPerson>;
}

/** Members that every OAuth2 connector has. A secret may be missing while the stored one is kept. */
export const oauth2Members = {
  name: configText(100).optional(),
  clientID: configText(512),
  clientSecret: z.string().max(1024).optional(),
};

/** An address that an operator may configure: https, or http on loopback, without credentials, query or fragment. */
export const endpointUrl = z
  .string()
  .max(2048)
  .refine(isEndpointUrl, "expected an absolute https URL (http on loopback only)");

export interface OAuth2KindParts<Schema extends z.ZodObject<typeof oauth2Members>> {
  readonly type: string;
  readonly title: string;
  /** All of these log in by callback, take no tokens of others, and have no place to sign out. */
  readonly capabilities: Pick<Capabilities, "refresh" | "groups" | "preferredUsername">;
  readonly schema: Schema;
  /** Members beside clientID that say where the secret is sent. */
  readonly secretAudience: readonly string[];
  /** From parsed members to a provider. Throws an Error, whose message names the member, for what it cannot use. */
  toProvider(config: z.infer<Schema>, parts: Pick<ConnectorParts, "logger">): OAuth2Provider;
}

/** Makes the row of the registry of one OAuth2 provider. */
export function makeOAuth2Kind<Schema extends z.ZodObject<typeof oauth2Members>>(
  kind: OAuth2KindParts<Schema>,
): ConnectorKind {
  return {
    type: kind.type,
    title: kind.title,
    capabilities: { login: "callback", tokenIdentity: "no", upstreamLogout: "no", ...kind.capabilities },
    schema: kind.schema,
    secretFields: ["clientSecret"],
    requiredSecrets: ["clientSecret"],
    secretAudience: ["clientID", ...kind.secretAudience],
    parse(config) {
      const parsed = kind.schema.safeParse(config);
      return parsed.success
        ? { kind: "config", config: knownMembers(config, kind.schema) }
        : { kind: "refused", reason: describeIssues(parsed.error) };
    },
    open(stored, parts) {
      const refused = (reason: string) => ({ kind: "refused" as const, id: stored.id, reason });
      const parsed = kind.schema.safeParse(stored.config);
      if (!parsed.success) return refused(describeIssues(parsed.error));
      const { clientID: clientId, clientSecret } = parsed.data;
      if (!clientSecret) return refused("clientSecret: expected the secret of our registration there");
      let provider: OAuth2Provider;
      try {
        provider = kind.toProvider(parsed.data, parts);
      } catch (error) {
        if (error instanceof Error) return refused(error.message);
        throw error;
      }
      const login = makeOAuth2Login(stored, provider, { clientId, clientSecret }, parts);
      const { id, type } = stored;
      return { kind: "connector", connector: { id, type, displayName: displayNameOf(stored), login } };
    },
  };
}

const VERIFIER_BYTES = 32;
const MAX_CODE_LENGTH = 2048;
/** For all calls of one login together. */
const LOGIN_MILLISECONDS = 30_000;
const tripData = z.object({ codeVerifier: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });

function makeOAuth2Login(
  stored: StoredConnector,
  provider: OAuth2Provider,
  registration: { readonly clientId: string; readonly clientSecret: string },
  { clock, random }: ConnectorParts,
): CallbackLogin {
  const { clientId } = registration;
  const breaker = makeCircuitBreaker(clock);
  const bounded = (url: string) =>
    makeBoundedFetch({
      trustedOrigin: new URL(url),
      privateAddressesAllowed: false,
      breaker,
      limits: OUTBOUND_LIMITS,
      rootCa: provider.rootCa,
    });
  const redeem = makeCodeExchange({ ...provider, ...registration, fetch: bounded(provider.tokenEndpoint) });
  const apiFetch = bounded(provider.apiUrl);
  const redirectUri = (callbackUrl: string) =>
    provider.redirectUri === "registered" ? {} : { redirect_uri: callbackUrl };

  return {
    kind: "callback",
    async begin({ callbackUrl, state, wish }) {
      const codeVerifier = random(VERIFIER_BYTES).toString("base64url");
      const to = new URL(provider.authorizationEndpoint);
      const scopes = typeof provider.scopes === "function" ? provider.scopes(wish.asked) : provider.scopes;
      const parameters = {
        response_type: "code",
        client_id: clientId,
        ...redirectUri(callbackUrl),
        ...(scopes.length > 0 ? { scope: scopes.join(" ") } : {}),
        state,
        // MIX-2. RFC 6749 §3.1: a provider that knows no PKCE ignores it.
        code_challenge: sha256(codeVerifier).toString("base64url"),
        code_challenge_method: "S256",
        ...provider.wishParameters?.(wish),
      };
      for (const [name, value] of Object.entries(parameters)) to.searchParams.set(name, value);
      return { kind: "redirect", to: to.href, data: { codeVerifier } };
    },
    finish: ({ callbackUrl, query, state, data, asked }) =>
      outcomeOf(async () => {
        const code = readCode(query, state, provider);
        const signal = AbortSignal.timeout(LOGIN_MILLISECONDS);
        const accessToken = await redeem({ code, codeVerifier: readTrip(data), ...redirectUri(callbackUrl) }, signal);
        const { origin } = new URL(provider.apiUrl);
        const headers = provider.apiHeaders ?? {};
        const person = await provider.readPerson(
          makeUpstreamApi({ fetch: apiFetch, origin, accessToken, headers, signal }),
          asked,
        );
        // None of these providers says when or how the person proved who they are.
        const identity = { ...person, connectorId: stored.id, authTime: undefined, amr: [] };
        return { kind: "identity", identity };
      }),
  };
}

function readTrip(data: JsonObject): string {
  const trip = tripData.safeParse(data);
  if (!trip.success) throw invalidAnswer("the login state holds another round trip");
  return trip.data.codeVerifier;
}

/** RFC 6749 §4.1.2.1: errors that mean no, from the person or for the person. */
const DENIED: ReadonlySet<string> = new Set(["access_denied", "login_required", "interaction_required"]);
const UPSTREAM_AT_FAULT: ReadonlySet<string> = new Set(["server_error", "temporarily_unavailable"]);

/** The code of an authorization response. The caller has matched `state` with the login state; here it is once more. */
function readCode(query: URLSearchParams, state: string, provider: OAuth2Provider): string {
  if (state === "" || query.get("state") !== state) throw invalidAnswer("state is another one");
  // RFC 9207, as far as it can be checked without metadata: an answer that names another server is not looked at (MIX-1).
  const iss = query.get("iss");
  if (iss !== null && URL.parse(iss)?.origin !== new URL(provider.authorizationEndpoint).origin) {
    throw invalidAnswer("iss is another server");
  }
  const error = query.get("error");
  if (error !== null) throw new LoginRefused(toRefusal(error, query.get("error_description") ?? ""));
  const code = query.get("code") ?? "";
  if (code === "" || code.length > MAX_CODE_LENGTH) throw invalidAnswer("code is missing or too long");
  return code;
}

function toRefusal(error: string, description: string): LoginRefusal {
  const words = [error, description].map((text) => JSON.stringify(text.slice(0, 200)));
  const detail = `authorization response: ${words.join(" ")}`;
  if (DENIED.has(error)) return { kind: "refused", reason: "denied upstream", detail };
  return UPSTREAM_AT_FAULT.has(error)
    ? { kind: "unavailable", detail }
    : { kind: "refused", reason: "invalid answer", detail };
}

function isEndpointUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || /[?#\s]/.test(text) || url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
}
