// Where a person is signed out upstream (OIDC RP-Initiated Logout §2).
import { LoginRefused } from "../login-refused.ts";
import type { OidcSettings } from "./settings.ts";
import type { OidcUpstream } from "./upstream.ts";

/** Without `id_token_hint`, which is not kept: an upstream that demands it asks the person instead. */
export function makeLogoutUrl({ clientId }: OidcSettings, upstream: OidcUpstream) {
  return async (returnTo: string | undefined): Promise<string | undefined> => {
    const endpoint = await findEndpoint(upstream);
    if (endpoint === undefined || returnTo === undefined) return endpoint;
    const url = new URL(endpoint);
    url.searchParams.set("post_logout_redirect_uri", returnTo);
    url.searchParams.set("client_id", clientId);
    return url.href;
  };
}

/** An upstream that is out of reach is left alone: signing out here does not wait for it. */
async function findEndpoint(upstream: OidcUpstream): Promise<string | undefined> {
  try {
    return (await upstream.metadata()).end_session_endpoint;
  } catch (error) {
    if (error instanceof LoginRefused) return undefined;
    throw error;
  }
}
