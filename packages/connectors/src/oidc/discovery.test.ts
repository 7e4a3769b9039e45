import { silentLogger } from "@dex/runtime";
import { type FakeOpenIdProvider, makeHandSetClock, startFakeOpenIdProvider } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeBoundedFetch } from "../bounded-fetch.ts";
import { keepStaleJwks } from "./custom-fetch.ts";
import { checkMetadata, makeDiscovery } from "./discovery.ts";

let provider: FakeOpenIdProvider;
beforeAll(async () => {
  provider = await startFakeOpenIdProvider({ clientId: "a", clientSecret: "b", redirectUris: [], path: "/realm" });
});
afterAll(() => provider.close());
beforeEach(() => provider.reset());

function setUp(issuer = provider.issuer) {
  const clock = makeHandSetClock();
  const fetch = makeBoundedFetch({
    trustedOrigin: new URL(issuer),
    privateAddressesAllowed: false,
    // Never opens: the pauses of discovery are looked at here, not those of the breaker.
    breaker: { admit: () => ({ kind: "admitted", settle: () => undefined }) },
    limits: { connectMilliseconds: 200, totalMilliseconds: 300, answerBytes: 1_048_576 },
  });
  const discovery = makeDiscovery({ issuer, connectorId: "corp", fetch, clock: clock.now, logger: silentLogger });
  return { clock, fetch, discovery };
}

describe("metadata", () => {
  test("is fetched when first needed, once for callers at the same moment, and kept for an hour (OAU-2)", async () => {
    const { clock, discovery } = setUp();
    expect(provider.requests).toHaveLength(0);
    await Promise.all([discovery.metadata(), discovery.metadata(), discovery.metadata()]);
    clock.advance(3_599);
    expect(await discovery.metadata()).toMatchObject({ kind: "metadata", metadata: { issuer: provider.issuer } });
    expect(provider.requests).toHaveLength(1);
    clock.advance(1);
    await discovery.metadata();
    expect(provider.requests).toHaveLength(2);
  });

  test("is used for a day while it cannot be renewed, then no more (OAU-2)", async () => {
    const { clock, discovery } = setUp();
    await discovery.metadata();
    provider.behaviours.endpoints.discovery = "status 500";
    clock.advance(86_399);
    expect(await discovery.metadata()).toMatchObject({ kind: "metadata" });
    clock.advance(1);
    expect(await discovery.metadata()).toMatchObject({ kind: "unavailable" });
    provider.reset();
    clock.advance(60);
    expect(await discovery.metadata()).toMatchObject({ kind: "metadata" });
  });

  test("is asked for again after pauses that double up to a minute", async () => {
    const { clock, discovery } = setUp();
    provider.behaviours.endpoints.discovery = "not json";
    for (const pause of [1, 2, 4, 8, 16, 32, 60, 60]) {
      const before = provider.requests.length;
      expect(await discovery.metadata()).toMatchObject({ kind: "unavailable" });
      clock.advance(pause - 0.1);
      await discovery.metadata();
      expect(provider.requests).toHaveLength(before + 1);
      clock.advance(0.1);
    }
  });

  test("that took long is not tried again for as long (4.11)", async () => {
    const clock = makeHandSetClock();
    let tries = 0;
    const hang = async () => {
      tries += 1;
      clock.advance(10);
      throw new Error("no answer in time");
    };
    const parts = { issuer: provider.issuer, connectorId: "slow", clock: clock.now, logger: silentLogger };
    const discovery = makeDiscovery({ ...parts, fetch: hang });
    await discovery.metadata();
    clock.advance(9.9);
    expect(await discovery.metadata()).toMatchObject({ kind: "unavailable" });
    expect(tries).toBe(1);
    clock.advance(0.1);
    await discovery.metadata();
    expect(tries).toBe(2);
  });

  test.each(["hang", "status 404", "huge body", "redirect loop", "not json", "close"] as const)(
    "is unavailable, not an exception, when the upstream answers with %s (OAU-2)",
    async (how) => {
      provider.behaviours.endpoints.discovery = how;
      expect(await setUp().discovery.metadata()).toMatchObject({ kind: "unavailable" });
    },
  );

  test("of another issuer is refused, in another spelling too (MIX-1, OAU-2)", async () => {
    for (const issuer of ["https://evil.example", `${provider.issuer}/`, provider.issuer.replace("realm", "Realm")]) {
      provider.behaviours.discovery = { issuer };
      expect(await setUp().discovery.metadata(), issuer).toMatchObject({ kind: "unavailable" });
    }
  });
});

describe("a metadata document", () => {
  const good = {
    issuer: "https://idp.example",
    authorization_endpoint: "https://idp.example/a",
    token_endpoint: "https://idp.example/t",
    jwks_uri: "https://idp.example/j",
  };
  const check = (change: object, insecure = false) => checkMetadata({ ...good, ...change }, good.issuer, insecure);

  test("keeps the signing algorithms that are safe (MIX-3)", () => {
    expect(check({ id_token_signing_alg_values_supported: ["none", "HS256", "ES256", "RS1"] })).toMatchObject({
      metadata: { id_token_signing_alg_values_supported: ["ES256"] },
    });
    expect(check({})).toMatchObject({ metadata: { id_token_signing_alg_values_supported: ["RS256"] } });
  });

  const refusals = [
    { when: "a token endpoint is missing", change: { token_endpoint: undefined } },
    { when: "a jwks_uri is missing", change: { jwks_uri: undefined } },
    { when: "a jwks_uri is a number", change: { jwks_uri: 5 } },
    { when: "an authorization endpoint is plain http", change: { authorization_endpoint: "http://idp.example/a" } },
    { when: "an authorization endpoint is a script", change: { authorization_endpoint: "javascript:alert(1)" } },
    { when: "a token endpoint is on loopback without TLS", change: { token_endpoint: "http://127.0.0.1/t" } },
    { when: "a userinfo endpoint is a file", change: { userinfo_endpoint: "file:///etc/passwd" } },
    { when: "an endpoint carries user information", change: { token_endpoint: "https://a:b@idp.example/t" } },
    {
      when: "only unsafe algorithms are offered",
      change: { id_token_signing_alg_values_supported: ["none", "HS256"] },
    },
  ];
  test.each(refusals)("is refused when $when (OAU-2)", ({ change }) => {
    expect(check(change)).toMatchObject({ kind: "unavailable" });
  });

  test("may stay on loopback when the issuer does", () => {
    expect(check({ token_endpoint: "http://127.0.0.1:9/t" }, true)).toMatchObject({ kind: "metadata" });
    expect(check({ token_endpoint: "http://idp.example/t" }, true)).toMatchObject({ kind: "unavailable" });
  });
});

describe("a JWKS", () => {
  test("is used for a day while the upstream does not give one (OAU-2)", async () => {
    const { clock, fetch } = setUp();
    const jwksUri = `${provider.issuer}/jwks`;
    const keys = keepStaleJwks(fetch, () => jwksUri, clock.now);
    const get = () => keys(jwksUri, { method: "GET", headers: {} });
    const fresh = await (await get()).text();
    for (const how of ["status 500", "hang"] as const) {
      provider.behaviours.endpoints.jwks = how;
      expect(await (await get()).text()).toBe(fresh);
    }
    clock.advance(86_400);
    await expect(get()).rejects.toThrow();
  });

  test("is the only thing answered from memory", async () => {
    const { clock, fetch } = setUp();
    const keys = keepStaleJwks(fetch, () => `${provider.issuer}/jwks`, clock.now);
    await keys(`${provider.issuer}/jwks`, { method: "GET", headers: {} });
    provider.behaviours.endpoints.discovery = "status 500";
    const other = await keys(`${provider.issuer}/.well-known/openid-configuration`, { method: "GET", headers: {} });
    expect(other.status).toBe(500);
  });
});
