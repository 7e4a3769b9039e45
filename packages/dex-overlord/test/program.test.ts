import { Secret, silentLogger } from "@dex/runtime";
import { openStorage, type Storage } from "@dex/storage";
import { findInDatabase, openTestDatabase, type TestDatabase } from "@dex/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCuttableConnection, type RunningOverlord, runOverlord } from "./running-overlord.ts";

const base64 = (byte: number) => Buffer.alloc(32, byte).toString("base64");
const ADMIN_SECRET = base64(0xa1);
const PROGRAM_TIMEOUT = 60_000;

test("it names itself, its version and its settings, secrets apart (SEC-1)", async () => {
  const version = runOverlord(["--version"], {});
  const help = runOverlord(["--help"], { DEX_OVERLORD_ADMIN_API_SECRET: ADMIN_SECRET });
  expect([await version.exited, await help.exited]).toEqual([0, 0]);
  expect(version.output()).toMatch(/^dex version \d+\.\d+\.\d+\n/);
  expect(help.output()).toContain("--retired-key-retention  DEX_OVERLORD_RETIRED_KEY_RETENTION");
  expect(help.output()).not.toContain(ADMIN_SECRET);
});

test("without an admin API secret it refuses to start with one sentence (ADM-1)", async () => {
  const overlord = runOverlord([], {
    DEX_OVERLORD_KEY_SECRETS: base64(1),
    DEX_OVERLORD_DB_URL: "postgres://127.0.0.1:1/dex",
  });
  expect(await overlord.exited).toBe(1);
  expect(overlord.output()).toMatch(/^FATAL: .*DEX_OVERLORD_ADMIN_API_SECRET.* openssl rand -base64 32\n$/);
});

describe("on a database", { timeout: PROGRAM_TIMEOUT }, () => {
  let database: TestDatabase;
  let storage: Storage;
  const running: RunningOverlord[] = [];
  beforeEach(async () => {
    database = await openTestDatabase(async () => {});
    storage = openStorage({
      url: new Secret(database.url),
      maxConnections: 2,
      applicationName: "overlord test",
      namedStatements: false,
      logger: silentLogger,
    });
  }, PROGRAM_TIMEOUT);
  afterEach(async () => {
    for (const overlord of running.splice(0)) {
      overlord.process.kill("SIGKILL");
      await overlord.exited;
    }
    await storage.close();
    await database.close();
  }, PROGRAM_TIMEOUT);

  function start(more: Readonly<Record<string, string>> = {}): RunningOverlord {
    const overlord = runOverlord(["--log-debug"], {
      DEX_OVERLORD_ADMIN_LISTEN: "http://127.0.0.1:0",
      DEX_OVERLORD_ADMIN_API_SECRET: ADMIN_SECRET,
      DEX_OVERLORD_KEY_SECRETS: base64(0xb2),
      DEX_OVERLORD_DB_URL: database.url,
      ...more,
    });
    running.push(overlord);
    return overlord;
  }
  async function adminApiOf(overlord: RunningOverlord): Promise<string> {
    const [, url = ""] = await overlord.waitFor(/overlord ready \{"adminListen":"([^"]+)"/);
    return url;
  }

  test("one leads, one stands by and takes over when the first is killed; SIGTERM ends it cleanly (4.7, 4.10)", async () => {
    const first = start();
    await first.waitFor(/overlord ready .*"role":"leader"/);
    const second = start();
    await second.waitFor(/overlord ready .*"role":"standby"/);
    const before = await storage.signingKeys.load();
    expect(before.keys.map(({ algorithm, state }) => `${algorithm} ${state}`).toSorted()).toEqual([
      "ES256 active",
      "ES256 next",
      "EdDSA active",
      "EdDSA next",
      "RS256 active",
      "RS256 next",
    ]);
    first.process.kill("SIGKILL");
    await second.waitFor(/leading \{"fence":2\}/);
    expect(await storage.signingKeys.load()).toEqual(before);
    second.process.kill("SIGTERM");
    expect(await second.exited).toBe(0);
  });

  test("a leader that was paused and replaced writes nothing when it wakes (4.7)", async () => {
    const way = await openCuttableConnection(database.url);
    const fast = {
      DEX_OVERLORD_INSECURE_FAST_KEY_ROTATION: "true",
      DEX_OVERLORD_KEY_PERIOD: "8s",
      DEX_OVERLORD_JWKS_MAX_AGE: "1s",
    };
    const first = start({ ...fast, DEX_OVERLORD_DB_URL: way.url });
    await first.waitFor(/overlord ready .*"role":"leader"/);
    first.process.kill("SIGSTOP");
    way.cut();
    const second = start();
    await second.waitFor(/leading \{"fence":2\}/);
    // The new leader's first tick sets its own, longer caching time; from then on nothing is due for it.
    await expect.poll(async () => (await storage.signingKeys.load()).jwksMaxAgeSeconds).toBe(300);
    const before = await storage.signingKeys.load();
    way.mend();
    first.process.kill("SIGCONT");
    await first.waitFor(/leadership lost, standing by/);
    // Longer than its key period: as a leader it would have rotated.
    await new Promise((resolve) => setTimeout(resolve, 9000));
    expect(await storage.signingKeys.load()).toEqual(before);
    expect(first.process.exitCode).toBeNull();
    way.close();
  });

  test("with time compressed it rotates each key, published ahead, and drops it in the end (4.6, v1 K19)", async () => {
    const overlord = start({
      DEX_OVERLORD_INSECURE_FAST_KEY_ROTATION: "true",
      DEX_OVERLORD_KEY_PERIOD: "6s",
      DEX_OVERLORD_JWKS_MAX_AGE: "1s",
      DEX_OVERLORD_RETIRED_KEY_RETENTION: "5s",
    });
    await adminApiOf(overlord);
    const first = await storage.signingKeys.load();
    const nextOf = (state: string) => first.keys.filter((key) => key.state === state).map(({ id }) => id);
    await expect
      .poll(
        async () =>
          (await storage.signingKeys.load()).keys
            .filter((key) => key.state === "active")
            .map(({ id }) => id)
            .toSorted(),
        { timeout: 15_000, interval: 200 },
      )
      .toEqual(nextOf("next").toSorted());
    const gone = nextOf("active");
    await expect
      .poll(async () => (await storage.signingKeys.load()).keys.filter(({ id }) => gone.includes(id)).length, {
        timeout: 15_000,
        interval: 200,
      })
      .toBe(0);
  });

  test("keys that no secret opens end the start with a sentence that names the fix, and stay (v1 K13, v1 K21)", async () => {
    const first = start();
    await adminApiOf(first);
    first.process.kill("SIGTERM");
    await first.exited;
    const before = await storage.signingKeys.load();
    const second = start({ DEX_OVERLORD_KEY_SECRETS: base64(0xc3) });
    expect(await second.exited).toBe(1);
    expect(second.output()).toMatch(/FATAL: none of the configured key secrets opens signing key .*--key-secrets/);
    expect(await storage.signingKeys.load()).toEqual(before);
    const third = start({ DEX_OVERLORD_KEY_SECRETS: `${base64(0xc3)},${base64(0xb2)}` });
    await third.waitFor(/signing keys changed .*"resealed":6/);
  });

  test("the admin API works on real tables and no secret reaches the log at debug level (LOG-1, ADM-5)", async () => {
    const overlord = start();
    const url = await adminApiOf(overlord);
    const canaries = ["a canary in a coal mine", "Y2FuYXJ5LXNlY3JldC1vZi1hcHA", "canary-of-the-connector"] as const;
    const call = async (method: string, path: string, body?: object) => {
      const answer = await fetch(new URL(path, url), {
        method,
        headers: { authorization: ADMIN_SECRET, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, text, json: text === "" ? undefined : JSON.parse(text) };
    };
    const [password, secret, clientSecret] = canaries;
    const oidc = { id: "up", type: "oidc", issuerURL: "https://up.example", clientID: "dex", clientSecret };
    expect((await call("POST", "/api/v1/admin", { email: "jane@example.com", password })).status).toBe(409);
    expect(
      (await call("PUT", "/api/v1/connectors", { connectors: [{ id: "local", type: "local" }, oidc] })).status,
    ).toBe(200);
    const admin = await call("POST", "/api/v1/admin", { email: "jane@example.com", password });
    expect(admin.status).toBe(200);
    expect((await call("POST", "/api/v1/admin", { email: "JANE@example.com", password })).status).toBe(409);
    expect((await call("GET", `/api/v1/admin/${admin.json.id}`)).json).toEqual(admin.json);
    expect((await call("GET", "/api/v1/state")).json).toEqual({ AdminUserCreated: true });
    const client = { id: "app", secret, redirectURIs: ["https://app.example/cb"] };
    expect((await call("POST", "/api/v1/client", { client })).status).toBe(200);
    expect((await call("POST", "/api/v1/client", { client })).status).toBe(409);
    expect((await call("GET", "/api/v1/clients")).json.clients).toMatchObject([{ id: "app" }]);
    expect((await call("GET", "/api/v1/connectors")).text).not.toContain("canary");
    await overlord.waitFor(/connector secrets sealed \{"connectorId":"up","sealed":1/);
    expect(await findInDatabase(database.url, clientSecret)).toEqual([]); // P4
    expect((await call("GET", "/api/v1/connectors")).json.connectors).toContainEqual({
      ...oidc,
      clientSecret: "[secret]",
    });
    expect((await call("DELETE", "/api/v1/client/app")).status).toBe(204);
    expect((await call("GET", "/health")).json).toEqual({ status: "ok" });
    overlord.process.kill("SIGTERM");
    expect(await overlord.exited).toBe(0);
    const secrets = [...canaries, ADMIN_SECRET, base64(0xb2), new URL(database.url).password, "$argon2id", "jane@"];
    for (const one of secrets) expect(overlord.output()).not.toContain(one);
    expect(overlord.output()).toContain('"route":"/api/v1/client"');
  });
});
