// RFC 9728: what of dex takes access tokens itself says so, where its clients look for it.
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openResourceWorld, type ResourceWorld } from "./resource-world.ts";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let origin: string;
beforeAll(async () => {
  worker = await openTestWorker();
  origin = new URL(worker.issuer).origin;
});
afterAll(() => worker?.close());

const RESOURCES = ["/dex/userinfo", "/dex/api/v1"];
const at = (resource: string) => `${origin}/.well-known/oauth-protected-resource${resource}`;

test.each(RESOURCES)("a client that looks for that of %s finds it (RFC 9728 §3, §3.3)", async (path) => {
  const resource = new URL(origin + path);
  const response = await oauth.resourceDiscoveryRequest(resource, { [oauth.allowInsecureRequests]: true });
  const metadata = await oauth.processResourceDiscoveryResponse(resource, response);
  expect(metadata).toEqual({
    resource: resource.href,
    authorization_servers: [worker.issuer],
    resource_name: expect.stringMatching(/^dex: /),
    dpop_signing_alg_values_supported: ["ES256", "PS256", "EdDSA", "Ed25519"],
    ...(path === "/dex/userinfo"
      ? {
          bearer_methods_supported: ["header", "body"],
          scopes_supported: ["openid", "profile", "email", "address", "phone", "groups", "federated:id"],
        }
      : {
          bearer_methods_supported: ["header"],
          resource_documentation: `${worker.issuer}/api/v1/openapi.json`,
        }),
  });
  const { resource_documentation: documentation } = metadata;
  if (documentation !== undefined) expect((await fetch(documentation)).status).toBe(200);
});

test.each(RESOURCES)("that of %s is sent from memory and known by its ETag", async (path) => {
  worker.takeStatements();
  const response = await fetch(at(path));
  expect(response.headers.get("access-control-allow-origin")).toBe("*");
  expect(response.headers.get("cache-control")).toBe("public, max-age=300");
  const known = await fetch(at(path), { headers: { "If-None-Match": response.headers.get("etag") ?? "" } });
  expect([response.status, known.status, await known.text()]).toEqual([200, 304, ""]);
  expect((await fetch(at(path), { method: "POST" })).headers.get("allow")).toBe("GET, HEAD");
  expect(worker.takeStatements().filter((name) => !name.includes("change"))).toEqual([]);
});

test.each([
  "",
  "/",
  "/dex",
  "/dex/",
  "/dex/userinfo/",
  "/dex/token",
  "/dex/registration",
  "/userinfo",
  "/dex/api/v1/users",
])("at '%s' there is none: each stands for the one resource of its name (RFC 9728 §3.3)", async (path) => {
  expect((await fetch(at(path))).status).toBe(404);
});

test.each([
  { issuerPath: "", base: "" },
  { issuerPath: "/a/b/", base: "/a/b" },
])("it is found where the path of the issuer is '$issuerPath'", async ({ issuerPath, base }) => {
  const other = await openTestWorker(
    ["--trusted-proxies=127.0.0.1", "--client-certificate-header=Client-Cert", "--issuer-name=Example"],
    issuerPath,
  );
  try {
    const here = new URL(other.issuer).origin;
    for (const path of [`${base}/userinfo`, `${base}/api/v1`]) {
      const response = await fetch(`${here}/.well-known/oauth-protected-resource${path}`);
      expect(await response.json()).toMatchObject({
        resource: here + path,
        authorization_servers: [other.issuer],
        resource_name: expect.stringMatching(/^Example: /),
        tls_client_certificate_bound_access_tokens: true,
      });
    }
  } finally {
    await other.close();
  }
});

const refused = [
  { path: "/userinfo", authorization: undefined, status: 401 },
  { path: "/userinfo", authorization: "Bearer x", status: 401 },
  { path: "/userinfo", authorization: "DPoP x", status: 401 },
  { path: "/userinfo", authorization: "client", status: 403 },
  { path: "/userinfo?access_token=x", authorization: undefined, status: 400 },
  { path: "/api/v1/users", authorization: undefined, status: 401 },
  { path: "/api/v1/users", authorization: "Bearer x", status: 401 },
  { path: "/api/v1/users", authorization: "DPoP x", status: 401 },
  { path: "/api/v1/users", authorization: "client", status: 403 },
];
test.each(refused)(
  "$status of $path for '$authorization' names the metadata in each challenge (RFC 9728 §5.1)",
  async ({ path, authorization, status }) => {
    const open = await openWorld();
    const { issuer } = open;
    const token = async () =>
      (await open.token([["grant_type", "client_credentials"]])).body.access_token ?? expect.fail("no token");
    const sent = authorization === "client" ? `Bearer ${await token()}` : authorization;
    const response = await fetch(issuer + path, { headers: sent === undefined ? {} : { Authorization: sent } });
    const challenges = response.headers.get("www-authenticate") ?? "";
    const [resource] = /\/userinfo|\/api\/v1/.exec(path) ?? [];
    const url = `${new URL(issuer).origin}/.well-known/oauth-protected-resource/dex${resource}`;
    expect(response.status).toBe(status);
    expect(challenges.split(`resource_metadata="${url}"`)).toHaveLength(3);
    expect(challenges).toMatch(/^Bearer .*, DPoP /);
  },
);

let world: Promise<ResourceWorld> | undefined;
const openWorld = () => {
  world ??= openResourceWorld();
  return world;
};
afterAll(async () => (await world)?.close());

test("discovery names what takes tokens here and each type of authorization details, and a change within the poll (RFC 9728 §4, RFC 9396 §10)", async () => {
  const open = await openWorld();
  const document = async () => {
    const response = await fetch(`${open.issuer}/.well-known/openid-configuration`);
    return { etag: response.headers.get("etag"), body: (await response.json()) as Record<string, unknown> };
  };
  const before = await document();
  expect(before.body).toMatchObject({
    protected_resources: [`${open.issuer}/userinfo`, `${open.issuer}/api/v1`],
    authorization_details_types_supported: ["payment"],
  });
  expect(JSON.stringify(before.body)).not.toContain("api.example");
  await open.register({
    ...{ identifier: "urn:example:accounts", name: "Accounts" },
    authorizationDetailsTypes: [{ type: "account", name: "See accounts", members: [] }],
  });
  const after = await document();
  expect(after.body.authorization_details_types_supported).toEqual(["payment", "account"]);
  expect(after.etag).not.toBe(before.etag);
  await open.remove("urn:example:accounts");
  expect((await document()).etag).toBe(before.etag);
});

test("without any type of authorization details discovery has no member for them (RFC 8414 §3.2)", async () => {
  const response = await fetch(`${worker.issuer}/.well-known/openid-configuration`);
  expect(await response.json()).not.toHaveProperty("authorization_details_types_supported");
});
