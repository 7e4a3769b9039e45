// OIDC Front-Channel Logout 1.0: the page after signing out loads the clients' own addresses, then goes on.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LogoutWorld, openLogoutWorld, POST_LOGOUT } from "./logout-world.ts";

let world: LogoutWorld;
beforeAll(async () => {
  world = await openLogoutWorld();
});
afterAll(() => world.close());

const framesOf = (text: string) =>
  [...text.matchAll(/<iframe [^>]*src="([^"]+)"/g)].map(
    ([, address = ""]) => new URL(address.replaceAll("&amp;", "&")),
  );
const policyOf = (headers: Headers) => (headers.get("content-security-policy") ?? "").split("; ");

test("loads each client's address with iss and sid, and then goes on with the state (cert 10 oidcc-frontchannel-rp-initiated-logout)", async () => {
  const required = { frontchannel_logout_session_required: true };
  const first = await world.addLogoutClient({ frontchannel_logout_uri: "https://one.example/out?a=b", ...required });
  const second = await world.addLogoutClient({ frontchannel_logout_uri: "https://two.example:8443/out", ...required });
  const silent = await world.addLogoutClient();
  const { browser, claims, idToken } = await world.signInTo(first);
  for (const client of [second, silent]) await world.signInTo(client, browser);
  const parameters = { id_token_hint: idToken, post_logout_redirect_uri: POST_LOGOUT, state: "s".repeat(128) };
  const page = await browser.open(world.logoutUrl(parameters));
  expect([page.status, page.url.pathname]).toEqual([200, "/dex/logout"]);
  const frames = framesOf(page.text);
  expect(frames.map((frame) => frame.origin + frame.pathname).sort()).toEqual([
    "https://one.example/out",
    "https://two.example:8443/out",
  ]);
  const [a, b] = [...frames].sort((left, right) => (left.host < right.host ? -1 : 1));
  expect(Object.fromEntries(a?.searchParams ?? [])).toEqual({ a: "b", iss: world.issuer, sid: claims.sid });
  expect(Object.fromEntries(b?.searchParams ?? [])).toEqual({ iss: world.issuer, sid: claims.sid });
  const sources = policyOf(page.headers).find((rule) => rule.startsWith("frame-src "));
  expect(sources?.split(" ").slice(1).sort()).toEqual(["https://one.example", "https://two.example:8443"]);
  expect(policyOf(page.headers)).toContain("default-src 'none'");
  expect(page.headers.get("refresh")).toBe(`1;url=${POST_LOGOUT}?state=${"s".repeat(128)}`);
  expect(page.text).toContain(`id="continue" href="${POST_LOGOUT}?state=`);
  expect(await world.silent(browser, first)).toBe("login_required");
});

test("without anywhere to go on to the page stays, and no other page of ours may have frames (BRO-10)", async () => {
  const client = await world.addLogoutClient({ frontchannel_logout_uri: "https://one.example/out" });
  const { browser, idToken } = await world.signInTo(client);
  const page = await browser.open(world.logoutUrl({ id_token_hint: idToken }));
  expect([framesOf(page.text).length, page.headers.get("refresh")]).toEqual([1, null]);
  // Said again there is no session any more whose clients could be told.
  const again = await browser.open(world.logoutUrl({ id_token_hint: idToken }));
  expect([again.status, framesOf(again.text)]).toEqual([200, []]);
  expect(again.headers.get("content-security-policy")).not.toContain("frame-src");
});

test("an address that is no web page is left out", async () => {
  const client = await world.addLogoutClient({ frontchannel_logout_uri: "javascript:alert(1)" }).catch(() => undefined);
  if (client === undefined) return; // refused when it was registered, which is as good
  const { browser, idToken } = await world.signInTo(client);
  const page = await browser.open(world.logoutUrl({ id_token_hint: idToken }));
  expect([page.status, framesOf(page.text)]).toEqual([200, []]);
});

test("signing out of the account loads them too", async () => {
  const client = await world.addLogoutClient({ frontchannel_logout_uri: "https://one.example/out" });
  const { browser, claims } = await world.signInTo(client);
  const account = await browser.open(`${world.issuer}/account`);
  const page = await browser.submit(account, {}, { formId: "sign-out-form" });
  expect(framesOf(page.text).map(({ searchParams }) => searchParams.get("sid"))).toEqual([claims.sid]);
});
