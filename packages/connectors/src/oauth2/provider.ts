// What describes one OAuth2 provider to the base.
import type { JsonObject } from "@dex/runtime";
import type { BoundedFetch } from "../bounded-fetch.ts";
import type { AskedOfUpstream, Identity, UpstreamWish } from "../connector.ts";
import type { UpstreamTls } from "./config-members.ts";
import type { UpstreamApi } from "./upstream-api.ts";

/** What a provider says about a person. */
export type UpstreamPerson = Pick<
  Identity,
  "remoteId" | "email" | "emailVerified" | "displayName" | "preferredUsername" | "groups"
>;

/** Where a provider's server is. */
export interface OAuth2Endpoints {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  /** RFC 9207: when known, an `iss` in the answer must be this; otherwise of the authorization endpoint's origin. */
  readonly issuer?: string | undefined;
}

/**
 * How we authenticate at the token endpoint (RFC 6749 §2.3.1, RFC 7523 §2.2). `auto` tries Basic, then once the body, and
 * remembers what worked.
 */
export type ClientAuthentication =
  | "client_secret_basic"
  | "client_secret_post"
  | "auto"
  | { readonly assertion: () => Promise<string> };

interface ProviderBase extends UpstreamTls {
  /** Where `readPerson` may ask; the operator chose its host, as those of the endpoints. */
  readonly apiUrl: string;
  readonly scopes: readonly string[] | ((asked: AskedOfUpstream) => readonly string[]);
  readonly clientAuthentication: ClientAuthentication;
  /** Sent with every request to the API. */
  readonly apiHeaders?: Readonly<Record<string, string>>;
  /** Whether `redirect_uri` is sent, or left to what is registered there. Sent by default. */
  readonly redirectUri?: "sent" | "registered";
  /** `none` for a server that refuses a request with it, as LinkedIn does. S256 when absent. */
  readonly pkce?: "S256" | "none";
  /** `form`: the answer is asked for as a POST (OAuth 2.0 Form Post Response Mode). */
  readonly callback?: "query" | "form";
  /** Endpoints that discovery names on other hosts than `apiUrl` may have private addresses. */
  readonly privateAddressesAllowed?: boolean | undefined;
  /** Parameters of the authorization request for what the person's request wants, such as `prompt`. */
  readonly wishParameters?: (wish: UpstreamWish) => Readonly<Record<string, string>>;
  /**
   * How the person is read again for a client's refresh. `token`: with the stored access token, renewed by the upstream's
   * refresh token once it has expired. `access token`: with the stored access token alone. Absent: not at all.
   */
  readonly refresh?: "token" | "access token" | undefined;
  /**
   * Makes sure that a token which somebody brings was issued to us, or to whom the operator allows; it is about the token
   * that `api` presents. Throws LoginRefused for any other. Absent where the server cannot say: then none is taken.
   */
  readonly admitToken?: (api: UpstreamApi) => Promise<void>;
  /**
   * Reads the person with the token just received, or stored. `token` is the token endpoint's whole answer, or
   * `access_token` alone where none was asked for. Throws LoginRefused for who may not sign in.
   */
  readPerson(api: UpstreamApi, asked: AskedOfUpstream, token: JsonObject): Promise<UpstreamPerson>;
}

/** One provider as configured: its endpoints are known, or found when they are first needed. */
export type OAuth2Provider = ProviderBase &
  (
    | (OAuth2Endpoints & { readonly endpoints?: undefined })
    | {
        /** Asks where the endpoints are, RFC 8414; see `discoverEndpoints`. The answer is kept for an hour. */
        readonly endpoints: (fetch: BoundedFetch) => Promise<OAuth2Endpoints>;
      }
  );
