// Grants without a browser, which an administrator lets a client use.
import * as openid from "openid-client";
import { expect } from "vitest";
import { CALLBACK } from "../dynamic-world.ts";
import type { CallWorld, MemberCalls } from "./call-world.ts";

const TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

/** A client exchanges its own access token for one that can do less. */
async function exchange(world: CallWorld): Promise<void> {
  const grantTypes = ["authorization_code", TOKEN_EXCHANGE_GRANT];
  const client = {
    ...(await world.worker.addClient({ redirectURIs: [CALLBACK], trusted: true, grantTypes })),
    body: {},
  };
  const { tokens, party, sub } = await world.signIn(client, { asked: { scope: "openid email" } });
  const subject = { subject_token: tokens.access_token, subject_token_type: ACCESS_TOKEN };
  const narrower = await openid.genericGrantRequest(party, TOKEN_EXCHANGE_GRANT, { ...subject, scope: "openid" });
  expect(narrower).toMatchObject({ issued_token_type: ACCESS_TOKEN, scope: "openid" });
  expect(await world.userinfo(narrower.access_token)).toEqual({ sub });
}

export const DIRECT_GRANTS: MemberCalls = { [TOKEN_EXCHANGE_GRANT]: exchange };
