// Logout tokens of an upstream, OIDC Back-Channel Logout §2.4 and §2.6. Anybody can send one here.
import { addSeconds } from "@dex/runtime";
import { decodeJwt } from "jose";
import * as z from "zod";
import type { Connector, UpstreamLogout } from "../connector.ts";
import { invalidAnswer, outcomeOf } from "../login-refused.ts";
import type { OidcSettings } from "./settings.ts";
import type { OidcUpstream } from "./upstream.ts";
import { isJwt, makeVerifyToken } from "./verify-token.ts";

const LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout";
const MAX_LENGTH = 8_192;
/** §4 recommends two minutes; upstreams with a queue take longer. Its jti is remembered for as long. */
const MAX_AGE_SECONDS = 3_600;
const SKEW_SECONDS = 60;
/** The JWT types that providers of before 2022 sent are taken as well (§2.4). */
const TYPES: readonly (string | undefined)[] = [undefined, "jwt", "logout+jwt"];

const name = z.string().min(1).max(255);
const seconds = z.number().min(0).max(8_640_000_000_000);
const claimsShape = z.object({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string()).max(20)]),
  iat: seconds,
  exp: seconds,
  jti: name,
  sub: name.optional(),
  sid: name.optional(),
  events: z.looseObject({ [LOGOUT_EVENT]: z.record(z.string(), z.unknown()) }),
  // §2.4: prohibited, so that no ID token passes for one.
  nonce: z.never().optional(),
});

/** The identity by whose `sub` the sessions are found is known only where `sub` is what people are known by here. */
export function makeReadLogoutToken(
  { clientId, remoteIdClaim }: Pick<OidcSettings, "clientId" | "remoteIdClaim">,
  upstream: OidcUpstream,
): NonNullable<Connector["readLogoutToken"]> {
  const verify = makeVerifyToken(upstream);

  /** Before a key is looked for: whoever has no token of ours to show does not make us ask the upstream for anything. */
  function parse(claims: unknown, now: Date): z.infer<typeof claimsShape> {
    const parsed = claimsShape.safeParse(claims);
    if (!parsed.success) {
      throw invalidAnswer(
        `logout token: unusable claims: ${parsed.error.issues.map(({ path }) => path[0]).join(", ")}`,
      );
    }
    const { aud, iat } = parsed.data;
    if (![aud].flat().includes(clientId)) throw invalidAnswer("logout token: it is for another client");
    if (new Date(iat * 1000) > addSeconds(now, SKEW_SECONDS)) throw invalidAnswer("logout token: from the future");
    if (new Date(iat * 1000) < addSeconds(now, -MAX_AGE_SECONDS)) throw invalidAnswer("logout token: too old");
    return parsed.data;
  }

  return (token, now) =>
    outcomeOf(async (): Promise<UpstreamLogout> => {
      const { sub, sid, jti, iat } = parse(claimsOf(token), now);
      const { type } = await verify(token, ["exp", "iat"], now);
      if (!TYPES.includes(type?.toLowerCase())) throw invalidAnswer("logout token: of another type");
      const remoteId = remoteIdClaim === "sub" ? sub : undefined;
      if (sid === undefined && remoteId === undefined) throw invalidAnswer("logout token: it names no session of ours");
      return {
        kind: "logout",
        sid,
        remoteId,
        jti,
        until: addSeconds(new Date(iat * 1000), MAX_AGE_SECONDS + SKEW_SECONDS),
      };
    });
}

function claimsOf(token: string): unknown {
  if (token.length > MAX_LENGTH || !isJwt(token)) throw invalidAnswer("logout token: no signed JWT");
  try {
    return decodeJwt(token);
  } catch {
    throw invalidAnswer("logout token: no signed JWT");
  }
}
