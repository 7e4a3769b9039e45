// What the API of a worker is to clients that no administrator registered, and to whoever acts for somebody else.
import { randomBytes } from "node:crypto";
import { hasForm } from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenedAddress, openAddress } from "./client-address.ts";
import { changePerson } from "./person.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token";
/** The S256 challenge of VERIFIER, RFC 7636 appendix B. */
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

const initialToken = randomBytes(32).toString("base64");
let worker: TestWorker;
let address: OpenedAddress;
let api: string;
let adminId: string;
/** Registered itself. */
let stranger: TestClient;
/** Describes itself in a document. */
let agent: TestClient;
beforeAll(async () => {
  const registration = ["--enable-client-registration", `--client-registration-tokens=${initialToken}`];
  const documents = ["--client-id-documents=any", "--insecure-private-client-addresses"];
  worker = await openTestWorker([...registration, ...documents]);
  address = await openAddress();
  api = `${worker.issuer}/api/v1`;
  adminId = await changePerson(worker, { admin: true });
  stranger = await registerItself();
  agent = publishItself();
});
afterAll(async () => {
  await address?.close();
  await worker?.close();
});

async function registerItself(): Promise<TestClient> {
  const answer = await fetch(`${worker.issuer}/registration`, {
    method: "POST",
    headers: { Authorization: `Bearer ${initialToken}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      client_name: "Nice tools",
      redirect_uris: [REDIRECT_URI],
      grant_types: ["authorization_code", "refresh_token", "client_credentials", DEVICE_CODE],
    }),
  });
  expect(answer.status).toBe(201);
  const { client_id: id, client_secret: secret } = (await answer.json()) as {
    client_id: string;
    client_secret: string;
  };
  return { ...worker.client, id, secret };
}

function publishItself(): TestClient {
  const published = address.publish("");
  const redirect_uris = ["http://127.0.0.1/callback"];
  published.replace(JSON.stringify({ client_id: published.url, client_name: "Agent", redirect_uris }));
  return { ...worker.client, id: published.url, secret: "" };
}

type Fields = Readonly<Record<string, string>>;

const requestOf = (client: TestClient, more: Fields = {}) => ({
  ...{ client_id: client.id, redirect_uri: REDIRECT_URI, response_type: "code", scope: "openid" },
  ...{ code_challenge: CHALLENGE, code_challenge_method: "S256", ...more },
});

/** From the request to where the browser ends; the person agrees to everything. `asked`: what they were shown. */
async function authorize(client: TestClient, more: Fields = {}) {
  const browser = worker.browser();
  let page = await browser.open(`${worker.issuer}/auth?${new URLSearchParams(requestOf(client, more))}`);
  if (hasForm(page, "login-form")) {
    page = await browser.submit(page, { login: PERSON.email, password: PERSON.password }, { formId: "login-form" });
  }
  const asked = page.text;
  if (hasForm(page, "consent-form")) {
    page = await browser.submit(page, { decision: "approve" }, { formId: "consent-form" });
  }
  return { end: page.url.searchParams, asked };
}

async function tokensOf(client: TestClient, more: Fields = {}) {
  const { end, asked } = await authorize(client, more);
  const code = end.get("code") ?? expect.fail(`no code: ${end}`);
  const grant = { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI, code_verifier: VERIFIER };
  const { status, body } = await post("/token", grant, client);
  expect(status).toBe(200);
  return { id_token: body.id_token, access_token: body.access_token, asked };
}

async function post(path: string, fields: Fields, client: TestClient) {
  const credentials = Buffer.from(`${encodeURIComponent(client.id)}:${client.secret}`).toString("base64");
  const response = await fetch(`${worker.issuer}${path}`, {
    method: "POST",
    headers: client.secret === "" ? {} : { Authorization: `Basic ${credentials}` },
    body: new URLSearchParams(client.secret === "" ? { ...fields, client_id: client.id } : fields),
  });
  return { status: response.status, body: (await response.json()) as Readonly<Record<string, string>> };
}

async function ask(token: string | undefined, path: string, method = "GET") {
  const response = await fetch(`${api}${path}`, { method, headers: { Authorization: `Bearer ${token}` } });
  await response.body?.cancel();
  return { status: response.status, challenge: response.headers.get("www-authenticate") ?? "" };
}
const ownAccount = () => `/account/${adminId}/refresh`;

const strangers = [
  { who: "a client that registered itself", client: () => stranger },
  { who: "a client with a document", client: () => agent },
];
describe.each(strangers)("$who", ({ client }) => {
  test("asks nobody for the API: whoever is an administrator might allow it (RFC 8707 §2)", async () => {
    const { end, asked } = await authorize(client(), { resource: api });
    expect([end.get("error"), asked]).toEqual(["invalid_target", ""]);
    const pushed = await post("/par", requestOf(client(), { resource: api }), client());
    expect([pushed.status, pushed.body.error]).toEqual([400, "invalid_target"]);
    // One that never asked has a code for ourselves.
    const { end: granted } = await authorize(client());
    const grant = { grant_type: "authorization_code", code: granted.get("code") ?? "", redirect_uri: REDIRECT_URI };
    const redeemed = await post("/token", { ...grant, code_verifier: VERIFIER, resource: api }, client());
    expect([redeemed.status, redeemed.body.error]).toEqual([400, "invalid_target"]);
  });

  test("has of a sign-in nothing that the API would take, not of the person's own account either", async () => {
    const { id_token, access_token } = await tokensOf(client());
    for (const [path, method] of [
      ["/users", "GET"],
      [ownAccount(), "GET"],
      [`${ownAccount()}/${encodeURIComponent(worker.client.id)}`, "DELETE"],
    ] as const) {
      const answer = await ask(id_token, path, method);
      expect([answer.status, answer.challenge]).toEqual([403, expect.stringContaining('error="insufficient_scope"')]);
      expect((await ask(access_token, path, method)).status).toBe(401);
    }
  });

  test("asks for it where an administrator names it, and then people for their own account alone, by its name", async () => {
    const resource = {
      ...{ identifier: api, name: "Your account here", scopes: [], accessTokenSeconds: 60 },
      ...{ tokenFormat: "opaque" as const, signingAlgorithm: "RS256" as const, introspectedBy: [] },
      ...{ allowedClients: [client().id], authorizationDetailsTypes: [] },
    };
    await worker.storage.resources.add(resource, ACTOR);
    await worker.refresh();
    try {
      const { access_token, asked } = await tokensOf(client(), { resource: api });
      expect(asked).toContain("Your account here");
      expect((await ask(access_token, ownAccount())).status).toBe(200);
      const answer = await ask(access_token, "/users");
      expect([answer.status, answer.challenge]).toEqual([403, expect.stringContaining('error="insufficient_scope"')]);
    } finally {
      await worker.storage.resources.remove(api, ACTOR);
      await worker.refresh();
    }
  });
});

test("a device that registered itself asks nobody for the API, and no client has it for itself", async () => {
  const device = await post("/device/code", { scope: "openid", resource: api }, stranger);
  expect([device.status, device.body.error]).toEqual([400, "invalid_target"]);
  const own = await post("/token", { grant_type: "client_credentials", resource: api }, stranger);
  expect([own.status, own.body.error]).toEqual([400, "invalid_target"]);
});

test("a client of an administrator's asks for the API by its name, and that is all that it has of it", async () => {
  const registered = await worker.addClient({ clientName: "Dashboards" });
  const { access_token, asked } = await tokensOf(registered, { resource: api });
  expect(asked).toContain("accounts and administration");
  expect((await ask(access_token, ownAccount())).status).toBe(200);
  expect((await ask(access_token, "/users")).status).toBe(403);
});

describe("who acts for an administrator (RFC 8693 §4.1)", () => {
  let console: TestClient;
  beforeAll(async () => {
    const grantTypes = ["authorization_code", "client_credentials", TOKEN_EXCHANGE];
    console = await worker.addClient({ isAdmin: true, trusted: true, grantTypes });
  });

  /** What the administrator's token becomes in the hands of their console, with an actor or without. */
  async function exchanged(acting: "delegated" | "own", subject: string | undefined, more: Fields = {}) {
    const actor = (await worker.token({ grant_type: "client_credentials" }, console)).body.access_token ?? "";
    const { status, body } = await post(
      "/token",
      {
        ...{ grant_type: TOKEN_EXCHANGE, subject_token: subject ?? "", subject_token_type: ACCESS_TOKEN, ...more },
        ...(acting === "delegated" ? { actor_token: actor, actor_token_type: ACCESS_TOKEN } : {}),
      },
      console,
    );
    expect([status, body.error]).toEqual([200, undefined]);
    return body.access_token;
  }

  const kinds = [
    { what: "an ID token", asked: {}, wanted: { requested_token_type: ID_TOKEN } },
    { what: "an access token for the API", asked: { resource: true }, wanted: {} },
  ];
  test.each(kinds)("has by $what nothing here, and the administrator does", async ({ asked, wanted }) => {
    const { access_token } = await tokensOf(console, "resource" in asked ? { resource: api } : {});
    const [own, delegated] = [
      await exchanged("own", access_token, wanted),
      await exchanged("delegated", access_token, wanted),
    ];
    for (const path of ["/users", ownAccount()]) {
      expect((await ask(own, path)).status).toBe(200);
      const answer = await ask(delegated, path);
      expect([answer.status, answer.challenge]).toEqual([403, expect.stringContaining('error="insufficient_scope"')]);
    }
  });

  test("nor has whoever takes the actor's name out of the exchange", async () => {
    const { access_token } = await tokensOf(console);
    const delegated = await exchanged("delegated", access_token);
    const silent = await exchanged("own", delegated, { requested_token_type: ID_TOKEN });
    expect((await ask(silent, "/users")).status).toBe(403);
  });
});
