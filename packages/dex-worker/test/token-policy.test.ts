// How long what a client gets stays good, as an administrator says of that client; and one family of tokens for each device.
import { queryDatabase } from "@dex/testing";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openAnswerReceiver } from "./answer-receiver.ts";
import { openTestWorker, REDIRECT_URI, type TestClient, type TestWorker, type TokenBody } from "./worker-server.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const SCOPE = "openid offline_access";
let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-front-channel-tokens"]);
});
afterAll(() => worker.close());

const withPolicy = (details: Readonly<Record<string, number>>) =>
  worker.addClient({ clientName: "Of its own", trusted: true, details });
const seconds = () => Math.floor(Date.now() / 1000);
const near = (expected: number) => expect.closeTo(expected, -1);

async function obtain(client: TestClient, browser = worker.browser()): Promise<Required<TokenBody>> {
  const url = await worker.signIn(browser, { client_id: client.id, scope: SCOPE });
  const code = url.searchParams.get("code") ?? "";
  const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI }, client);
  expect(body.refresh_token).toBeDefined();
  return body as Required<TokenBody>; // the scope asks for all of them
}

const refresh = (refresh_token: string, client: TestClient) =>
  worker.token({ grant_type: "refresh_token", refresh_token }, client);
const lifetimeOf = (jwt = "") => {
  const { exp = 0, iat = 0 } = decodeJwt(jwt);
  return exp - iat;
};

async function introspect(token: string, client: TestClient): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(`${worker.issuer}/introspect`, {
    method: "POST",
    headers: { Authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString("base64")}` },
    body: new URLSearchParams({ token }),
  });
  return (await response.json()) as Readonly<Record<string, unknown>>;
}

async function familyOf(client: TestClient): Promise<{ idle: number; absolute: number }> {
  const [row] = await queryDatabase<{ idle: string; absolute: string }>(
    worker.databaseUrl,
    `SELECT extract(epoch FROM idle_expires_at - COALESCE(rotated_at, created_at)) AS idle,
      extract(epoch FROM expires_at - created_at) AS absolute
    FROM token_family WHERE client_id = $1`,
    [client.id],
  );
  return { idle: Number(row?.idle), absolute: Number(row?.absolute) };
}

describe("what an administrator says of one client", () => {
  test("holds for its access tokens and ID tokens, at the exchange and at each refresh (P2)", async () => {
    const client = await withPolicy({ access_token_lifetime: 120, id_token_lifetime: 7200 });
    const first = await obtain(client);
    const second = (await refresh(first.refresh_token, client)).body;
    for (const { expires_in, id_token, access_token = "" } of [first, second]) {
      expect([expires_in, lifetimeOf(id_token)]).toEqual([120, 7200]);
      expect(await introspect(access_token, client)).toMatchObject({ active: true, exp: near(seconds() + 120) });
    }
    const own = (await worker.token({ grant_type: "client_credentials" }, client)).body;
    expect([own.expires_in, lifetimeOf(own.access_token)]).toEqual([120, 120]);
    const others = await obtain(worker.client);
    expect([others.expires_in, lifetimeOf(others.id_token)]).toEqual([600, 3600]);
  });

  test("holds for what the authorization endpoint hands out", async () => {
    const receiver = await openAnswerReceiver(worker);
    const details = { access_token_lifetime: 1800, id_token_lifetime: 60 };
    const read = (await worker.storage.clients.find(receiver.client.id))?.details ?? {};
    await worker.storage.clients.setDetails(receiver.client.id, { read, next: { ...read, ...details } }, ACTOR);
    await worker.setConnectors([{ id: "local", type: "local", config: {} }]); // the worker looks for changes
    const wanted = { response_type: "id_token token", scope: "openid", nonce: "n" };
    const { members } = await receiver.answer(receiver.browser(), wanted);
    expect([members.expires_in, lifetimeOf(members.id_token)]).toEqual(["1800", 60]);
    const told = await introspect(members.access_token ?? "", receiver.client);
    expect(told).toMatchObject({ active: true, exp: near(seconds() + 1800) });
    // The family must not end before its token.
    expect(await familyOf(receiver.client)).toMatchObject({ absolute: near(1800) });
    await receiver.close();
  });

  test("holds for how long refresh tokens rest, and live in all (REF-14)", async () => {
    const client = await withPolicy({ refresh_token_idle_lifetime: 3600, refresh_token_absolute_lifetime: 7200 });
    const { refresh_token } = await obtain(client);
    expect(await familyOf(client)).toEqual({ idle: near(3600), absolute: near(7200) });
    expect((await refresh(refresh_token, client)).status).toBe(200);
    expect(await familyOf(client)).toEqual({ idle: near(3600), absolute: near(7200) });
    const brief = await withPolicy({ refresh_token_absolute_lifetime: 600 });
    await obtain(brief);
    expect(await familyOf(brief)).toEqual({ idle: near(600), absolute: near(600) });
  });

  test("holds for the grace interval: with none a second use ends the family (REF-2, REF-3)", async () => {
    const strict = await withPolicy({ refresh_token_grace: 0 });
    const { refresh_token } = await obtain(strict);
    const next = (await refresh(refresh_token, strict)).body.refresh_token ?? "";
    expect((await introspect(refresh_token, strict)).active).toBe(false);
    expect((await refresh(refresh_token, strict)).body.error).toBe("invalid_grant");
    expect((await refresh(next, strict)).body.error).toBe("invalid_grant");
    const usual = await obtain(worker.client);
    const given = await Promise.all([1, 2, 3].map(() => refresh(usual.refresh_token, worker.client)));
    expect(given.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test.each([
    ["access_token_lifetime", 3601],
    ["access_token_lifetime", 0],
    ["id_token_lifetime", 86_401],
    ["refresh_token_idle_lifetime", 7_776_001],
    ["refresh_token_absolute_lifetime", 31_536_001],
    ["refresh_token_grace", 61],
    ["refresh_token_grace", -1],
    ["id_token_lifetime", 0.5],
  ])("cannot pass the caps: %s of %i (P2)", async (member, value) => {
    await expect(withPolicy({ [member]: value })).rejects.toThrow(`${member}: must be a whole number of seconds`);
  });
});

describe("one family of tokens for each device", () => {
  test("two sign-ins on two devices are two families, and the end of one leaves the other", async () => {
    const client = await withPolicy({});
    const [phone, laptop] = [await obtain(client), await obtain(client)];
    const count = async () =>
      (await queryDatabase(worker.databaseUrl, "SELECT 1 FROM token_family WHERE client_id = $1", [client.id])).length;
    expect(await count()).toBe(2);
    const again = (await refresh(phone.refresh_token, client)).body;
    expect(await count()).toBe(2);
    const given = await fetch(`${worker.issuer}/revoke`, {
      method: "POST",
      headers: { Authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString("base64")}` },
      body: new URLSearchParams({ token: again.refresh_token ?? "" }),
    });
    expect(given.status).toBe(200);
    expect((await refresh(again.refresh_token ?? "", client)).body.error).toBe("invalid_grant");
    expect((await refresh(laptop.refresh_token, client)).status).toBe(200);
    expect((await introspect(laptop.access_token, client)).active).toBe(true);
  });
});
