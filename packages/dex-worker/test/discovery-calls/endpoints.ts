// Every address in the document, and what it says of signing out.
import * as openid from "openid-client";
import { expect } from "vitest";
import { CALLBACK } from "../dynamic-world.ts";
import { openLogoutReceiver } from "../logout-world.ts";
import { type CallWorld, type MemberCalls, members, offers } from "./call-world.ts";

const POST_LOGOUT = "https://tester.example/signed-out";
const FORM = "application/x-www-form-urlencoded";

export const ENDPOINT_CALLS: Readonly<Record<string, MemberCalls>> = {
  issuer: {
    async "{issuer}"(world) {
      const { claims, page } = await world.signIn(await world.register("code"));
      const [{ issuer }, inAnswer] = [await world.document(), page.url.searchParams.get("iss")];
      expect([claims.iss, inAnswer, issuer]).toEqual([world.issuer, world.issuer, world.issuer]);
    },
  },
  authorization_endpoint: {
    async "{issuer}/auth"(world) {
      const parameters = world.request(await world.register("code"));
      const text = String(new URLSearchParams(parameters as Record<string, string>));
      const form = { body: text, headers: { "Content-Type": FORM } };
      await offers(`${world.issuer}/auth`, { GET: { status: 400 }, POST: { status: 303, ...form } });
      const response = await fetch(`${world.issuer}/auth?${text}`, { redirect: "manual" });
      expect(response.status).toBe(303);
    },
  },
  token_endpoint: {
    async "{issuer}/token"(world) {
      const client = await world.register("code", {
        token_endpoint_auth_method: "client_secret_post",
        grant_types: ["authorization_code", "client_credentials"],
      });
      const credentials = { client_id: client.id, client_secret: client.secret, grant_type: "client_credentials" };
      await offers(`${world.issuer}/token`, { POST: { status: 200, body: new URLSearchParams(credentials) } });
    },
  },
  jwks_uri: {
    async "{issuer}/keys"(world) {
      await offers(`${world.issuer}/keys`, { GET: { status: 200 } });
      const { tokens } = await world.signIn(await world.register("code"));
      expect(tokens.id_token).toBeTypeOf("string");
    },
  },
  userinfo_endpoint: {
    async "{issuer}/userinfo"(world) {
      const { tokens } = await world.signIn(await world.register("code"));
      const headers = { Authorization: `Bearer ${tokens.access_token}` };
      await offers(`${world.issuer}/userinfo`, { GET: { headers, status: 200 }, POST: { headers, status: 200 } });
    },
  },
  revocation_endpoint: {
    async "{issuer}/revoke"(world) {
      await offers(`${world.issuer}/revoke`, { POST: { status: 401, body: new URLSearchParams({ token: "x" }) } });
    },
  },
  introspection_endpoint: {
    async "{issuer}/introspect"(world) {
      await offers(`${world.issuer}/introspect`, { POST: { status: 401, body: new URLSearchParams({ token: "x" }) } });
    },
  },
  registration_endpoint: {
    async "{issuer}/registration"(world) {
      await offers(`${world.issuer}/registration`, { POST: { status: 401 } });
      const { body } = await world.register("code");
      const headers = { Authorization: `Bearer ${String(body.registration_access_token)}` };
      expect((await fetch(String(body.registration_client_uri), { headers })).status).toBe(200);
    },
  },
  check_session_iframe: {
    async "{issuer}/check-session"(world) {
      await offers(`${world.issuer}/check-session`, { GET: { status: 200 } });
      const { page } = await world.signIn(await world.register("code"));
      expect(page.url.searchParams.get("session_state")).toMatch(/./);
    },
  },
  end_session_endpoint: {
    async "{issuer}/logout"(world) {
      await offers(`${world.issuer}/logout`, {
        GET: { status: 200 },
        POST: { status: 303, body: new URLSearchParams() },
      });
      const { browser, url } = await signOut(world, {});
      expect(url.href).toBe(`${POST_LOGOUT}?state=bye`);
      expect((await browser.open(`${world.issuer}/account`)).text).toContain('id="login-form"');
    },
  },
  ...members(["frontchannel_logout_supported", "frontchannel_logout_session_supported"], "true", async (world) => {
    const { text, sid } = await signOut(world, {
      frontchannel_logout_uri: "https://tester.example/frontchannel",
      frontchannel_logout_session_required: true,
    });
    const [, source = ""] = /<iframe [^>]*src="([^"]+)"/.exec(text) ?? [];
    const { searchParams } = new URL(source.replaceAll("&amp;", "&"));
    expect(Object.fromEntries(searchParams)).toEqual({ iss: world.issuer, sid });
  }),
  ...members(["backchannel_logout_supported", "backchannel_logout_session_supported"], "true", async (world) => {
    const receiver = await openLogoutReceiver();
    try {
      world.worker.deliver();
      const client = await world.worker.addClient({
        trusted: true,
        redirectURIs: [CALLBACK],
        details: {
          post_logout_redirect_uris: [POST_LOGOUT],
          backchannel_logout_uri: receiver.url,
          backchannel_logout_session_required: true,
        },
      });
      const { sid } = await signOut(world, {}, { ...client, body: {} });
      await expect.poll(() => receiver.received.length).toBe(1);
      const claims = await world.verified(receiver.received[0]?.form.get("logout_token") ?? "", {
        ...client,
        body: {},
      });
      expect(claims.sid).toBe(sid);
    } finally {
      await receiver.close();
    }
  }),
};

/** A sign-in of its own, and the page that its end is answered with. */
async function signOut(
  world: CallWorld,
  details: Readonly<Record<string, unknown>>,
  given?: Awaited<ReturnType<CallWorld["register"]>>,
) {
  const browser = world.browser();
  const client = given ?? (await world.register("code", { post_logout_redirect_uris: [POST_LOGOUT], ...details }));
  const { tokens, party, claims } = await world.signIn(client, { browser });
  const parameters = {
    id_token_hint: tokens.id_token ?? "",
    post_logout_redirect_uri: POST_LOGOUT,
    state: "bye",
  };
  const page = await browser.open(openid.buildEndSessionUrl(party, parameters));
  return { browser, url: page.url, text: page.text, sid: claims.sid };
}
