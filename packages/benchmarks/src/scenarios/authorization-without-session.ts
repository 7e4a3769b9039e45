import type { Scenario } from "../scenario.ts";
import { newAttempt } from "./authorization-code.ts";

/** GET /auth by a browser that nobody knows: a sealed login state and the way to the form. */
export const authorizationWithoutSession: Scenario = {
  name: "authorization-without-session",
  title: "GET /auth without a session",
  floor: undefined,
  async openLane({ system, http }) {
    const { pathname } = new URL(system.issuer);
    return async () => {
      const { status, headers } = await http.send({ url: newAttempt(system, "openid").url });
      const toForm = headers.location?.startsWith(`${pathname}/auth/local/login?flow=`);
      if (status !== 303 || toForm !== true || headers["set-cookie"]?.length !== 1) {
        throw new Error(`found status ${status} to ${headers.location}, expected 303 to the form with one cookie`);
      }
      return undefined;
    };
  },
};
