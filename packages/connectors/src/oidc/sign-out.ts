// Where a person is signed out upstream (OIDC RP-Initiated Logout §2).
import type { Connector } from "../connector.ts";
import { LoginRefused } from "../login-refused.ts";
import type { OidcSettings } from "./settings.ts";
import type { OidcUpstream } from "./upstream.ts";

/** Without `id_token_hint`, which is not kept: an upstream that demands it asks the person instead. */
export function makeSignOut({ clientId }: OidcSettings, upstream: OidcUpstream): NonNullable<Connector["signOut"]> {
  return async ({ returnTo, state }) => {
    const url = await findEndpoint(upstream);
    if (url === null) return undefined;
    url.searchParams.set("post_logout_redirect_uri", returnTo);
    url.searchParams.set("client_id", clientId);
    url.searchParams.set("state", state);
    return { kind: "redirect", to: url.href, data: {} };
  };
}

/** An upstream that is out of reach is left alone: signing out here does not wait for it. */
async function findEndpoint(upstream: OidcUpstream): Promise<URL | null> {
  try {
    const url = URL.parse((await upstream.metadata()).end_session_endpoint ?? "");
    return url?.username === "" && url.password === "" ? url : null;
  } catch (error) {
    if (error instanceof LoginRefused) return null;
    throw error;
  }
}
