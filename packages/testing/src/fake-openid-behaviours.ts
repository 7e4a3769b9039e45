// How the fake OpenID provider can misbehave. All of it is off until a test says otherwise.

/** What an endpoint does in place of its job. */
export type Misbehaviour =
  | "hang" // takes the request and never answers
  | "dribble" // one byte now and then, without end
  | "status 500"
  | "status 404"
  | "status 429" // with Retry-After
  | "status 502"
  | "status 503"
  | "huge body" // more than 2 MiB of JSON
  | "endless body" // as much as is taken, up to a gigabyte
  | "many headers" // more than 16 KiB of them
  | "redirect loop" // to itself
  | "not json"
  | "html" // with status 200
  | "close"; // ends the connection without an answer

export type FakeEndpoint = "discovery" | "authorization" | "token" | "jwks" | "userinfo";

export interface FakeBehaviours {
  /** By endpoint, until removed. */
  endpoints: Partial<Record<FakeEndpoint, Misbehaviour>>;
  /** Replaces members of the discovery document; `undefined` removes one. */
  discovery: Record<string, unknown>;
  /** Replaces parameters of the authorization response; `undefined` removes one. */
  authorizationResponse: Record<string, string | undefined>;
  /** Replaces claims of the ID token; `undefined` removes one. */
  idTokenClaims: Record<string, unknown>;
  /** Who signs the ID token, and how. */
  idTokenSignature: "good" | "foreign key" | "alg none" | "client secret as HMAC key" | "unknown kid" | "broken";
  /** Replaces members of the token response; `undefined` removes one. */
  tokenResponse: Record<string, unknown>;
  /** Makes access tokens signed JWTs (RFC 9068) with these claims beside `iss`, `sub`, `iat` and `exp`; opaque without. */
  accessTokenClaims: Record<string, unknown> | undefined;
  /** Replaces claims of the userinfo response; `undefined` removes one. */
  userInfoClaims: Record<string, unknown>;
}

export function goodBehaviours(): FakeBehaviours {
  return {
    endpoints: {},
    discovery: {},
    authorizationResponse: {},
    idTokenClaims: {},
    idTokenSignature: "good",
    tokenResponse: {},
    accessTokenClaims: undefined,
    userInfoClaims: {},
  };
}

/** `base` with members replaced, and without those that became undefined. Own members named `__proto__` stay members. */
export function replaceMembers(
  base: Readonly<Record<string, unknown>>,
  changes: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ ...base, ...changes }).filter(([, value]) => value !== undefined));
}
