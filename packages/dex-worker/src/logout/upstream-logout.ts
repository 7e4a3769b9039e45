// Upstreams that say that somebody has signed out there, OIDC Back-Channel Logout §2.5 to §2.8: the sessions here that came from
// there end, and our own clients are told as always.
import { type Logouts, OAuthError, upstreamSidHash } from "@dex/oidc";
import type { Logger } from "@dex/runtime";
import type { ConnectorSet } from "../live/connector-set.ts";
import { readForm, readQuery } from "../middleware/form-body.ts";
import { setTokenHeaders } from "../middleware/headers.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import type { PageRoute, Visit } from "../visit.ts";

const MAX_FORM_BYTES = 16 * 1024;

/** Takes the logout tokens of upstreams. Before a token's signature has been checked nothing is written. */
export function upstreamLogoutRoute(parts: {
  connectors: ConnectorSet;
  logouts: Pick<Logouts, "endOfUpstream">;
  logger: Logger;
}): PageRoute {
  const { connectors, logouts, logger } = parts;

  async function takeToken({ request, response, now }: Visit): Promise<void> {
    setTokenHeaders(response);
    const connector = connectors.find(String(request.params.connectorId))?.connector;
    const { id: connectorId, readLogoutToken } = connector ?? {};
    if (connectorId === undefined || readLogoutToken === undefined) {
      throw new InvalidInput(404, "no upstream that sends logout tokens goes by this name");
    }
    if (readQuery(request).size > 0) throw refused("parameters belong into the body alone");
    const [token = "", ...more] = (await readForm(request, MAX_FORM_BYTES)).getAll("logout_token");
    if (token === "" || more.length > 0) throw refused("logout_token must be there once");
    const logout = await readLogoutToken(token, now);
    if (logout.kind === "unavailable") {
      throw new OAuthError("temporarily_unavailable", "the token cannot be checked now", { detail: logout.detail });
    }
    if (logout.kind !== "logout") {
      throw refused("the logout token is not accepted", "detail" in logout ? logout.detail : logout.kind);
    }
    const { remoteId, jti, until } = logout;
    const sid = logout.sid === undefined ? undefined : upstreamSidHash(connectorId, logout.sid);
    const from = { connectorId, sid, remoteId, jti, until, address: request.ip };
    const ended = await logouts.endOfUpstream(from, now);
    if (ended === undefined) throw refused("the logout token was used before");
    for (const { userId, clients } of ended) {
      logger.info("signed out", { userId, connectorId, clients: clients.length, by: "upstream" });
    }
    response.status(200).end();
  }

  return { path: "/auth/:connectorId/backchannel-logout", reply: "token", POST: takeToken };
}

function refused(message: string, detail?: string): OAuthError {
  return new OAuthError("invalid_request", message, detail === undefined ? {} : { detail });
}
