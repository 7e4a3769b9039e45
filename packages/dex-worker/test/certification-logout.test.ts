// The logout profiles of OpenID Connect's certification at an https issuer, with clients that register themselves: what is
// asked of the metadata, and back-channel logout over TLS. The rest is held in logout.test.ts, frontchannel-logout.test.ts and
// backchannel-logout.test.ts.
import type { TLSSocket } from "node:tls";
import { openHttpServer } from "@dex/runtime";
import { createRemoteJWKSet, jwtVerify } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerIn, CALLBACK, type DynamicWorld, openDynamicWorld, relyingParty } from "./dynamic-world.ts";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const POST_LOGOUT = "https://tester.example/test/a/dex/post_logout_redirect";
const STATE = "s".repeat(128);

interface Told {
  readonly method: string;
  readonly contentType: string;
  readonly form: URLSearchParams;
  readonly protocol: string | null;
  readonly cipher: string;
}

let world: DynamicWorld;
let receiver: { readonly url: string; readonly received: Told[]; close(): Promise<void> };
beforeAll(async () => {
  world = await openDynamicWorld();
  world.worker.deliver();
  const received: Told[] = [];
  const { cert, key } = world.authority.server;
  const server = await openHttpServer({
    listen: new URL("https://127.0.0.1:0"),
    tls: { cert: Buffer.from(cert), key: Buffer.from(key) },
    handler: async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const socket = request.socket as TLSSocket;
      received.push({
        method: request.method ?? "",
        contentType: request.headers["content-type"] ?? "",
        form: new URLSearchParams(Buffer.concat(chunks).toString()),
        protocol: socket.getProtocol(),
        cipher: socket.getCipher().name,
      });
      response.writeHead(200, { "Cache-Control": "no-store" }).end();
    },
  });
  receiver = { url: `${server.url.origin}/backchannel`, received, close: () => server.close(0) };
});
afterAll(async () => {
  await receiver.close();
  await world.close();
});

const profiles = [
  { row: "(cert 10 oidcc-rp-initiated-logout-discovery-endpoint-verification)", members: [] },
  {
    row: "(cert 10 oidcc-frontchannel-logout-discovery-endpoint-verification)",
    members: ["frontchannel_logout_supported", "frontchannel_logout_session_supported"],
  },
  {
    row: "(cert 10 oidcc-backchannel-logout-discovery-endpoint-verification)",
    members: ["backchannel_logout_supported", "backchannel_logout_session_supported"],
  },
];
test.each(profiles)("the metadata of the profile is there, at https addresses $row", async ({ members }) => {
  const response = await fetch(`${world.worker.issuer}/.well-known/openid-configuration`);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
  const metadata = (await response.json()) as Readonly<Record<string, unknown>>;
  const addresses = Object.entries(metadata).filter(([name]) => name.endsWith("_endpoint"));
  expect(addresses.map(([name]) => name)).toContain("end_session_endpoint");
  for (const [name, value] of addresses) expect([name, new URL(String(value)).protocol]).toEqual([name, "https:"]);
  for (const member of members) expect([member, metadata[member]]).toEqual([member, true]);
});

describe.each([{ type: "code" }, { type: "code id_token" }])("with response type $type", ({ type }) => {
  test("a client is told of the end of a session over TLS, and its person goes back to it (cert 10 oidcc-backchannel-rp-initiated-logout)", async () => {
    const metadata = {
      post_logout_redirect_uris: [POST_LOGOUT],
      backchannel_logout_uri: receiver.url,
      backchannel_logout_session_required: true,
    };
    const client = await world.register(type, metadata);
    expect(client.body).toMatchObject(metadata);
    const browser = world.browser();
    const asked = { client_id: client.id, redirect_uri: CALLBACK, response_type: type, scope: "openid" };
    const page = await world.authorize({ ...asked, state: "s-1", nonce: "n-1" }, browser);
    const party = await relyingParty(world, client, type, openid.ClientSecretBasic(client.secret));
    const checks = { expectedState: "s-1", expectedNonce: "n-1" };
    const tokens = await openid.authorizationCodeGrant(party, page.url, checks);
    const claims = tokens.claims();
    expect(claims?.sid).toMatch(/./);

    receiver.received.length = 0;
    const url = openid.buildEndSessionUrl(party, {
      id_token_hint: tokens.id_token ?? "",
      post_logout_redirect_uri: POST_LOGOUT,
      state: STATE,
    });
    expect((await browser.open(url)).url.href).toBe(`${POST_LOGOUT}?state=${STATE}`);
    await expect.poll(() => receiver.received.length).toBe(1);
    const [told] = receiver.received;
    expect(told).toMatchObject({
      method: "POST",
      contentType: "application/x-www-form-urlencoded",
      protocol: "TLSv1.3",
    });
    expect([...(told?.form.keys() ?? [])]).toEqual(["logout_token"]);
    const keys = createRemoteJWKSet(new URL(party.serverMetadata().jwks_uri ?? ""));
    const expected = { issuer: world.worker.issuer, audience: client.id };
    const { payload } = await jwtVerify(told?.form.get("logout_token") ?? "", keys, expected);
    expect(payload).toMatchObject({ sub: claims?.sub, sid: claims?.sid, jti: expect.stringMatching(/./) });
    expect(payload.events).toEqual({ [EVENT]: {} });
    expect(payload).not.toHaveProperty("nonce");
    expect(Math.abs((payload.iat ?? 0) - Date.now() / 1000)).toBeLessThan(60);

    const silent = await world.authorize({ ...asked, nonce: "n-2", prompt: "none" }, browser);
    expect(answerIn(silent, type)).toMatchObject({ error: "login_required" });
  });

  test("signing out ends the session, and nothing but the state goes along (cert 10 oidcc-rp-initiated-logout)", async () => {
    const client = await world.register(type, { post_logout_redirect_uris: [POST_LOGOUT] });
    const browser = world.browser();
    const asked = { client_id: client.id, redirect_uri: CALLBACK, response_type: type, scope: "openid" };
    const page = await world.authorize({ ...asked, state: "s-1", nonce: "n-1" }, browser);
    const party = await relyingParty(world, client, type, openid.ClientSecretBasic(client.secret));
    const checks = { expectedState: "s-1", expectedNonce: "n-1" };
    const { id_token = "" } = await openid.authorizationCodeGrant(party, page.url, checks);
    const parameters = { id_token_hint: id_token, post_logout_redirect_uri: POST_LOGOUT, state: STATE };
    const done = await browser.open(openid.buildEndSessionUrl(party, parameters));
    expect(done.url.href).toBe(`${POST_LOGOUT}?state=${STATE}`);
    const silent = await world.authorize({ ...asked, nonce: "n-2", prompt: "none" }, browser);
    expect(answerIn(silent, type)).toMatchObject({ error: "login_required" });
  });
});
