// Requests that are pushed (RFC 9126) and devices without a browser (RFC 8628).
import * as openid from "openid-client";
import { expect } from "vitest";
import { DEVICE_CODE_GRANT, makeDeviceWorld } from "../device-world.ts";
import { CALLBACK } from "../dynamic-world.ts";
import { answerBy, type CallWorld, type MemberCalls, NONCE, offers, VERIFIER } from "./call-world.ts";

/** openid-client on a device, and the person who lets it sign in. */
async function signInOnDevice(world: CallWorld): Promise<void> {
  const devices = makeDeviceWorld(world.worker);
  const television = await devices.addDevice();
  const party = await openid.discovery(new URL(world.issuer), television.id, undefined, openid.None());
  const asked = await openid.initiateDeviceAuthorization(party, { scope: "openid email" });
  const page = await devices.enter(world.signedIn, asked.user_code);
  await devices.answer(world.signedIn, page, "approve");
  const tokens = await openid.pollDeviceAuthorizationGrant(party, { ...asked, interval: 0.01 });
  expect(tokens.claims()).toMatchObject({ sub: world.userId, aud: television.id });
}

export const DEVICE_CALLS: Readonly<Record<string, MemberCalls>> = {
  device_authorization_endpoint: {
    async "{issuer}/device/code"(world) {
      await offers(`${world.issuer}/device/code`, { POST: { status: 401, body: new URLSearchParams() } });
      await signInOnDevice(world);
    },
  },
};
/** A grant, beside those of tokens.ts. */
export const DEVICE_GRANT: MemberCalls = { [DEVICE_CODE_GRANT]: signInOnDevice };

export const PUSHED_REQUEST_CALLS: Readonly<Record<string, MemberCalls>> = {
  pushed_authorization_request_endpoint: {
    async "{issuer}/par"(world) {
      await offers(`${world.issuer}/par`, { POST: { status: 401, body: new URLSearchParams() } });
      const client = await world.register("code", { require_pushed_authorization_requests: true });
      const party = await openid.discovery(new URL(world.issuer), client.id, client.secret);
      const parameters = world.request(client) as Record<string, string>;
      const url = await openid.buildAuthorizationUrlWithPAR(party, parameters);
      expect([...url.searchParams.keys()].toSorted()).toEqual(["client_id", "request_uri"]);
      const page = await world.authorize(Object.fromEntries(url.searchParams), world.signedIn);
      const checks = { expectedState: "s-1", expectedNonce: NONCE, pkceCodeVerifier: VERIFIER };
      expect((await openid.authorizationCodeGrant(party, page.url, checks)).claims()?.aud).toBe(client.id);
    },
  },
  require_pushed_authorization_requests: {
    async false(world) {
      const client = await world.register("code");
      const page = await world.authorize(world.request(client), world.signedIn);
      expect(answerBy("query", page)).toMatchObject({ code: expect.any(String) });
      expect(page.url.href.startsWith(CALLBACK)).toBe(true);
    },
  },
};
