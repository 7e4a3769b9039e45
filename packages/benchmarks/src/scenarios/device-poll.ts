import { jsonOf, textOf } from "../http-client.ts";
import type { Scenario } from "../scenario.ts";
import { DEVICE_CODE_GRANT } from "../system.ts";
import { sendForm } from "./token-request.ts";

/** Each lane is a device whose person has not answered, and that polls faster than it may (RFC 8628 §3.5). */
export const devicePoll: Scenario = {
  name: "device-poll",
  title: "device that polls",
  floor: undefined,
  async openLane({ system, http }) {
    const { issuer, clients } = system;
    const asked = await sendForm(http, `${issuer}/device/code`, clients.web, { scope: "openid" });
    const form = { grant_type: DEVICE_CODE_GRANT, device_code: textOf(jsonOf(asked), "device_code") };
    return async () => {
      const { body } = await sendForm(http, `${issuer}/token`, clients.web, form);
      const { error } = JSON.parse(body) as Readonly<Record<string, unknown>>;
      if (error !== "authorization_pending" && error !== "slow_down") throw new Error(`found ${body}`);
      return undefined;
    };
  },
};
