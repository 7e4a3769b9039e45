import { FLOORS } from "../floor.ts";
import type { Scenario } from "../scenario.ts";
import { newAttempt, redeemCode } from "./authorization-code.ts";
import { signIn } from "./signed-in-lane.ts";

/** GET /auth with a session -> code -> POST /token. */
export const signInWithSession: Scenario = {
  name: "sign-in-with-session",
  title: "sign-in with a session",
  floor: FLOORS.signInWithSession,
  async openLane(parts) {
    const { system, http } = parts;
    const { user, cookie } = await signIn(parts, "openid email");
    return async () => {
      const attempt = newAttempt(system, "openid email");
      const { status, headers } = await http.send({ url: attempt.url, headers: { cookie } });
      if (status !== 303 || headers.location === undefined) throw new Error(`GET /auth: status ${status}`);
      const { proof } = await redeemCode({ system, http, user }, attempt, new URL(headers.location, attempt.url));
      return proof;
    };
  },
};
