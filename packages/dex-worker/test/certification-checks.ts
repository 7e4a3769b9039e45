// The checks that run in every module of the certification plans, under the names that they have there.
import { createPublicKey, type JsonWebKey, verify } from "node:crypto";
import {
  claimSourcesAreThere,
  claimTypesHold,
  expectRules,
  hasEntropy,
  isErrorDescription,
  isErrorUri,
  isHttpsUrl,
  isLifetime,
  isObject,
  isRecent,
  isText,
  type Members,
  noClaimIsEmpty,
  type Rule,
  STANDARD_CLAIMS,
} from "./certification-rules.ts";

/** An answer of an endpoint that speaks JSON. */
export interface JsonAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Members;
}

export async function readJsonAnswer(response: Response): Promise<JsonAnswer> {
  const contentType = response.headers.get("content-type") ?? "";
  const text = await response.text();
  const body: unknown = text === "" ? {} : JSON.parse(text);
  return { status: response.status, contentType, body: isObject(body) ? body : { "not an object": body } };
}

const isJson = ({ contentType }: JsonAnswer) => /^application\/json\b/.test(contentType);

export type DiscoveryAnswer = JsonAnswer & { readonly authMethod: string };
export const DISCOVERY_RULES: readonly Rule<DiscoveryAnswer>[] = [
  { cert: "2.1.1", rule: "answers 200 with JSON", holds: (given) => given.status === 200 && isJson(given) },
  ...["issuer", "authorization_endpoint", "token_endpoint"].map((member) => ({
    cert: "2.1.1",
    rule: `holds ${member}`,
    holds: ({ body }: DiscoveryAnswer) => isText(body[member]),
  })),
  {
    cert: "2.1.3",
    rule: "lists the client authentication under test",
    holds: ({ body, authMethod }) =>
      [body.token_endpoint_auth_methods_supported ?? "client_secret_basic"].flat().includes(authMethod),
  },
];
export const checkDiscovery = (given: DiscoveryAnswer) => expectRules(DISCOVERY_RULES, given);

export type Jwk = JsonWebKey & { readonly kid?: unknown; readonly use?: unknown; readonly alg?: unknown };
const SECRET_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
export const JWKS_RULES: readonly Rule<readonly Jwk[]>[] = [
  { cert: "2.1.2", rule: "there are keys, and each parses", holds: (keys) => keys.length > 0 && keys.every(parses) },
  { cert: "2.1.2", rule: "every key has a kid", holds: (keys) => keys.every(({ kid }) => isText(kid)) },
  {
    cert: "2.1.2",
    rule: "no kid is used twice",
    holds: (keys) => new Set(keys.map(({ kid }) => kid)).size === keys.length,
  },
  {
    cert: "2.1.2",
    rule: "nothing private and nothing symmetric",
    holds: (keys) => keys.every((key) => key.kty !== "oct" && !SECRET_MEMBERS.some((member) => member in key)),
  },
];
export const checkJwks = (keys: readonly Jwk[]) => expectRules(JWKS_RULES, keys);

function parses(key: Jwk): boolean {
  try {
    return createPublicKey({ key, format: "jwk" }).type === "public";
  } catch {
    return false;
  }
}

export const REGISTRATION_RULES: readonly Rule<JsonAnswer>[] = [
  { cert: "2.2.1", rule: "answers 201 with JSON", holds: (given) => given.status === 201 && isJson(given) },
  { cert: "2.2.1", rule: "has no error", holds: ({ body }) => !("error" in body) },
  { cert: "2.2.1", rule: "has a client_id", holds: ({ body }) => isText(body.client_id) },
  {
    cert: "2.2.2",
    rule: "client_secret_expires_at comes with a client_secret",
    holds: ({ body }) => !("client_secret" in body) || typeof body.client_secret_expires_at === "number",
  },
  {
    cert: "2.2.3",
    rule: "both or none of registration_client_uri and registration_access_token",
    holds: ({ body }) => "registration_client_uri" in body === "registration_access_token" in body,
  },
  {
    cert: "2.2.3",
    rule: "neither is empty, and the first is an https URL",
    holds: ({ body: { registration_client_uri: uri, registration_access_token: token } }) =>
      (uri === undefined || isHttpsUrl(uri)) && (token === undefined || isText(token)),
  },
];
export const checkRegistrationAnswer = (given: JsonAnswer) => expectRules(REGISTRATION_RULES, given);

type Pairs = readonly (readonly [name: string, value: string])[];

/** What an authorization request was answered with, wherever in the answer it stood. */
export interface AuthorizationAnswer {
  readonly sent: {
    readonly redirectUri: string;
    readonly responseType: string | undefined;
    readonly responseMode: string | undefined;
    readonly state: string | undefined;
  };
  readonly issuer: string;
  /** The address without what stood in `query` and `fragment`: of the redirect, or of the form. */
  readonly address: string;
  readonly method: "GET" | "POST";
  readonly query: Pairs;
  readonly fragment: Pairs;
  readonly form: Pairs;
}

type Place = "query" | "fragment" | "form";

/** Where the answer to such a request belongs: OAuth 2.0 Multiple Response Types §5, Form Post Response Mode §2. */
export function placeOf({ responseMode, responseType = "code" }: AuthorizationAnswer["sent"]): Place {
  if (responseMode === "form_post") return "form";
  if (responseMode === "fragment") return "fragment";
  return responseType === "code" ? "query" : "fragment";
}

export function membersOf(answer: AuthorizationAnswer): Readonly<Record<string, string>> {
  return Object.fromEntries(answer[placeOf(answer.sent)]);
}

const registeredQuery = (redirectUri: string): Pairs => [...new URL(redirectUri).searchParams];

/** What the answer says outside its place, beside the query of the registered redirect_uri. */
function strayIn(answer: AuthorizationAnswer): Pairs {
  const kept = registeredQuery(answer.sent.redirectUri).map(String);
  return (["query", "fragment", "form"] as const)
    .filter((place) => place !== placeOf(answer.sent))
    .flatMap((place) => answer[place])
    .filter((pair) => !kept.includes(String(pair)));
}

const TRANSPORT_RULES: readonly Rule<AuthorizationAnswer>[] = [
  {
    cert: "2.3.1",
    rule: "goes to the exact redirect_uri, and keeps its query",
    holds: ({ sent: { redirectUri }, address, query }) => {
      const there = query.map(String);
      return (
        address === redirectUri.split("?")[0] &&
        registeredQuery(redirectUri)
          .map(String)
          .every((pair) => there.includes(pair))
      );
    },
  },
  { cert: "2.3.2", rule: "state is what was sent", holds: (given) => membersOf(given).state === given.sent.state },
  {
    cert: "2.3.3",
    rule: "iss is the issuer",
    holds: (given) => [undefined, given.issuer].includes(membersOf(given).iss),
  },
  {
    cert: "2.3.4",
    rule: "everything is in its one place, each member once",
    holds: (given) => {
      const names = given[placeOf(given.sent)].map(([name]) => name);
      return strayIn(given).length === 0 && new Set(names).size === names.length;
    },
  },
  {
    cert: "2.3.4",
    rule: "a form is posted, and nothing else is",
    holds: (given) => given.method === (placeOf(given.sent) === "form" ? "POST" : "GET"),
  },
];

const MINIMUM_CODE_LENGTH = 16;
const MINIMUM_ENTROPY_BITS = 96;
const isUnguessable = (text: string) => text.length >= MINIMUM_CODE_LENGTH && hasEntropy(text, MINIMUM_ENTROPY_BITS);

export const AUTHORIZATION_RULES: readonly Rule<AuthorizationAnswer>[] = [
  ...TRANSPORT_RULES,
  { cert: "2.3.4", rule: "it is no error", holds: (given) => membersOf(given).error === undefined },
  {
    cert: "2.3.5",
    rule: "a code is long and looks random",
    holds: (given) => membersOf(given).code === undefined || isUnguessable(membersOf(given).code ?? ""),
  },
];
export const checkAuthorizationAnswer = (given: AuthorizationAnswer) => expectRules(AUTHORIZATION_RULES, given);

const ERROR_MEMBERS = ["error", "error_description", "error_uri", "state", "session_state", "iss"];
export const AUTHORIZATION_ERROR_RULES: readonly Rule<AuthorizationAnswer>[] = [
  ...TRANSPORT_RULES,
  {
    cert: "2.4.1",
    rule: "error and state are there, and no code",
    holds: (given) => {
      const { error, state, code } = membersOf(given);
      return isText(error) && state === given.sent.state && code === undefined;
    },
  },
  {
    cert: "2.4.2",
    rule: "error_description and error_uri are well-formed",
    holds: (given) => isErrorDescription(membersOf(given).error_description) && isErrorUri(membersOf(given).error_uri),
  },
  {
    cert: "2.4.3",
    rule: "nothing else is there",
    holds: (given) => {
      const kept = registeredQuery(given.sent.redirectUri).map(([name]) => name);
      return Object.keys(membersOf(given)).every((name) => [...ERROR_MEMBERS, ...kept].includes(name));
    },
  },
];
export const checkAuthorizationError = (given: AuthorizationAnswer) => expectRules(AUTHORIZATION_ERROR_RULES, given);

export type TokenAnswer = JsonAnswer & { readonly cacheControl: string; readonly openid: boolean };
export const TOKEN_RULES: readonly Rule<TokenAnswer>[] = [
  { cert: "2.5.1", rule: "answers 200 with JSON", holds: (given) => given.status === 200 && isJson(given) },
  { cert: "2.5.1", rule: "has an access_token", holds: ({ body }) => isText(body.access_token) },
  { cert: "2.5.1", rule: "has an id_token for openid", holds: ({ body, openid }) => !openid || isText(body.id_token) },
  { cert: "2.5.2", rule: "expires_in is a sensible number", holds: ({ body }) => isLifetime(body.expires_in) },
  { cert: "2.5.3", rule: "is not stored", holds: ({ cacheControl }) => cacheControl.includes("no-store") },
  { cert: "2.5.3", rule: "is a bearer token", holds: ({ body }) => /^bearer$/i.test(String(body.token_type)) },
];
export const checkTokenAnswer = (given: TokenAnswer) => expectRules(TOKEN_RULES, given);

const TOKEN_ERRORS = [
  ...["invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"],
  "invalid_scope",
];
export const TOKEN_ERROR_RULES: readonly Rule<JsonAnswer>[] = [
  {
    cert: "2.5.4",
    rule: "answers 400, or 401 to a client that is not who it says, with JSON",
    holds: (given) =>
      isJson(given) && (given.status === 400 || (given.status === 401 && given.body.error === "invalid_client")),
  },
  { cert: "2.5.4", rule: "error is a registered one", holds: ({ body }) => TOKEN_ERRORS.includes(String(body.error)) },
  {
    cert: "2.5.4",
    rule: "error_description and error_uri are well-formed",
    holds: ({ body }) => isErrorDescription(body.error_description) && isErrorUri(body.error_uri),
  },
];
export const checkTokenError = (given: JsonAnswer) => expectRules(TOKEN_ERROR_RULES, given);

/** An ID token and all that it is held against. */
export interface ReceivedIdToken {
  readonly jwt: string;
  readonly header: Members;
  readonly claims: Members;
  readonly keys: readonly Jwk[];
  readonly issuer: string;
  readonly clientId: string;
  readonly nonce: string | undefined;
  /** Of whatever else told who the person is. */
  readonly subjects: readonly unknown[];
  /** Names that the request's scope and its `claims` ask for. */
  readonly asked: readonly string[];
  /** In seconds since 1970. */
  readonly now: number;
  /** Where it came encrypted: the header around it and the key it was to be encrypted to. */
  readonly encryption?: { readonly header: Members; readonly kid: string };
}

const HARMLESS = [
  ...["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "s_hash"],
  ...["nbf", "jti", "sid", "txn"],
];
const FIFTY_YEARS_SECONDS = 50 * 365 * 24 * 3600;
const YEAR_SECONDS = 365 * 24 * 3600;

export const ID_TOKEN_RULES: readonly Rule<ReceivedIdToken>[] = [
  { cert: "2.6.1", rule: "iss is the issuer", holds: ({ claims, issuer }) => claims.iss === issuer },
  {
    cert: "2.6.1",
    rule: "aud has the client",
    holds: ({ claims, clientId }) => [claims.aud].flat().includes(clientId),
  },
  {
    cert: "2.6.2",
    rule: "exp is ahead, and not by 50 years",
    holds: ({ claims: { exp }, now }) => typeof exp === "number" && exp > now && exp < now + FIFTY_YEARS_SECONDS,
  },
  {
    cert: "2.6.2",
    rule: "iat is now",
    holds: ({ claims: { iat }, now }) => typeof iat === "number" && Math.abs(now - iat) < 300,
  },
  {
    cert: "2.6.3",
    rule: "auth_time is not in the future and of this year",
    holds: ({ claims, now }) =>
      claims.auth_time === undefined || isRecent(claims.auth_time, now, { withinSeconds: YEAR_SECONDS }),
  },
  { cert: "2.6.4", rule: "acr is a text", holds: ({ claims }) => claims.acr === undefined || isText(claims.acr) },
  { cert: "2.6.4", rule: "nonce is the request's", holds: ({ claims, nonce }) => claims.nonce === nonce },
  {
    cert: "2.6.5",
    rule: "sub is 1 to 255 printable characters",
    holds: ({ claims }) => typeof claims.sub === "string" && /^[\x20-\x7e]{1,255}$/.test(claims.sub),
  },
  {
    cert: "2.6.5",
    rule: "sub is the same everywhere",
    holds: ({ claims, subjects }) => subjects.every((subject) => subject === claims.sub),
  },
  { cert: "2.6.6", rule: "the one key of its kid made it", holds: isSignedByItsKey },
  { cert: "2.6.7", rule: "every claim has its type", holds: ({ claims }) => claimTypesHold(claims) },
  {
    cert: "2.6.8",
    rule: "nothing is told that was not asked for",
    holds: ({ claims, asked }) => Object.keys(claims).every((name) => [...HARMLESS, ...asked].includes(name)),
  },
  {
    cert: "2.6.9",
    rule: "the header of an encrypted one names the key",
    holds: ({ encryption }) => encryption === undefined || encryption.header.kid === encryption.kid,
  },
];
export const checkIdToken = (given: ReceivedIdToken) => expectRules(ID_TOKEN_RULES, given);

const DIGESTS: Readonly<Record<string, { readonly kty: string; readonly digest: string | null }>> = {
  RS256: { kty: "RSA", digest: "sha256" },
  ES256: { kty: "EC", digest: "sha256" },
  EdDSA: { kty: "OKP", digest: null },
};

function isSignedByItsKey({ jwt, header, keys }: ReceivedIdToken): boolean {
  const { alg, kid } = header;
  const algorithm = DIGESTS[String(alg)];
  const fitting = keys.filter(
    (key) =>
      key.kid === kid &&
      key.kty === algorithm?.kty &&
      [undefined, alg].includes(key.alg as string) &&
      [undefined, "sig"].includes(key.use as string),
  );
  const [key, ...more] = fitting;
  const [protectedPart = "", claims = "", signature = ""] = jwt.split(".");
  if (algorithm === undefined || !isText(kid) || key === undefined || more.length > 0) return false;
  const publicKey = createPublicKey({ key, format: "jwk" });
  const signed = Buffer.from(`${protectedPart}.${claims}`);
  return verify(
    algorithm.digest,
    signed,
    { key: publicKey, dsaEncoding: "ieee-p1363" },
    Buffer.from(signature, "base64url"),
  );
}

export type UserinfoAnswer = JsonAnswer & { readonly subject: unknown };
export const USERINFO_RULES: readonly Rule<UserinfoAnswer>[] = [
  {
    cert: "2.7.1",
    rule: "answers 200 with JSON, or with the JWT that was registered for",
    holds: (given) => given.status === 200 && (isJson(given) || given.contentType === "application/jwt"),
  },
  {
    cert: "2.7.1",
    rule: "sub is the ID token's",
    holds: ({ body, subject }) => isText(body.sub) && body.sub === subject,
  },
  { cert: "2.7.2", rule: "every claim has its type", holds: ({ body }) => claimTypesHold(body) },
  { cert: "2.7.3", rule: "no claim is empty", holds: ({ body }) => noClaimIsEmpty(body) },
  { cert: "2.7.3", rule: "claim sources are there", holds: ({ body }) => claimSourcesAreThere(body) },
];
export const checkUserinfo = (given: UserinfoAnswer) => expectRules(USERINFO_RULES, given);

/** The names that a scope asks for, OIDC Core §5.4, and our own two scopes. */
export function claimsOfScope(scope: string): readonly string[] {
  const rest = ["email", "email_verified", "address", "phone_number", "phone_number_verified"];
  const claims: Readonly<Record<string, readonly string[]>> = {
    profile: STANDARD_CLAIMS.filter((name) => !rest.includes(name)),
    email: rest.slice(0, 2),
    address: ["address"],
    phone: rest.slice(3),
  };
  return scope.split(" ").flatMap((word) => claims[word] ?? []);
}
