import { FLOORS } from "../floor.ts";
import { textOf } from "../http-client.ts";
import type { Scenario } from "../scenario.ts";
import { signIn } from "./signed-in-lane.ts";
import { requestToken } from "./token-request.ts";

/** Each lane is one family: every answer brings the refresh token of the next request. */
export const refresh: Scenario = {
  name: "refresh",
  title: "refresh",
  floor: FLOORS.refresh,
  async openLane(parts) {
    const { system, http } = parts;
    const { user, refreshToken: first } = await signIn(parts, "openid email offline_access");
    if (first === undefined) throw new Error("offline_access brought no refresh token");
    let refreshToken = first;
    const { web } = system.clients;
    return async () => {
      const answer = await requestToken(http, system.issuer, web, {
        grant_type: "refresh_token",
        refresh_token: refreshToken,
      });
      refreshToken = textOf(answer, "refresh_token");
      const accessToken = textOf(answer, "access_token");
      const idToken = textOf(answer, "id_token");
      const expected = { clientId: web.id, userId: user.id, nonce: undefined, accessToken };
      return () => system.tokens.verifyIdToken(idToken, expected);
    };
  },
};
