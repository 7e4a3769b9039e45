// One dex is the upstream of another, as processes: who signs out at the upper one is signed out at the lower one, and of what
// came from there, by OIDC Back-Channel Logout alone. Each has a browser's cookies to itself, as two hosts have.
import { type Fleet, type FormBrowser, openAdminApi, openFormBrowser, signInWithForms, startFleet } from "@dex/testing";
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { at } from "./fleet-requests.ts";
import { offeredByWorkers } from "./offered-connectors.ts";
import { makeRelyingParty, type RelyingParty } from "./relying-party.ts";

const lower = inject("sharedFleet");
const { facts, workerOrigins } = lower;
const admin = openAdminApi(facts.adminApi, facts.adminApiSecret);
const LOCAL = { type: "local", id: "local" };
/** At the upper one. */
const PERSON = { email: "somebody@upper-dex.example", password: "a rather long password" };
const CALLBACK = `${facts.issuer}/auth/dex/callback`;

let upper: Fleet;
let party: RelyingParty;
beforeAll(async () => {
  // Where the lower one takes logout tokens is an address of this machine.
  upper = await startFleet({ workers: 1, workerEnv: { DEX_WORKER_INSECURE_PRIVATE_CLIENT_ADDRESSES: "true" } });
  const { adminApi, adminApiSecret, issuer } = upper.facts;
  const upperAdmin = openAdminApi(adminApi, adminApiSecret);
  await upperAdmin.createAdmin(PERSON.email, PERSON.password);
  const client = await upperAdmin.createClient({
    clientName: "The lower dex",
    redirectURIs: [CALLBACK],
    trusted: true,
    details: {
      backchannel_logout_uri: `${facts.issuer}/auth/dex/backchannel-logout`,
      backchannel_logout_session_required: true,
    },
  });
  const credentials = { clientID: client.id, clientSecret: client.secret };
  const connector = { type: "oidc", id: "dex", issuerURL: issuer, trustedEmailProvider: true, ...credentials };
  await admin.setConnectors([LOCAL, connector]);
  await vi.waitFor(async () => expect(await offeredByWorkers(lower, "dex")).toEqual([true, true, true]), TEN_SECONDS);
  party = await makeRelyingParty(facts);
});
afterAll(async () => {
  await admin.setConnectors([LOCAL]);
  await upper?.stop();
});
const TEN_SECONDS = { timeout: 10_000 };

/** A person with a session at both, through the upper one. */
async function signIn() {
  const above = openFormBrowser({ stopAt: [CALLBACK] });
  const below = openFormBrowser({ stopAt: [party.redirectUri, upper.facts.issuer] });
  const { url, checks } = await party.begin("openid email");
  url.searchParams.set("connector_id", "dex");
  const there = await below.open(url);
  const back = await signInWithForms(above, there.url, PERSON);
  const answer = await signInWithForms(below, back, PERSON);
  const tokens = await party.redeem(answer, checks);
  return { above, below, accessToken: tokens.access_token };
}

/** What each worker of the lower one says of the access token, and the endpoint for sign-ins of the browser. */
async function standing({ below, accessToken }: { below: FormBrowser; accessToken: string }) {
  const headers = { authorization: `Bearer ${accessToken}` };
  const userinfo = await Promise.all(workerOrigins.map((origin) => fetch(at(origin, "/userinfo"), { headers })));
  await Promise.all(userinfo.map((one) => one.body?.cancel()));
  const { url } = await party.begin("openid email");
  url.searchParams.set("prompt", "none");
  const { searchParams } = (await below.open(url)).url;
  return { userinfo: userinfo.map(({ status }) => status), silent: searchParams.get("error") ?? "signed in" };
}

test("who signs out of the upper dex is signed out of the lower one, and others are not (OIDC Back-Channel Logout §2.5, §2.7)", async () => {
  const [gone, stays] = [await signIn(), await signIn()];
  const signedIn = { userinfo: [200, 200, 200], silent: "signed in" };
  const signedOut = { userinfo: [401, 401, 401], silent: "login_required" };
  expect([await standing(gone), await standing(stays)]).toEqual([signedIn, signedIn]);
  const page = await gone.above.open(`${upper.facts.issuer}/logout`);
  await gone.above.submit(page);
  await expect.poll(() => standing(gone), TEN_SECONDS).toEqual(signedOut);
  expect(await standing(stays)).toEqual(signedIn);
});
