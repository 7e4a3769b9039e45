// Clients that ask for a person by name (CIBA).
import * as openid from "openid-client";
import { expect } from "vitest";
import { CIBA_GRANT, makeBackchannelWorld, openPingReceiver } from "../backchannel-world.ts";
import { PERSON } from "../worker-server.ts";
import { type CallWorld, type MemberCalls, offers } from "./call-world.ts";
import { makeKey, signWith } from "./client-keys.ts";

type Details = Readonly<Record<string, unknown>>;

/** openid-client asks, the person allows it, and openid-client polls. */
async function signInByName(world: CallWorld, details: Details = {}, asked: Record<string, string> = {}) {
  const backchannel = makeBackchannelWorld(world.worker);
  const { id, secret } = await backchannel.addCaller({ details });
  const party = await openid.discovery(new URL(world.issuer), id, secret);
  const parameters = { scope: "openid email", login_hint: PERSON.email, ...asked };
  const answer = await openid.initiateBackchannelAuthentication(party, parameters);
  const page = await world.signedIn.open(await backchannel.lastLink());
  await backchannel.answer(world.signedIn, page, "approve");
  const tokens = await openid.pollBackchannelAuthenticationGrant(party, { ...answer, interval: 0.01 });
  expect(tokens.claims()).toMatchObject({ sub: world.userId, aud: id });
}

/** A request in a JWT under this algorithm. */
async function askSigned(world: CallWorld, alg: string): Promise<void> {
  const key = await makeKey(alg);
  const details = { backchannel_authentication_request_signing_alg: alg, jwks: { keys: [key.jwk] } };
  const backchannel = makeBackchannelWorld(world.worker);
  const client = await backchannel.addCaller({ details });
  const now = Math.floor(Date.now() / 1000);
  const jwt = { iss: client.id, aud: world.issuer, iat: now, nbf: now, exp: now + 60, jti: `signed ${alg}` };
  const request = await signWith(key, { ...jwt, scope: "openid", login_hint: PERSON.email });
  expect((await backchannel.askExactly(client, { request })).status).toBe(200);
}

export const BACKCHANNEL_CALLS: Readonly<Record<string, MemberCalls>> = {
  backchannel_authentication_endpoint: {
    async "{issuer}/bc-authorize"(world) {
      await offers(`${world.issuer}/bc-authorize`, { POST: { status: 401, body: new URLSearchParams() } });
      await signInByName(world);
    },
  },
  backchannel_token_delivery_modes_supported: {
    poll: (world) => signInByName(world, { backchannel_token_delivery_mode: "poll" }),
    async ping(world) {
      const receiver = await openPingReceiver();
      const details = {
        backchannel_token_delivery_mode: "ping",
        backchannel_client_notification_endpoint: receiver.url,
      };
      await signInByName(world, details, { client_notification_token: "a-token-of-the-client" });
      await receiver.close();
    },
  },
  backchannel_authentication_request_signing_alg_values_supported: Object.fromEntries(
    ["RS256", "PS256", "ES256", "EdDSA"].map((alg) => [alg, (world: CallWorld) => askSigned(world, alg)]),
  ),
  backchannel_user_code_parameter_supported: {
    async false(world) {
      const backchannel = makeBackchannelWorld(world.worker);
      const answer = await backchannel.ask(await backchannel.addCaller(), { user_code: "1234" });
      expect(answer.body.error).toBe("invalid_request");
    },
  },
};
/** A grant, beside those of tokens.ts. */
export const BACKCHANNEL_GRANT: MemberCalls = { [CIBA_GRANT]: (world) => signInByName(world) };
