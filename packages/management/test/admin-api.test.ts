import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ADMIN_API } from "../src/index.ts";
import { openTestApi, type TestApi } from "./api-server.ts";

const LOCAL = { id: "local", type: "local", config: {} };
let api: TestApi;
beforeAll(async () => {
  api = await openTestApi(ADMIN_API, "allowed");
});
afterAll(() => api.close());
beforeEach(() => api.reset([LOCAL]));

const newClient = { id: "app", secret: "Y2FuYXJ5LXNlY3JldC1vZi1hcHA", redirectURIs: ["https://app.example/cb"] };

describe("a client", () => {
  test("is created, shows its secret once, is listed without it and deleted (ADM-5, TOK-17)", async () => {
    const created = await api.call("POST", "/api/v1/client", { client: newClient });
    expect([created.status, created.body]).toMatchObject([200, { client: { id: "app", secret: newClient.secret } }]);
    const listed = await api.call("GET", "/api/v1/clients");
    expect(listed.body).toMatchObject({ clients: [{ id: "app", redirectURIs: newClient.redirectURIs }] });
    expect(listed.text).not.toContain(newClient.secret);
    expect(listed.text).not.toContain("hash");
    expect((await api.call("DELETE", "/api/v1/client/app")).status).toBe(204);
    expect((await api.call("DELETE", "/api/v1/client/app")).status).toBe(404);
  });

  test("gets an id and a secret where none was chosen", async () => {
    const created = await api.call("POST", "/api/v1/client", { client: { redirectURIs: newClient.redirectURIs } });
    expect(created.body).toMatchObject({
      client: { id: expect.any(String), secret: expect.stringMatching(/^[\w-]{43}$/) },
    });
  });

  test("whose id is taken is refused with 409", async () => {
    await api.call("POST", "/api/v1/client", { client: newClient });
    const again = await api.call("POST", "/api/v1/client", { client: newClient });
    expect([again.status, again.body]).toMatchObject([409, { error: "duplicate_id" }]);
  });

  const refused = [
    { when: "there is none", body: {} },
    { when: "it is null", body: { client: null } },
    { when: "the body is a list", body: [] },
    { when: "it has no redirect URI", body: { client: { id: "app" } } },
    { when: "a redirect URI is empty", body: { client: { redirectURIs: [""] } } },
    { when: "a redirect URI has no host", body: { client: { redirectURIs: ["https://"] } } },
    { when: "its secret is not base64url", body: { client: { ...newClient, secret: "not base64url!!!" } } },
    { when: "it is public and has a secret", body: { client: { ...newClient, public: true } } },
    { when: "a peer is named twice", body: { client: { ...newClient, trustedPeers: ["a", "a"] } } },
    { when: "a member is unknown", body: { client: { ...newClient, constructor: 1 } } },
  ];
  test.each(refused)("is refused when $when", async ({ body }) => {
    const answer = await api.call("POST", "/api/v1/client", body);
    expect([answer.status, answer.body]).toMatchObject([400, { error: "bad_request" }]);
    expect(await api.storage.clients.list()).toEqual([]);
  });
});

describe("connectors", () => {
  const oidc = {
    id: "upstream",
    type: "oidc",
    issuerURL: "https://upstream.example",
    clientID: "dex",
    clientSecret: "canary-of-the-connector",
  };

  test("go in with secrets, come out without, and can be put back as they came (ADM-5)", async () => {
    expect((await api.call("PUT", "/api/v1/connectors", { connectors: [oidc] })).text).toBe("");
    const read = await api.call("GET", "/api/v1/connectors");
    expect(read.body).toMatchObject({ connectors: [{ id: "upstream", type: "oidc", clientID: "dex" }] });
    expect(read.text).not.toContain("canary");
    expect((await api.call("PUT", "/api/v1/connectors", read.body)).status).toBe(200);
    expect((await api.storage.connectors.list())[0]?.config).toMatchObject({ clientSecret: "canary-of-the-connector" });
  });

  test.each([null, []])("are emptied by %j", async (connectors) => {
    expect((await api.call("PUT", "/api/v1/connectors", { connectors })).status).toBe(200);
    expect((await api.call("GET", "/api/v1/connectors")).body).toEqual({});
  });

  const refused = [
    { when: "the list is missing", body: {} },
    { when: "it is no list", body: { connectors: { id: "local" } } },
    { when: "a type is missing", body: { connectors: [{ id: "local" }] } },
    { when: "a type is unknown", body: { connectors: [{ id: "x", type: "nonsense" }] } },
    { when: "an id is used twice", body: { connectors: [oidc, oidc] } },
    { when: "an id is hostile", body: { connectors: [{ ...oidc, id: "../x\u0000" }] } },
  ];
  test.each(refused)("are refused as a whole when $when", async ({ body }) => {
    const answer = await api.call("PUT", "/api/v1/connectors", body);
    expect([answer.status, answer.body]).toMatchObject([400, { error: "invalid_request" }]);
    expect(await api.storage.connectors.list()).toEqual([LOCAL]);
  });
});
