import { makeConnectorSealer, type StoredConnector, sealConnector } from "@dex/connectors";
import { Secret, systemRandom } from "@dex/runtime";
import { type FakeOpenIdProvider, findInDatabase, startFakeOpenIdProvider } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let upstream: FakeOpenIdProvider;
const CLIENT = { clientID: "dex", clientSecret: "upstream-secret-canary" };
const LOCAL: StoredConnector = { id: "local", type: "local", config: {} };

beforeAll(async () => {
  worker = await openTestWorker(["--enable-automatic-registration"]);
  upstream = await startFakeOpenIdProvider({
    clientId: CLIENT.clientID,
    clientSecret: CLIENT.clientSecret,
    redirectUris: ["up", "lost"].map((id) => `${worker.issuer}/auth/${id}/callback`),
    users: [{ sub: "u-1", claims: { email: "grace@example.com", email_verified: true } }],
  });
});
afterAll(async () => {
  await worker.close();
  await upstream.close();
});

const oidc = (id: string): StoredConnector => ({ id, type: "oidc", config: { ...CLIENT, issuerURL: upstream.issuer } });
const sealed = (id: string, sealer = worker.connectorSealer) => sealConnector(oidc(id), sealer).connector;
const signInVia = async (id: string) => {
  const page = await worker.browser().open(worker.authorizationUrl({ connector_id: id }));
  return page.url.searchParams.has("code") ? "signed in" : page.status;
};
const discoveries = () => upstream.requests.filter(({ endpoint }) => endpoint === "discovery").length;

test("a connector whose secret is sealed signs in, and keeps what it knows when it is sealed again (P4)", async () => {
  await worker.setConnectors([LOCAL, sealed("up")]);
  expect(await findInDatabase(worker.databaseUrl, CLIENT.clientSecret)).toEqual([]);
  expect(await signInVia("up")).toBe("signed in");
  expect(upstream.violations).toEqual([]);
  const before = discoveries();
  expect(before).toBeGreaterThan(0);
  await worker.setConnectors([LOCAL, sealed("up")]);
  await worker.setConnectors([LOCAL, oidc("up")]); // plain for a moment, as after a change by dexctl
  expect(await signInVia("up")).toBe("signed in");
  expect(discoveries()).toBe(before);
});

test("a seal that no key secret opens makes that connector unavailable and no other", async () => {
  const salt = Buffer.alloc(32, 1);
  const foreign = makeConnectorSealer({ secrets: [new Secret(Buffer.alloc(32, 9))], salt, random: systemRandom });
  await worker.setConnectors([LOCAL, sealed("lost", foreign), sealed("up")]);
  expect(await signInVia("lost")).toBe(404);
  expect((await worker.browser().open(worker.authorizationUrl())).text).toMatch(/unavailable" id="connector-lost"/);
  expect(await signInVia("up")).toBe("signed in");
  const end = await worker.signIn(worker.browser(), { connector_id: "local" });
  expect(end.searchParams.has("code")).toBe(true);
  const lines = worker.log.filter((line) => line.includes("connector cannot be opened"));
  expect(lines).toEqual([expect.stringMatching(/"connectorId":"lost".*clientSecret.*--key-secrets/)]);
  await worker.setConnectors([LOCAL, oidc("lost")]);
  expect(await signInVia("lost")).toBe("signed in"); // healed by giving the secret again
});
