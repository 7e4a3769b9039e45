import { jsonOf, textOf } from "../http-client.ts";
import type { Scenario } from "../scenario.ts";
import { TOKEN_EXCHANGE_GRANT } from "../system.ts";
import { signIn } from "./signed-in-lane.ts";
import { requestToken, sendForm } from "./token-request.ts";

const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

/** An access token becomes one that can do less, RFC 8693, over and over from the same one. */
export const tokenExchange: Scenario = {
  name: "token-exchange",
  title: "token exchange",
  floor: undefined,
  async openLane(parts) {
    const { system, http } = parts;
    const { issuer, clients } = system;
    const { user, accessToken } = await signIn(parts, "openid email");
    const form = { subject_token: accessToken, subject_token_type: ACCESS_TOKEN, scope: "openid" };
    return async () => {
      const answer = await requestToken(http, issuer, clients.web, { grant_type: TOKEN_EXCHANGE_GRANT, ...form });
      const token = textOf(answer, "access_token");
      return async () => {
        const told = jsonOf(await sendForm(http, `${issuer}/introspect`, clients.web, { token }));
        if (told.sub !== user.id || told.scope !== "openid") throw new Error("the token is not what was asked for");
      };
    };
  },
};
