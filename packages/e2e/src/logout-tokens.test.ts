// Logout tokens of an upstream, OIDC Back-Channel Logout, at three workers: good for one use, wherever it comes first.
import { type FakeOpenIdProvider, openAdminApi, openFormBrowser, startFakeOpenIdProvider } from "@dex/testing";
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { post, replay } from "./fleet-requests.ts";
import { offeredByWorkers } from "./offered-connectors.ts";
import { makeRelyingParty, type RelyingParty } from "./relying-party.ts";

const fleet = inject("sharedFleet");
const { facts } = fleet;
const admin = openAdminApi(facts.adminApi, facts.adminApiSecret);
const LOCAL = { type: "local", id: "local" };
const CLIENT = { clientID: "dex", clientSecret: "for the logout tokens" };
const EVENT = "http://schemas.openid.net/event/backchannel-logout";

let upstream: FakeOpenIdProvider;
let party: RelyingParty;
beforeAll(async () => {
  party = await makeRelyingParty(facts);
  upstream = await startFakeOpenIdProvider({
    ...{ clientId: CLIENT.clientID, clientSecret: CLIENT.clientSecret },
    redirectUris: [`${facts.issuer}/auth/upper/callback`],
    users: [{ sub: "joan-1", claims: { email: "joan@upper.example", email_verified: true, name: "Joan Clarke" } }],
  });
  await admin.setConnectors([LOCAL, { type: "oidc", id: "upper", issuerURL: upstream.issuer, ...CLIENT }]);
  await offered([true, true, true]);
});
afterAll(async () => {
  await admin.setConnectors([LOCAL]);
  await offered([false, false, false]);
  await upstream.close();
});

const offered = (byWorkers: readonly boolean[]) =>
  vi.waitFor(async () => expect(await offeredByWorkers(fleet, "upper")).toEqual(byWorkers), { timeout: 10_000 });

/** Whether a request without pages is answered for this browser with a code. */
async function isSignedIn(browser: ReturnType<typeof openFormBrowser>): Promise<boolean> {
  const { url } = await party.begin();
  url.searchParams.set("prompt", "none");
  return (await browser.open(url)).url.searchParams.has("code");
}

async function signIn(sid: string) {
  upstream.behaviours.idTokenClaims = { sid };
  const browser = openFormBrowser({ stopAt: [party.redirectUri] });
  const { url } = await party.begin();
  url.searchParams.set("connector_id", "upper");
  let page = await browser.open(url);
  if (page.text.includes('id="consent-form"')) {
    page = await browser.submit(page, { decision: "approve" }, { formId: "consent-form" });
  }
  expect(page.url.searchParams.has("code")).toBe(true);
  return browser;
}

test.each([1, 2, 3])(
  "of twelve equal logout tokens one ends the session, and none ends the next one (JWT-3, OIDC Back-Channel Logout §2.6), round %i",
  async () => {
    const sid = crypto.randomUUID();
    const before = await signIn(sid);
    expect(await isSignedIn(before)).toBe(true);
    const iat = Math.floor(Date.now() / 1000);
    const usual = { iss: upstream.issuer, aud: CLIENT.clientID, iat, exp: iat + 120, jti: crypto.randomUUID() };
    const logout_token = await upstream.sign({ ...usual, sid, events: { [EVENT]: {} } }, "good", "logout+jwt");
    const send = (origin: string) => post(origin, "/auth/upper/backchannel-logout", { logout_token });
    const turns = await replay(send);
    expect(await isSignedIn(before)).toBe(false);
    expect(turns.atOnce.filter(({ status }) => status === 200)).toHaveLength(1);
    const refused = [...turns.atOnce.filter(({ status }) => status !== 200), ...turns.later];
    expect(refused.map(({ status, body }) => [status, body.error])).toEqual(
      refused.map(() => [400, "invalid_request"]),
    );
    const after = await signIn(sid);
    for (const { status } of (await replay(send)).atOnce) expect(status).toBe(400);
    expect(await isSignedIn(after)).toBe(true);
  },
);
