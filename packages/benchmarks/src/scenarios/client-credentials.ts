import { FLOORS } from "../floor.ts";
import { textOf } from "../http-client.ts";
import type { Scenario } from "../scenario.ts";
import { requestToken } from "./token-request.ts";

export const clientCredentialsRs256: Scenario = {
  name: "client-credentials-rs256",
  title: "client_credentials, RS256",
  floor: FLOORS.clientCredentialsRs256,
  openLane: openLane("RS256"),
};

export const clientCredentialsEs256: Scenario = {
  name: "client-credentials-es256",
  title: "client_credentials, ES256",
  floor: FLOORS.clientCredentialsEs256,
  openLane: openLane("ES256"),
};

function openLane(algorithm: "RS256" | "ES256"): Scenario["openLane"] {
  return async ({ system, http }) => {
    const { serviceRs256, serviceEs256 } = system.clients;
    const client = algorithm === "RS256" ? serviceRs256 : serviceEs256;
    return async () => {
      const answer = await requestToken(http, system.issuer, client, { grant_type: "client_credentials" });
      const jwt = textOf(answer, "access_token");
      return () => system.tokens.verifyAccessToken(jwt, { clientId: client.id, algorithm });
    };
  };
}
