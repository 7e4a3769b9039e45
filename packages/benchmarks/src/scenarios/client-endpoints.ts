// What clients ask without a browser, beside tokens: pushed requests (RFC 9126) and introspection (RFC 7662).
import { FLOORS } from "../floor.ts";
import { jsonOf } from "../http-client.ts";
import type { Scenario } from "../scenario.ts";
import { newAttempt } from "./authorization-code.ts";
import { signIn } from "./signed-in-lane.ts";
import { sendForm } from "./token-request.ts";

export const pushedRequest: Scenario = {
  name: "pushed-request",
  title: "pushed request",
  floor: undefined,
  async openLane({ system, http }) {
    const { web } = system.clients;
    return async () => {
      const params = Object.fromEntries(new URL(newAttempt(system, "openid email").url).searchParams);
      const { status, body } = await sendForm(http, `${system.issuer}/par`, web, params);
      const { request_uri } = JSON.parse(body) as Readonly<Record<string, unknown>>;
      if (status !== 201 || typeof request_uri !== "string") throw new Error(`found status ${status}: ${body}`);
      return undefined;
    };
  },
};

export const introspection: Scenario = {
  name: "introspection",
  title: "introspection",
  floor: FLOORS.userinfo,
  async openLane(parts) {
    const { system, http } = parts;
    const { user, accessToken } = await signIn(parts, "openid email");
    return async () => {
      const url = `${system.issuer}/introspect`;
      const { active, sub } = jsonOf(await sendForm(http, url, system.clients.web, { token: accessToken }));
      if (active !== true || sub !== user.id) throw new Error("the token is no longer active, or somebody else's");
      return undefined;
    };
  },
};
