// How we prove to the token endpoint that we are the registered client (RFC 6749 §2.3).
import * as client from "openid-client";
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

function withAssertion(assertion: string): client.ClientAuth {
  return (_server, { client_id }, body) => {
    body.set("client_id", client_id);
    body.set("client_assertion_type", ASSERTION_TYPE);
    body.set("client_assertion", assertion);
  };
}
