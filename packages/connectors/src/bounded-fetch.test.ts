import { createServer } from "node:net";
import { systemClock } from "@dex/runtime";
import { type FakeOpenIdProvider, startFakeOpenIdProvider } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makeBoundedFetch, UpstreamUnreachable } from "./bounded-fetch.ts";
import { makeCircuitBreaker } from "./circuit-breaker.ts";

let provider: FakeOpenIdProvider;
let address: string;
beforeAll(async () => {
  provider = await startFakeOpenIdProvider({ clientId: "a", clientSecret: "b", redirectUris: [] });
  address = `${provider.issuer}/.well-known/openid-configuration`;
});
afterAll(() => provider.close());
beforeEach(() => provider.reset());

function open(change: { trustedOrigin?: string; totalMilliseconds?: number; privateAddressesAllowed?: boolean } = {}) {
  return makeBoundedFetch({
    trustedOrigin: new URL(change.trustedOrigin ?? provider.url),
    privateAddressesAllowed: change.privateAddressesAllowed ?? false,
    breaker: makeCircuitBreaker(systemClock),
    limits: { connectMilliseconds: 200, totalMilliseconds: change.totalMilliseconds ?? 300, answerBytes: 1_048_576 },
  });
}
const get = { method: "GET", headers: {} };

test("an answer comes with its status and headers", async () => {
  const response = await open()(address, get);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await response.json()).toMatchObject({ issuer: provider.issuer });
});

test.each(["hang", "dribble", "huge body", "many headers", "close"] as const)(
  "an upstream that answers with %s is unreachable, in time",
  async (how) => {
    provider.behaviours.endpoints.discovery = how;
    const started = performance.now();
    await expect(open()(address, get)).rejects.toBeInstanceOf(UpstreamUnreachable);
    expect(performance.now() - started).toBeLessThan(5_000);
  },
);

test("a redirect is not followed (SSR-1)", async () => {
  provider.behaviours.endpoints.discovery = "redirect loop";
  expect((await open()(address, get)).status).toBe(302);
  expect(provider.requests).toHaveLength(1);
});

test("nobody at the other end, or not our protocol, is unreachable", async () => {
  await expect(open()("http://127.0.0.1:1/", get)).rejects.toBeInstanceOf(UpstreamUnreachable);
  await expect(open()("ftp://127.0.0.1/", get)).rejects.toBeInstanceOf(UpstreamUnreachable);
});

test("a TLS handshake that never ends counts as no connection", async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const bound = silent.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  const fetch = open({ totalMilliseconds: 5_000 });
  await expect(fetch(`https://127.0.0.1:${port}/`, get)).rejects.toThrow("no connection in time");
  silent.close();
});

test("a host that the upstream named must be public (SSR-1)", async () => {
  const fetch = open({ trustedOrigin: "https://idp.example" });
  for (const url of [address, address.replace("127.0.0.1", "localhost"), "http://[::1]:1/", "http://0x7f000001:1/"]) {
    await expect(fetch(url, get), url).rejects.toThrow("not a public address");
  }
  expect(provider.requests).toEqual([]);
  const permitted = open({ trustedOrigin: "https://idp.example", privateAddressesAllowed: true });
  expect((await permitted(address, get)).status).toBe(200);
});

test("after five failures the upstream is left alone", async () => {
  const fetch = open();
  provider.behaviours.endpoints.discovery = "status 500";
  for (let call = 0; call < 5; call += 1) expect((await fetch(address, get)).status).toBe(500);
  await expect(fetch(address, get)).rejects.toThrow("circuit is open");
  expect(provider.requests).toHaveLength(5);
});
