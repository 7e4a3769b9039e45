import { type JsonObject, toEpochSeconds } from "@dex/runtime";
import type { Client } from "./client.ts";
import { renderClientDetails, responseTypesOf, splitDetails } from "./client-details.ts";
import { secretsOf } from "./client-secrets.ts";

/** What only the client itself is shown. */
export interface ShownToClient {
  /** The secret, this once; undefined where it has none or has been shown it. */
  readonly secret: string | undefined;
  /** RFC 7592 §3: where it manages its registration, and with what. */
  readonly managementUrl: string;
  readonly managementToken: string;
}

/** The client information response, RFC 7591 §3.2.1 and RFC 7592 §3: what is registered, defaults among it. */
export function renderClientInformation(client: Client, shown: ShownToClient): JsonObject {
  const byBrowser = client.grantTypes.some((grant) => grant === "authorization_code" || grant === "implicit");
  return {
    client_id: client.id,
    ...(shown.secret === undefined ? {} : { client_secret: shown.secret }),
    client_id_issued_at: Math.floor(client.createdAt.getTime() / 1000),
    client_secret_expires_at: endOfSecrets(client),
    registration_client_uri: shown.managementUrl,
    registration_access_token: shown.managementToken,
    redirect_uris: client.redirectUris,
    grant_types: client.grantTypes,
    token_endpoint_auth_method: client.public ? "none" : "client_secret_basic",
    application_type: "web",
    subject_type: "public",
    ...renderClientDetails(splitDetails(client.details).own),
    response_types: byBrowser ? responseTypesOf(client.details) : [],
    id_token_signed_response_alg: client.idTokenSigningAlgorithm,
    ...(client.name === undefined ? {} : { client_name: client.name }),
    ...(client.logoUri === undefined ? {} : { logo_uri: client.logoUri }),
    ...(client.clientUri === undefined ? {} : { client_uri: client.clientUri }),
    ...(client.scopes === undefined ? {} : { scope: client.scopes.join(" ") }),
  };
}

/** RFC 7591 §3.2.1: 0 for never. Of two secrets that which lasts longer says how long the client can go on. */
function endOfSecrets(client: Client): number {
  const ends = secretsOf(client).map(({ expiresAt }) => expiresAt);
  const times = ends.filter((end) => end !== undefined).map((end) => toEpochSeconds(end));
  return times.length < ends.length ? 0 : Math.max(0, ...times);
}
