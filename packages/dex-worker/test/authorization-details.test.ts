// Rich authorization requests, RFC 9396: asked for in objects, allowed by the person each time, kept with the grant.
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openResourceWorld, type ResourceWorld } from "./resource-world.ts";
import { PERSON } from "./worker-server.ts";

let world: ResourceWorld;
beforeAll(async () => {
  world = await openResourceWorld();
});
afterAll(() => world.close());

const PAYMENT = { type: "payment", amount: { currency: "EUR", value: "12.50" }, creditor: "<b>Eve</b> & sons" };
const OTHER = { type: "payment", amount: { currency: "EUR", value: "1.00" }, creditor: "Ada" };
const details = (...all: readonly unknown[]) => ({ authorization_details: JSON.stringify(all) });

test("what was asked for is in the answer, in the token of its resource, and in introspection (RFC 9396 §7, §9.1)", async () => {
  const { body } = await world.obtain({ scope: "openid offline_access", ...details(PAYMENT, OTHER) });
  expect(body.authorization_details).toEqual([PAYMENT, OTHER]);
  expect(decodeJwt(body.access_token ?? "")).toMatchObject({ aud: world.api, authorization_details: [PAYMENT, OTHER] });
  expect(await world.introspect(body.access_token, world.apiServer)).toMatchObject({
    authorization_details: [PAYMENT, OTHER],
  });
  const forUserinfo = await world.refresh(body.refresh_token, [world.userinfo]);
  expect(forUserinfo.body).not.toHaveProperty("authorization_details");
});

test("a token can be for less of it, and never for more (RFC 9396 §6.1)", async () => {
  const { body } = await world.obtain({ scope: "openid offline_access", ...details(PAYMENT, OTHER) });
  const wider = { ...OTHER, amount: undefined };
  for (const [wish, error] of [
    [{ ...OTHER, creditor: "Eve" }, "invalid_authorization_details"],
    [wider, "invalid_authorization_details"],
    ["no object", "invalid_authorization_details"],
  ] as const) {
    const refused = await world.refresh(body.refresh_token, [], [["authorization_details", JSON.stringify([wish])]]);
    expect([refused.status, refused.body.error]).toEqual([400, error]);
  }
  // Nothing was spent by that.
  const less = await world.refresh(body.refresh_token, [], [["authorization_details", JSON.stringify([OTHER])]]);
  expect(less.body.authorization_details).toEqual([OTHER]);
  const whole = await world.refresh(less.body.refresh_token);
  expect(whole.body.authorization_details).toEqual([PAYMENT, OTHER]);
});

test("a code that is redeemed for what was not granted is still good", async () => {
  const code = await world.code({ scope: "openid", ...details(PAYMENT) });
  const more: [string, string][] = [["authorization_details", JSON.stringify([OTHER])]];
  expect((await world.redeem(code, [], undefined, more)).body.error).toBe("invalid_authorization_details");
  expect((await world.redeem(code)).body.authorization_details).toEqual([PAYMENT]);
});

test("the person is asked each time and shown every member, though the client is trusted (RFC 9396 §3)", async () => {
  const browser = world.browser();
  const query = new URLSearchParams({
    ...{
      client_id: world.client.id,
      redirect_uri: "http://127.0.0.1:1/callback",
      response_type: "code",
      scope: "openid",
    },
    ...details(PAYMENT),
  });
  const login = await browser.open(`${world.issuer}/auth?${query}`);
  const consent = await browser.submit(
    login,
    { login: PERSON.email, password: PERSON.password },
    { formId: "login-form" },
  );
  expect(consent.text).toContain("Pay somebody");
  expect(consent.text).toContain("The API");
  expect(consent.text).toContain("&lt;b&gt;Eve&lt;/b&gt; &amp; sons");
  expect(consent.text).toContain("12.50");
  expect(consent.text).not.toContain("<b>Eve");
  const given = await browser.submit(consent, { decision: "approve" }, { formId: "consent-form" });
  expect(given.url.searchParams.get("code")).toMatch(/^dxc_/);
  expect((await browser.open(`${world.issuer}/auth?${query}`)).text).toContain('id="consent-form"');
  query.set("prompt", "none");
  const silent = await browser.open(`${world.issuer}/auth?${query}`);
  expect(silent.url.searchParams.get("error")).toBe("consent_required");
});

describe("what cannot be asked for is refused with invalid_authorization_details (RFC 9396 §5)", () => {
  const deep = JSON.parse(`${'{"a":'.repeat(7)}1${"}".repeat(7)}`) as unknown;
  const wrong = [
    { what: "no JSON", text: "[{" },
    { what: "no array", text: JSON.stringify(PAYMENT) },
    { what: "an empty array", text: "[]" },
    { what: "something that is no object", text: "[1]" },
    { what: "null", text: "[null]" },
    { what: "no type", text: JSON.stringify([{ amount: 1 }]) },
    { what: "a type that is no text", text: JSON.stringify([{ type: ["payment"] }]) },
    { what: "a type that nobody knows", text: JSON.stringify([{ type: "__proto__" }]) },
    { what: "a member that its type does not have", text: JSON.stringify([{ ...PAYMENT, surprise: 1 }]) },
    { what: "a member named as the prototype", text: '[{"type":"payment","__proto__":{"amount":1}}]' },
    {
      what: "locations of another resource",
      text: JSON.stringify([{ ...PAYMENT, locations: ["https://other.example/"] }]),
    },
    { what: "actions that are no list of texts", text: JSON.stringify([{ ...PAYMENT, actions: "pay" }]) },
    { what: "a NUL", text: '[{"type":"payment","creditor":"\\u0000"}]' },
    { what: "half a character", text: '[{"type":"payment","creditor":"\\ud800"}]' },
    { what: "something too deep", text: JSON.stringify([{ type: "payment", amount: deep }]) },
    { what: "too many", text: JSON.stringify(Array.from({ length: 11 }, () => PAYMENT)) },
    { what: "more than fits into a request", text: JSON.stringify([{ ...PAYMENT, creditor: "x".repeat(4000) }]) },
  ];
  test.each(wrong)("$what", async ({ text }) => {
    const url = await world.authorize({ authorization_details: text });
    expect(url.searchParams.get("error")).toBe("invalid_authorization_details");
    const pushed = await world.push([["authorization_details", text]]);
    expect([pushed.status, pushed.body.error]).toEqual([400, "invalid_authorization_details"]);
  });

  test("anything, by a client for itself", async () => {
    const form: [string, string][] = [
      ["grant_type", "client_credentials"],
      ["authorization_details", JSON.stringify([PAYMENT])],
    ];
    expect((await world.token(form)).body.error).toBe("invalid_authorization_details");
  });
});
