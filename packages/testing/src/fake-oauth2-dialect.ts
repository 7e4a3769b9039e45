// How one OAuth 2.0 provider differs from another, for the fake ones.
import type { Misbehaviour } from "./fake-openid-behaviours.ts";

export interface FakeOAuth2Request {
  readonly method: string;
  readonly path: string;
  /** Query or form. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface FakeApiAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface FakeApiCall<Person> {
  readonly person: Person;
  readonly scopes: readonly string[];
  readonly accessToken: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The JSON body of a POST. */
  readonly body: unknown;
  /** The query as it came, byte for byte. */
  readonly query: string;
  /** Our own address, for absolute links. */
  readonly url: string;
  /** What the pattern of the route captured. */
  readonly match: readonly string[];
}

export interface FakeApiRoute<Person> {
  /** The whole path. */
  readonly path: RegExp;
  /** GET when absent. A POST has a JSON body. */
  readonly method?: "GET" | "POST";
  /** Query parameters that may be sent; any other is a violation. */
  readonly parameters?: readonly string[];
  /** One that the token must have, else 403. */
  readonly scope?: string;
  answer(call: FakeApiCall<Person>): FakeApiAnswer;
}

export interface FakeOAuth2Behaviours {
  /** By path, until removed. */
  endpoints: Record<string, Misbehaviour>;
  /** By path: each is done once, in order, before the endpoint does its job again. */
  next: Record<string, Misbehaviour[]>;
  /** Replaces parameters of the authorization response; `undefined` removes one. */
  authorizationResponse: Record<string, string | undefined>;
  /** Replaces members of the token response; `undefined` removes one. */
  tokenResponse: Record<string, unknown>;
}

export interface FakeOAuth2Options<Person> {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUris: string[];
  /** The first one signs in unless `hint` of another is asked for. */
  readonly people: readonly Person[];
  /** PEM: the server speaks TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** How a client authenticates at the token endpoint; a function decides for itself, from the form. */
export type FakeClientAuthenticationRule =
  | "client_secret_basic"
  | "client_secret_post"
  | "either"
  | ((form: Readonly<Record<string, string>>) => boolean);

export interface FakeOAuth2Dialect<Person> {
  readonly authorizationPath: string;
  readonly tokenPath: string;
  readonly clientAuthentication: FakeClientAuthenticationRule;
  readonly redirectUri: "sent" | "registered";
  /** `refused`: a code_verifier is taken for a wrong secret. Required when absent. */
  readonly pkce?: "required" | "refused";
  /** The client asks for one of these, each as it stands in the request. */
  readonly scopes: readonly string[];
  /** Parameters of the authorization request beside those of RFC 6749 and RFC 7636. */
  readonly authorizationParameters: readonly string[];
  /** Whether a client that does not ask for JSON gets a form. */
  readonly tokenFormat: "json" | "form" | "form unless asked";
  /** Errors of the token endpoint come with status 200. */
  readonly errorsAsSuccess: boolean;
  /** How long an access token lives, told as `expires_in`; for ever when absent. */
  readonly accessTokenSeconds?: number;
  /** Whether there are refresh tokens, and whether each is good for one use. `scope` is what a client must ask for. */
  readonly refreshTokens?: { readonly rotate: boolean; readonly scope?: string };
  /** The only way in which a code is sent back; a client must ask for it where it is `form_post`. */
  readonly responseMode?: "query" | "form_post";
  /** Names the error of a code that is not one; `invalid_grant` when absent. */
  readonly wrongCode?: string;
  /** What a wrong access token is answered with. */
  readonly unauthorized?: FakeApiAnswer;
  /** Documents that anybody may read, by path: metadata. */
  readonly documents?: (url: string) => Readonly<Record<string, unknown>>;
  /** The hint that names a person. */
  hintOf(parameters: Readonly<Record<string, string>>): string | undefined;
  isHinted(person: Person, hint: string): boolean;
  readonly api: readonly FakeApiRoute<Person>[];
  /** Headers that every call of the API must have. */
  readonly apiHeaders: Readonly<Record<string, string>>;
}

export interface FakeOAuth2Server<Person> {
  readonly url: string;
  readonly people: Person[];
  readonly requests: FakeOAuth2Request[];
  /** What the client did wrong, in order. Each was also answered with an error. */
  readonly violations: string[];
  readonly behaviours: FakeOAuth2Behaviours;
  readonly redirectUris: string[];
  /** Somebody as they are from now on, to tokens issued before too; undefined for who is gone, and whose tokens end. */
  replace(person: Person, next: Person | undefined): void;
  /** Lets time pass for codes and tokens. */
  advance(seconds: number): void;
  /** Ends the person's access tokens; refresh tokens stay. */
  endAccessTokens(): void;
  /** Makes access tokens, such as JWTs, in place of random ones. */
  nameTokens(next: (() => string) | undefined): void;
  reset(): void;
  close(): Promise<void>;
}

/** Something a client must not do. */
export class Violation extends Error {
  readonly status: number;
  readonly code: string;
  constructor(message: string, code = "invalid_request", status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Violation(message);
}
