import { FLOORS } from "../floor.ts";
import { jsonOf } from "../http-client.ts";
import type { Scenario } from "../scenario.ts";
import { signIn } from "./signed-in-lane.ts";

export const userinfo: Scenario = {
  name: "userinfo",
  title: "userinfo",
  floor: FLOORS.userinfo,
  async openLane(parts) {
    const { system, http } = parts;
    const { user, accessToken } = await signIn(parts, "openid email");
    const request = { url: `${system.issuer}/userinfo`, headers: { authorization: `Bearer ${accessToken}` } };
    return async () => {
      const { sub, email } = jsonOf(await http.send(request));
      if (sub !== user.id || email !== user.email) throw new Error("userinfo is about somebody else");
      return undefined;
    };
  },
};
