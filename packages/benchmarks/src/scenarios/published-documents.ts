import { FLOORS } from "../floor.ts";
import { jsonOf } from "../http-client.ts";
import type { Scenario } from "../scenario.ts";

export const discovery = published("discovery", "discovery", "/.well-known/openid-configuration", "issuer");
export const jwks = published("jwks", "JWKS", "/keys", "keys");

/** A document that is the same for everyone: what comes under load is what came at first. */
function published(name: string, title: string, path: string, member: string): Scenario {
  return {
    name,
    title,
    floor: FLOORS.published,
    async openLane({ system, http }) {
      const url = `${system.issuer}${path}`;
      const first = await http.send({ url });
      if (jsonOf(first)[member] === undefined) throw new Error(`${path} has no ${member}`);
      return async () => {
        const { status, body } = await http.send({ url });
        if (status !== 200 || body !== first.body) throw new Error(`${path} changed under load: status ${status}`);
        return undefined;
      };
    },
  };
}
