// RFC 8414: the metadata wherever its clients look for it.
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let origin: string;
beforeAll(async () => {
  worker = await openTestWorker();
  origin = new URL(worker.issuer).origin;
});
afterAll(() => worker.close());

const ADDRESSES = [
  "/dex/.well-known/openid-configuration",
  "/dex/.well-known/oauth-authorization-server",
  "/.well-known/oauth-authorization-server/dex",
  "/.well-known/openid-configuration/dex",
];

test.each(["oauth2", "oidc"] as const)(
  "a client that looks for it as %s finds it (RFC 8414 §3.1)",
  async (algorithm) => {
    const issuer = new URL(worker.issuer);
    const response = await oauth.discoveryRequest(issuer, { algorithm, [oauth.allowInsecureRequests]: true });
    const metadata = await oauth.processDiscoveryResponse(issuer, response);
    expect(metadata).toMatchObject({ issuer: worker.issuer, token_endpoint: `${worker.issuer}/token` });
    const execute = [openid.allowInsecureRequests];
    const found = await openid.discovery(issuer, worker.client.id, undefined, undefined, { algorithm, execute });
    expect(found.serverMetadata().jwks_uri).toBe(`${worker.issuer}/keys`);
  },
);

test.each(ADDRESSES)("%s is the same to the byte, from memory, and known by its ETag (RFC 8414 §3.2)", async (path) => {
  const first = await (await fetch(`${worker.issuer}/.well-known/openid-configuration`)).text();
  worker.takeStatements();
  const response = await fetch(origin + path);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
  expect(response.headers.get("access-control-allow-origin")).toBe("*");
  expect(response.headers.get("cache-control")).toBe("public, max-age=300");
  expect(await response.text()).toBe(first);
  const known = await fetch(origin + path, { headers: { "If-None-Match": response.headers.get("etag") ?? "" } });
  expect([known.status, await known.text()]).toEqual([304, ""]);
  const head = await fetch(origin + path, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  expect(worker.takeStatements().filter((name) => !name.includes("change"))).toEqual([]);
});

test.each(ADDRESSES)("%s is read and nothing else", async (path) => {
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    const response = await fetch(origin + path, { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  }
});

test.each(["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/.well-known/webfinger"])(
  "at %s there is nothing of an issuer that has a path",
  async (path) => {
    for (const suffix of ["", "/", "/DEX", "/dex/", "/dex/more", "/other"]) {
      expect((await fetch(origin + path + suffix)).status).toBe(404);
    }
  },
);

const elsewhere = [
  { issuer: "", base: "" },
  { issuer: "/a/b", base: "/a/b" },
  { issuer: "/a/b/", base: "/a/b" },
];
test.each(elsewhere)("an issuer with the path '$issuer' is found as well (RFC 8414 §3.1)", async ({ issuer, base }) => {
  const other = await openTestWorker([], issuer);
  try {
    const here = new URL(other.issuer).origin;
    for (const path of [
      `${base}/.well-known/openid-configuration`,
      `${base}/.well-known/oauth-authorization-server`,
      `/.well-known/oauth-authorization-server${base}`,
      `/.well-known/openid-configuration${base}`,
    ]) {
      const response = await fetch(here + path);
      expect([path, response.status]).toEqual([path, 200]);
      expect(await response.json()).toMatchObject({ issuer: other.issuer, token_endpoint: `${here}${base}/token` });
    }
  } finally {
    await other.close();
  }
});
