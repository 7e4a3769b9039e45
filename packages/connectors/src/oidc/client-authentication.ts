// How we prove to the token endpoint that we are the registered client (RFC 6749 §2.3).
import * as client from "openid-client";
import * as z from "zod";
import type { UpstreamMetadata } from "./discovery.ts";
import type { OidcSettings } from "./settings.ts";

/** RFC 7523 §2.2 */
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** OIDC Core §9. Undefined where the upstream announces no method that we can do; basic where it announces none. */
export async function chooseClientAuthentication(
  metadata: UpstreamMetadata,
  { clientAuthentication: choice, clientSecret }: OidcSettings,
  now: Date,
): Promise<client.ClientAuth | undefined> {
  if (typeof choice === "object") {
    if ("secret" in choice) return client.ClientSecretPost(await choice.secret(now));
    return withAssertion(await choice.assertion());
  }
  if (clientSecret === undefined) return client.None();
  const secret = clientSecret.reveal();
  const announced = metadata.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
  const method = choice === "announced" ? announced.find((name) => /^client_secret_(basic|post)$/.test(name)) : choice;
  if (method === undefined) return undefined;
  return method === "client_secret_post" ? client.ClientSecretPost(secret) : client.ClientSecretBasic(secret);
}

/** Whether a server that does not know us by Basic may be shown the secret in the body too, as dex v2 did. */
export function mayRetryInBody(metadata: UpstreamMetadata, { clientAuthentication }: OidcSettings): boolean {
  const announced = metadata.token_endpoint_auth_methods_supported;
  return clientAuthentication === "announced" && (announced?.includes("client_secret_post") ?? true);
}

/**
 * Asks the token endpoint once more, with the credentials in the body, when it does not know us by Basic: what a server
 * announces need not be what it registered us for. Who does not know the client has not looked at the code. `found` is
 * called when the second way was the right one.
 */
export function retryInBody(
  send: client.CustomFetch,
  {
    tokenEndpoint,
    clientId,
    secret,
    found,
  }: {
    readonly tokenEndpoint: string;
    readonly clientId: string;
    readonly secret: string;
    readonly found: () => void;
  },
): client.CustomFetch {
  return async (url, options) => {
    const first = await send(url, options);
    const { authorization, ...headers } = options.headers;
    if (url !== tokenEndpoint || !authorization?.startsWith("Basic ") || (await knowsUs(first))) return first;
    const body = new URLSearchParams(String(options.body));
    body.set("client_id", clientId);
    body.set("client_secret", secret);
    const second = await send(url, { ...options, headers, body });
    if (await knowsUs(second)) found();
    return second;
  };
}

const unknownClient = z.object({ error: z.literal("invalid_client") });

async function knowsUs(response: Response): Promise<boolean> {
  if (response.status !== 400 && response.status !== 401) return true;
  const answer: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  return !unknownClient.safeParse(answer).success;
}

function withAssertion(assertion: string): client.ClientAuth {
  return (_server, { client_id }, body) => {
    body.set("client_id", client_id);
    body.set("client_assertion_type", ASSERTION_TYPE);
    body.set("client_assertion", assertion);
  };
}
