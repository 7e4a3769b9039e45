// Clients that nobody registered: the client_id is the address of the document in which they describe themselves (OAuth Client ID
// Metadata Document). Relying parties are openid-client.

import { randomBytes } from "node:crypto";
import { hasForm, openFormBrowser, queryDatabase } from "@dex/testing";
import { exportJWK, generateKeyPair } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readWorkerConfig } from "../src/config.ts";
import { type OpenedAddress, openAddress, type Published } from "./client-address.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let address: OpenedAddress;
beforeAll(async () => {
  worker = await openTestWorker(["--client-id-documents=any", "--insecure-private-client-addresses"]);
  address = await openAddress();
});
afterAll(async () => {
  await address.close();
  await worker.close();
});

/** Publishes a document for a program on this machine, which then is a client. */
function publishClient(more: Readonly<Record<string, unknown>> = {}): Published {
  const published = address.publish("");
  published.replace(documentOf(published.url, more));
  return published;
}

// RFC 8252 §7.3: registered without a port, used with any.
const documentOf = (url: string, more: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({
    client_id: url,
    client_name: "Agent",
    redirect_uris: ["http://127.0.0.1/callback"],
    grant_types: ["authorization_code", "refresh_token"],
    ...more,
  });

const configure = (clientId: string, authentication: openid.ClientAuth = openid.None()) =>
  openid.discovery(new URL(worker.issuer), clientId, undefined, authentication, {
    execute: [openid.allowInsecureRequests],
  });

async function begin(configuration: openid.Configuration, more: Readonly<Record<string, string>> = {}) {
  const checks = { pkceCodeVerifier: openid.randomPKCECodeVerifier(), expectedState: openid.randomState() };
  const url = openid.buildAuthorizationUrl(configuration, {
    redirect_uri: REDIRECT_URI,
    scope: "openid email offline_access",
    state: checks.expectedState,
    code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
    ...more,
  });
  return { url, checks };
}

/** Up to the question whether the client may. */
async function signIn(url: URL, browser = worker.browser()) {
  const page = await browser.open(url);
  if (!hasForm(page, "login-form")) return { browser, consent: page };
  const fields = { login: PERSON.email, password: PERSON.password };
  return { browser, consent: await browser.submit(page, fields, { formId: "login-form" }) };
}

async function allow({ browser, consent }: Awaited<ReturnType<typeof signIn>>): Promise<URL> {
  return (await browser.submit(consent, { decision: "approve" }, { formId: "consent-form" })).url;
}

const rowsOf = (id: string) =>
  queryDatabase(worker.databaseUrl, `SELECT name, public, dynamic FROM client WHERE id = '${id}'`);

test("discovery says that a client can be the address of a document, where it can", async () => {
  const { client_id_metadata_document_supported: supported } = (await configure("any")).serverMetadata();
  expect(supported).toBe(true);
});

test("openid-client signs in with the address of its document, and refreshes; it is stored when a person allows it, and not before (DCR-3)", async () => {
  const { url: id } = publishClient();
  const party = await configure(id);
  const { url, checks } = await begin(party);
  const asked = await signIn(url);
  expect(asked.consent.text).toContain('id="unverified"');
  expect(asked.consent.text).toMatch(new RegExp(`id="client-host">[^/]*<bdi class="host">${new URL(id).host}<`));
  expect(asked.consent.text).toContain("an application on this device");
  expect(await rowsOf(id)).toEqual([]);
  const tokens = await openid.authorizationCodeGrant(party, await allow(asked), checks);
  expect(await rowsOf(id)).toEqual([{ name: "Agent", public: true, dynamic: true }]);
  expect(tokens.claims()).toMatchObject({ aud: id, email: PERSON.email });
  const refreshed = await openid.refreshTokenGrant(party, tokens.refresh_token ?? "");
  expect(refreshed.claims()?.sub).toBe(tokens.claims()?.sub);
});

test("the account tells a client with a document by the host of it: its name is of its own choice", async () => {
  const { url: id } = publishClient();
  const asked = await signIn((await begin(await configure(id))).url);
  await allow(asked);
  const account = await asked.browser.open(`${worker.issuer}/account`);
  expect(account.text).toContain(`from <bdi class="client-host">${new URL(id).host}</bdi>`);
});

test("a person is asked each time, and at prompt=none it is consent_required (DCR-3)", async () => {
  const party = await configure(publishClient().url);
  const first = await begin(party);
  const asked = await signIn(first.url);
  await allow(asked);
  const again = await signIn((await begin(party)).url, asked.browser);
  expect(hasForm(again.consent, "consent-form")).toBe(true);
  const silent = await asked.browser.open((await begin(party, { prompt: "none" })).url);
  expect(silent.url.searchParams.get("error")).toBe("consent_required");
});

test("the code is good at a worker that knew nothing of the client", async () => {
  const { url: id } = publishClient();
  const other = await worker.openAnother();
  const exchange = (code: string, verifier: string) =>
    fetch(other, {
      method: "POST",
      body: new URLSearchParams({
        ...{ grant_type: "authorization_code", client_id: id, redirect_uri: REDIRECT_URI },
        ...{ code, code_verifier: verifier },
      }),
    });
  // It has asked for the client before and found none.
  expect((await exchange("none", "v".repeat(43))).status).toBe(401);
  const { url, checks } = await begin(await configure(id));
  const answer = await allow(await signIn(url));
  const response = await exchange(answer.searchParams.get("code") ?? "", checks.pkceCodeVerifier);
  expect(response.status).toBe(200);
});

test("a client with a key proves itself with it (private_key_jwt)", async () => {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" }] };
  const { url: id } = publishClient({ token_endpoint_auth_method: "private_key_jwt", jwks });
  const party = await configure(id, openid.PrivateKeyJwt({ key: privateKey, kid: "one" }));
  const { url, checks } = await begin(party);
  const answer = await allow(await signIn(url));
  await expect(openid.authorizationCodeGrant(await configure(id), answer, checks)).rejects.toThrow();
  const tokens = await openid.authorizationCodeGrant(party, answer, checks);
  expect(tokens.claims()?.aud).toBe(id);
});

const broken: [string, (url: string) => { text: string; contentType?: string }][] = [
  ["is no JSON", () => ({ text: "<html>" })],
  ["is not said to be JSON", (url) => ({ text: documentOf(url, {}), contentType: "text/html" })],
  ["is longer than 5 KiB", (url) => ({ text: documentOf(url, { padding: "x".repeat(5 * 1024) }) })],
  ["names another client", (url) => ({ text: documentOf(`${url}0`, {}) })],
  ["holds a secret", (url) => ({ text: documentOf(url, { client_secret: "s" }) })],
  ["leads elsewhere", (url) => ({ text: documentOf(url, { redirect_uris: ["https://other.example/"] }) })],
];
test.each(broken)(
  "whoever comes with a document that %s sees what every unknown client sees (RED-5)",
  async (_what, make) => {
    const published = address.publish("");
    const { text, contentType } = make(published.url);
    const served = contentType === undefined ? published : address.publish(text, contentType);
    if (contentType === undefined) published.replace(text);
    else served.replace(documentOf(served.url, {}));
    const see = async (clientId: string) => {
      const page = await worker.browser().open(worker.authorizationUrl({ client_id: clientId }));
      return { status: page.status, text: page.text.replace(/id="request-id">[^<]*/, "") };
    };
    expect(await see(served.url)).toEqual(await see("nobody"));
    expect(served.visits()).toBe(1);
  },
);

test("an administrator's client goes before a document at the same address", async () => {
  const published = publishClient();
  const client = await worker.addClient({ id: published.url, clientName: "By hand", trusted: true });
  const party = await configure(published.url, openid.ClientSecretPost(client.secret));
  const { url, checks } = await begin(party);
  const { consent } = await signIn(url);
  expect(consent.url.href, consent.text).toContain(REDIRECT_URI);
  const tokens = await openid.authorizationCodeGrant(party, consent.url, checks);
  expect(tokens.claims()?.aud).toBe(published.url);
  expect(published.visits()).toBe(0);
});

// From here on time has passed for everybody.
test("what changes in the document counts when it is read again, and what an administrator set of the client stays", async () => {
  const published = publishClient();
  const party = await configure(published.url);
  await allow(await signIn((await begin(party)).url));
  const actor = { kind: "dexctl", id: undefined, address: undefined } as const;
  const read = (await worker.storage.clients.find(published.url))?.details ?? {};
  const next = { ...read, access_token_lifetime: 60 };
  expect(await worker.storage.clients.setDetails(published.url, { read, next }, actor)).toBe("done");
  published.replace(documentOf(published.url, { client_name: "Renamed", redirect_uris: ["http://[::1]/callback"] }));
  worker.passTime(3601);
  expect((await worker.browser().open((await begin(party)).url)).status).toBe(400);
  const there = { redirect_uri: "http://[::1]:9/callback" };
  const browser = openFormBrowser({ stopAt: [there.redirect_uri] });
  const asked = await signIn((await begin(party, there)).url, browser);
  expect(asked.consent.text).toContain("<bdi>Renamed</bdi>");
  expect(await rowsOf(published.url)).toMatchObject([{ name: "Agent" }]);
  await allow(asked);
  const stored = await worker.storage.clients.find(published.url);
  expect(stored).toMatchObject({ name: "Renamed", details: { access_token_lifetime: 60 } });
});

test("a document that was not good, or not there, is not asked for with each request, and soon is again", async () => {
  const published = publishClient({ client_secret: "s" });
  const url = worker.authorizationUrl({ client_id: published.url });
  const see = async () => (await worker.browser().open(url)).status;
  expect([await see(), await see(), published.visits()]).toEqual([400, 400, 1]);
  published.replace(documentOf(published.url));
  worker.passTime(11);
  // It is a client, which is told at its redirect URI that PKCE is needed.
  expect([await see(), published.visits()]).toEqual([303, 2]);
});

test("one address makes the authorization endpoint fetch so many documents in a minute, and then none", async () => {
  const see = async (n: number) =>
    (
      await worker
        .browser()
        .open(worker.authorizationUrl({ client_id: `${new URL(publishClient().url).origin}/no${n}` }))
    ).status;
  worker.passTime(61);
  const statuses: number[] = [];
  for (let n = 0; n < 31; n += 1) statuses.push(await see(n));
  expect(statuses).toEqual([...new Array(30).fill(400), 429]);
});

test("documents of listed hosts need a list, and by default nobody's are read", () => {
  const read = (...flags: readonly string[]) =>
    readWorkerConfig(flags, {
      DEX_WORKER_DB_URL: "postgres://dex@localhost/dex",
      DEX_WORKER_KEY_SECRETS: randomBytes(32).toString("base64"),
    });
  expect(read()).toMatchObject({ kind: "settings", values: { clientIdDocuments: "off" } });
  const message = expect.stringContaining("--client-id-document-hosts");
  expect(read("--client-id-documents=listed")).toMatchObject({ kind: "exit", code: 1, message });
  const listed = read("--client-id-documents=listed", "--client-id-document-hosts=agents.example,*.tools.example");
  const clientIdDocumentHosts = ["agents.example", "*.tools.example"];
  expect(listed).toMatchObject({ kind: "settings", values: { clientIdDocuments: "listed", clientIdDocumentHosts } });
});

test.each(["https://evil.example", "evil.example/", "good.example,*"])(
  "blocked hosts that are no hosts, and would block nobody, are refused at the start: %s",
  (hosts) => {
    const result = readWorkerConfig([`--blocked-client-id-document-hosts=${hosts}`], {
      DEX_WORKER_DB_URL: "postgres://dex@localhost/dex",
      DEX_WORKER_KEY_SECRETS: randomBytes(32).toString("base64"),
    });
    const message = expect.stringContaining("--blocked-client-id-document-hosts");
    expect(result).toMatchObject({ kind: "exit", code: 1, message });
  },
);
