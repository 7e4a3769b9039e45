// Devices that sign in by a code which a person types elsewhere, RFC 8628: two workers, and relying parties by others.

import { createHash } from "node:crypto";
import { openFormBrowser, queryDatabase } from "@dex/testing";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DEVICE_CODE_GRANT, makeDeviceWorld } from "./device-world.ts";
import { openTestWorker, PERSON, type TestClient, type TestWorker } from "./worker-server.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
let worker: TestWorker;
let world: ReturnType<typeof makeDeviceWorld>;
let television: TestClient;
let otherTokenUrl: string;
beforeAll(async () => {
  worker = await openTestWorker();
  world = makeDeviceWorld(worker);
  television = await world.addDevice();
  otherTokenUrl = await worker.openAnother();
});
afterAll(() => worker.close());
beforeEach(async () => {
  await queryDatabase(worker.databaseUrl, "DELETE FROM attempt_count");
});

const configure = (client: TestClient) =>
  openid.discovery(new URL(worker.issuer), client.id, undefined, openid.None(), {
    execute: [openid.allowInsecureRequests],
  });

async function approve(userCode: string) {
  const browser = worker.browser();
  const page = await world.enterAndSignIn(browser, userCode);
  const end = await world.answer(browser, page, "approve");
  expect(end.text).toContain('id="device-approved"');
  return { browser, page };
}

describe("a device", () => {
  test("of openid-client signs in, gets who it is, and refreshes", async () => {
    const configuration = await configure(television);
    const answer = await openid.initiateDeviceAuthorization(configuration, { scope: "openid email offline_access" });
    expect(answer).toMatchObject({
      device_code: expect.stringMatching(/^dxd_[\w-]{43}$/),
      user_code: expect.stringMatching(/^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/),
      verification_uri: `${worker.issuer}/device`,
      verification_uri_complete: `${worker.issuer}/device?user_code=${answer.user_code}`,
      expires_in: 600,
      interval: 5,
    });
    await approve(answer.user_code);
    // Not to wait for five seconds: the first poll may come at once.
    const tokens = await openid.pollDeviceAuthorizationGrant(configuration, { ...answer, interval: 0.01 });
    expect(tokens.claims()).toMatchObject({ aud: television.id, email: PERSON.email, auth_time: expect.any(Number) });
    const sub = tokens.claims()?.sub ?? "";
    expect(await openid.fetchUserInfo(configuration, tokens.access_token, sub)).toMatchObject({ email: PERSON.email });
    const refreshed = await openid.refreshTokenGrant(configuration, tokens.refresh_token ?? "");
    expect(refreshed.access_token).toBeTypeOf("string");
  });

  test("of oauth4webapi is told to wait, to slow down, and no", async () => {
    const server = await oauth.processDiscoveryResponse(
      new URL(worker.issuer),
      await oauth.discoveryRequest(new URL(worker.issuer), { [oauth.allowInsecureRequests]: true }),
    );
    expect(server).toMatchObject({
      device_authorization_endpoint: `${worker.issuer}/device/code`,
      grant_types_supported: expect.arrayContaining([DEVICE_CODE_GRANT]),
    });
    const client = { client_id: television.id };
    const options = { [oauth.allowInsecureRequests]: true };
    const asked = await oauth.deviceAuthorizationRequest(server, client, oauth.None(), { scope: "openid" }, options);
    expect(asked.headers.get("cache-control")).toBe("no-store");
    const answer = await oauth.processDeviceAuthorizationResponse(server, client, asked);
    const poll = async () => {
      const response = await oauth.deviceCodeGrantRequest(server, client, oauth.None(), answer.device_code, options);
      return oauth.processDeviceCodeResponse(server, client, response);
    };
    await expect(poll()).rejects.toMatchObject({ error: "authorization_pending", status: 400 });
    await expect(poll()).rejects.toMatchObject({ error: "slow_down", status: 400 });
    const browser = worker.browser();
    const page = await world.enterAndSignIn(browser, answer.user_code);
    expect((await world.answer(browser, page, "deny")).text).toContain('id="device-denied"');
    for (let again = 0; again < 2; again += 1) {
      await expect(poll()).rejects.toMatchObject({ error: "access_denied", status: 400 });
    }
  });

  test("gets tokens once, of 20 polls on two workers at the same moment (DEV-1)", async () => {
    const answer = await world.askWell(television, { scope: "openid offline_access" });
    await approve(answer.user_code);
    const polls = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        world.poll(television, answer.device_code, {}, index % 2 === 0 ? undefined : otherTokenUrl),
      ),
    );
    const winners = polls.filter(({ status }) => status === 200);
    expect(winners).toHaveLength(1);
    for (const { status, body } of polls) if (status !== 200) expect(body.error).toBe("invalid_grant");
    expect((await world.poll(television, answer.device_code, {}, otherTokenUrl)).body.error).toBe("invalid_grant");
    // What the one got stays good.
    const refresh = { grant_type: "refresh_token", refresh_token: winners[0]?.body.refresh_token ?? "" };
    const refreshed = await fetch(`${worker.issuer}/token`, {
      method: "POST",
      body: new URLSearchParams({ ...refresh, client_id: television.id }),
    });
    expect(refreshed.status).toBe(200);
  });

  test("is told that its code has expired", async () => {
    const { device_code } = await world.askWell(television);
    await queryDatabase(
      worker.databaseUrl,
      "UPDATE device_request SET expires_at = now() - interval '1 second' - interval '1 second'",
    );
    expect((await world.poll(television, device_code)).body.error).toBe("expired_token");
  });

  test("polls in one round trip while nobody has answered, and in two when somebody has", async () => {
    const { device_code, user_code } = await world.askWell(television);
    worker.takeStatements();
    await world.poll(television, device_code);
    expect(worker.takeStatements()).toEqual(["device.poll"]);
    await approve(user_code);
    worker.takeStatements();
    expect((await world.poll(television, device_code)).status).toBe(200);
    expect(worker.takeStatements()).toEqual(["device.poll", "device.redeem"]);
  });

  test("that proved a challenge when it asked proves it again (PKC-4, PKC-5)", async () => {
    const verifier = "v".repeat(43);
    const code_challenge = createHash("sha256").update(verifier).digest("base64url");
    const { device_code, user_code } = await world.askWell(television, {
      code_challenge,
      code_challenge_method: "S256",
    });
    await approve(user_code);
    for (const fields of [{}, { code_verifier: "w".repeat(43) }, { code_verifier: "short" }] as Record<
      string,
      string
    >[]) {
      expect((await world.poll(television, device_code, fields)).body.error).toBe("invalid_grant");
    }
    expect((await world.poll(television, device_code, { code_verifier: verifier })).status).toBe(200);
    for (const fields of [
      { code_challenge },
      { code_challenge, code_challenge_method: "plain" },
      { code_challenge_method: "S256" },
    ]) {
      expect(await world.ask(television, fields as Record<string, string>)).toMatchObject({ status: 400 });
    }
  });
});

describe("nobody else", () => {
  test("spoils a device code or gets more with it than was shown (DEV-2)", async () => {
    const intruder = await world.addDevice({ clientName: "Other" });
    const { device_code, user_code } = await world.askWell(television, { scope: "openid email" });
    const strange = [
      world.poll(intruder, device_code),
      world.poll(television, device_code, { scope: "openid email groups" }),
      world.poll(television, device_code, { scope: "openid" }),
    ];
    for (const one of strange) expect((await one).body.error).toBe("invalid_grant");
    await approve(user_code);
    expect((await world.poll(intruder, device_code)).body.error).toBe("invalid_grant");
    expect((await world.poll(television, device_code, { scope: "openid groups" })).body.error).toBe("invalid_grant");
    expect(await world.poll(television, device_code, { scope: "email openid" })).toMatchObject({
      status: 200,
      body: { scope: "openid email" },
    });
  });

  test("takes one kind of code for another (AUT-15)", async () => {
    const { device_code, user_code } = await world.askWell(television);
    for (const wrong of [user_code, device_code.replace("dxd_", "dxc_"), device_code.slice(0, -1), "dxd_", "\u0416"]) {
      expect((await world.poll(television, wrong)).body.error).toBe("invalid_grant");
    }
    const redeemed = await worker.token({ grant_type: "authorization_code", code: device_code, redirect_uri: "x" });
    expect(redeemed.body.error).toBe("invalid_grant");
    expect((await world.poll(television, "")).body.error).toBe("invalid_request");
  });

  test("whose client is not registered for it asks or polls (AUT-13)", async () => {
    const { device_code } = await world.askWell(television);
    expect((await world.ask(worker.client)).body.error).toBe("unauthorized_client");
    expect((await world.poll(worker.client, device_code)).body.error).toBe("unauthorized_client");
    expect(await world.ask({ id: television.id, secret: "a wrong secret" })).toMatchObject({ status: 401 });
    const confidential = await world.addDevice({ public: false });
    expect(await world.ask({ id: confidential.id, secret: "" })).toMatchObject({ status: 401 });
    expect(await world.ask(confidential)).toMatchObject({ status: 200 });
  });

  test("gets tokens for a user or through a connector that is gone (TOK-16)", async () => {
    const approved = async () => {
      const { device_code, user_code } = await world.askWell(television, { scope: "openid offline_access" });
      await approve(user_code);
      return device_code;
    };
    const [first, second] = [await approved(), await approved()];
    const [user] = await queryDatabase(worker.databaseUrl, "SELECT id FROM app_user");
    await queryDatabase(worker.databaseUrl, "UPDATE app_user SET disabled = true");
    expect((await world.poll(television, first)).body.error).toBe("invalid_grant");
    await queryDatabase(worker.databaseUrl, "UPDATE app_user SET disabled = false");
    expect(user).toBeDefined();
    await worker.storage.clients.setAllowedConnectors(television.id, ["corp"], ACTOR);
    await worker.setConnectors([{ id: "local", type: "local", config: {} }]);
    expect((await world.poll(television, second)).body.error).toBe("invalid_grant");
    await worker.storage.clients.setAllowedConnectors(television.id, undefined, ACTOR);
    await worker.setConnectors([{ id: "local", type: "local", config: {} }]);
    expect((await world.poll(television, second)).status).toBe(200);
  });
});

describe("the person", () => {
  test("is asked by name, scopes and code, whoever asks and however often (DEV-1)", async () => {
    const trusted = await world.addDevice({ public: false, trusted: true, clientName: "<b>Own</b> TV" });
    const { verification_uri_complete, user_code } = await world.askWell(trusted, { scope: "openid email" });
    const { browser } = await approve((await world.askWell(trusted, { scope: "openid email" })).user_code);
    // Signed in, known client, trusted, and the code in the address: nothing is allowed without the button.
    const form = await browser.open(verification_uri_complete);
    expect(form.text).toContain(`value="${user_code}"`);
    const page = await browser.submit(form, {}, { formId: "device-form" });
    expect(page.url.pathname).toBe("/dex/device/approve");
    expect(page.text).toContain(user_code);
    expect(page.text).toContain("&lt;b&gt;Own&lt;/b&gt; TV");
    expect(page.text).toContain("See your email address");
    expect(page.text).not.toContain("Keep access while you are away");
    expect(page.headers.get("cache-control")).toBe("no-store");
    const [row] = await queryDatabase(
      worker.databaseUrl,
      "SELECT count(*)::int AS open FROM device_request WHERE decision IS NULL AND client_id = $1",
      [trusted.id],
    );
    expect(row).toEqual({ open: 1 });
  });

  test("agrees to this device alone: no consent is kept for other days", async () => {
    const client = await world.addDevice({
      public: true,
      clientName: "Browser and TV",
      grantTypes: [DEVICE_CODE_GRANT, "authorization_code"],
      redirectURIs: ["http://127.0.0.1/callback"],
    });
    await approve((await world.askWell(client)).user_code);
    expect(await queryDatabase(worker.databaseUrl, "SELECT * FROM consent WHERE client_id = $1", [client.id])).toEqual(
      [],
    );
  });

  const typed = [
    (code: string) => code.toLowerCase(),
    (code: string) => code.replace("-", ""),
    (code: string) => `  ${code.replace("-", " ").toLowerCase()} `,
    (code: string) => code.replaceAll("B", "8").replaceAll("S", "5").replaceAll("Z", "2").replaceAll("G", "6"),
  ];
  test.each(typed)("may type the code as %s", async (change) => {
    const { user_code } = await world.askWell(television);
    const page = await world.enter(worker.browser(), change(user_code));
    expect(page.status).toBe(200);
    expect(page.url.pathname).toContain("/auth/local/login");
  });

  const hostile = [
    "",
    "WDJB",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "WDJB-MJHT".repeat(2_000),
    "\u0131\ufffe\u202e",
    "AAAA-AAAA",
  ];
  test.each(hostile)("who types %j sees the form again, and it is no guess (RFC 8628 §6.1)", async (text) => {
    const browser = worker.browser();
    for (let again = 0; again < 8; again += 1) {
      const page = await world.enter(browser, text);
      expect(page.status).toBe(400);
      expect(page.text).toContain('id="device-form"');
      expect(page.text).not.toContain("alert(1)");
    }
    const opened = await browser.open(`${worker.issuer}/device?user_code=${encodeURIComponent(text.slice(0, 2_000))}`);
    expect(opened.status).toBe(200);
    expect(opened.text).toContain('value=""');
  });

  test("is offered the connectors that the client allows, and that are for devices (SAM-8)", async () => {
    const connectors = ["corp", "other"].map((id) => ({ id, type: "local", config: {} }));
    const forCode = { id: "web", type: "local", config: { grantTypes: ["authorization_code"] } };
    const forDevices = { id: "tv", type: "local", config: { grantTypes: [DEVICE_CODE_GRANT] } };
    await worker.setConnectors([...connectors, forCode, forDevices]);
    const picky = await world.addDevice({ allowedConnectors: ["corp", "web", "tv"] });
    const chooser = await world.enter(worker.browser(), (await world.askWell(picky)).user_code);
    const offered = [...chooser.text.matchAll(/\/auth\/(\w+)\/login/g)].map(([, id]) => id);
    expect(new Set(offered)).toEqual(new Set(["corp", "tv"]));
    await worker.setConnectors([{ id: "local", type: "local", config: {} }]);
  });

  test("is told when the code was answered or has expired in the meantime", async () => {
    const { user_code } = await world.askWell(television);
    const [one, other] = [worker.browser(), worker.browser()];
    const [left, right] = [await world.enterAndSignIn(one, user_code), await world.enterAndSignIn(other, user_code)];
    expect((await world.answer(one, left, "deny")).status).toBe(200);
    const late = await world.answer(other, right, "approve");
    expect(late.status).toBe(410);
    expect(late.text).toContain("answered already");
    expect(late.text).toMatch(/id="back" href="\/dex\/device"/);
    const unknown = await world.enter(worker.browser(), user_code);
    expect(unknown.status).toBe(400);
    expect(unknown.text).toContain("expired, or been answered");
  });

  test("signs the client out with the session, and is shown where the device has access", async () => {
    const { device_code, user_code } = await world.askWell(television, { scope: "openid" });
    const { browser } = await approve(user_code);
    await world.poll(television, device_code);
    const account = await browser.open(`${worker.issuer}/account`);
    expect(account.text).toContain("Television");
    const clients = await queryDatabase(
      worker.databaseUrl,
      "SELECT clients FROM session ORDER BY auth_time DESC LIMIT 1",
    );
    expect(clients).toEqual([{ clients: { [television.id]: expect.stringMatching(/^[0-9a-f]{64}$/) } }]);
  });
});

describe("other sites", () => {
  const forged = [
    { with: "a foreign origin", headers: { Origin: "https://evil.example" } },
    { with: "Sec-Fetch-Site: cross-site", headers: { "Sec-Fetch-Site": "cross-site" } },
    { with: "another token", token: "x" },
    { with: "no token", token: undefined },
    { with: "no cookie", cookies: false },
  ] as const;

  test.each(forged)("can neither enter nor approve a code, with $with (BRO-2, DEV-1)", async (attempt) => {
    const { user_code, device_code } = await world.askWell(television);
    const browser = worker.browser();
    const send = async (url: URL, fields: Readonly<Record<string, string>>, formToken: string) => {
      const token = "token" in attempt ? attempt.token : formToken;
      const from = "cookies" in attempt ? worker.browser() : browser;
      const body = new URLSearchParams({ ...fields, ...(token === undefined ? {} : { form_token: token }) });
      const headers = "headers" in attempt ? attempt.headers : {};
      return (await from.request(url, { method: "POST", headers, body })).status;
    };
    const tokenOf = (text: string) => /name="form_token" value="([^"]+)"/.exec(text)?.[1] ?? "";
    const actionOf = (text: string) => new URL(/method="post" action="([^"]+)"/.exec(text)?.[1] ?? "", worker.issuer);
    const form = await browser.open(`${worker.issuer}/device`);
    expect(await send(actionOf(form.text), { user_code }, tokenOf(form.text))).toBe(403);
    const page = await world.enterAndSignIn(browser, user_code);
    for (const decision of ["approve", "deny"]) {
      expect(await send(actionOf(page.text), { decision }, tokenOf(page.text))).toBe(403);
    }
    expect((await world.poll(television, device_code)).body.error).toBe("authorization_pending");
  });

  test("cannot have the page in a frame, nor approve by an address", async () => {
    const { verification_uri_complete, device_code, user_code } = await world.askWell(television);
    const browser = worker.browser();
    await world.enterAndSignIn(browser, user_code);
    const page = await browser.open(`${verification_uri_complete}&decision=approve&form_token=x`);
    expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect((await world.poll(television, device_code)).body.error).toBe("authorization_pending");
  });
});

describe("guessing", () => {
  const wrong = () =>
    "BCDF-GHJK".replace(/[A-Z]/g, () => "BCDFGHJKLMNPQRSTVWXZ".charAt(Math.floor(Math.random() * 20)));

  test("ends after five tries in one form, right or wrong (DEV-1)", async () => {
    const { user_code } = await world.askWell(television);
    const browser = worker.browser();
    let page = await browser.open(`${worker.issuer}/device`);
    for (let guess = 0; guess < 5; guess += 1) {
      page = await browser.submit(page, { user_code: wrong() }, { formId: "device-form" });
      expect(page.status).toBe(400);
    }
    const end = await browser.submit(page, { user_code }, { formId: "device-form" });
    expect(end.status).toBe(429);
    expect(Number(end.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await world.enter(worker.browser(), user_code)).status).toBe(200);
  });

  test("from many addresses and browsers at full speed ends after twenty, for the right code too (DEV-1, ACC-5)", async () => {
    const { user_code } = await world.askWell(television);
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const browser = openFormBrowser({ sourceAddress: `127.0.7.${1 + index}` });
        return (await world.enter(browser, wrong())).status;
      }),
    );
    expect(statuses.filter((status) => status === 400)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(40);
    const stranger = openFormBrowser({ sourceAddress: "127.0.8.1" });
    expect((await world.enter(stranger, user_code)).status).toBe(429);
  });
});
