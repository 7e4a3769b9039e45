// Workloads without a secret of ours, RFC 7523 §2.1: what their issuers sign stands for a client. Each issuer is configured as an
// administrator would, and signs the claims that it really makes.
import { parseResource } from "@dex/oidc";
import {
  type FakeTokenIssuer,
  githubActionsClaims,
  gitlabCiClaims,
  kubernetesClaims,
  spiffeClaims,
  startFakeTokenIssuer,
} from "@dex/testing";
import { decodeJwt, decodeProtectedHeader } from "jose";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, type TestClient, type TestWorker } from "./worker-server.ts";

const JWT_BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const AUDIENCE = "https://dex.example/deploy";
const insecure = { [oauth.allowInsecureRequests]: true };

let worker: TestWorker;
let issuers: Readonly<Record<"rsa" | "ec", FakeTokenIssuer>>;
let otherTokenUrl: string;
beforeAll(async () => {
  worker = await openTestWorker(["--insecure-private-client-addresses"]);
  issuers = { rsa: await startFakeTokenIssuer(), ec: await startFakeTokenIssuer({ path: "/trust", alg: "ES256" }) };
  otherTokenUrl = await worker.openAnother();
});
afterAll(async () => {
  await worker.close();
  for (const issuer of Object.values(issuers)) await issuer.close();
});

const nowSeconds = () => Math.floor(Date.now() / 1000);
const workload = (issuer: FakeTokenIssuer) => ({ issuer: issuer.issuer, audience: AUDIENCE, nowSeconds: nowSeconds() });

const addService = (trusted: Readonly<Record<string, unknown>>, more: Readonly<Record<string, unknown>> = {}) =>
  worker.addClient({
    redirectURIs: [],
    grantTypes: [JWT_BEARER_GRANT],
    scopes: ["deploy:write", "deploy:read"],
    details: { trusted_issuers: [{ audiences: [AUDIENCE], ...trusted }] },
    ...more,
  });

async function bear(client: Pick<TestClient, "id">, assertion: string, fields = {}, url = `${worker.issuer}/token`) {
  const body = new URLSearchParams({ grant_type: JWT_BEARER_GRANT, client_id: client.id, assertion, ...fields });
  const response = await fetch(url, { method: "POST", body });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text) as Record<string, unknown> };
}

const workloads: {
  of: string;
  on: "rsa" | "ec";
  claims: (given: ReturnType<typeof workload>) => Record<string, unknown>;
  trusted: (issuer: FakeTokenIssuer) => Record<string, unknown>;
  twice: 200 | 400;
}[] = [
  {
    of: "GitHub Actions",
    on: "rsa",
    claims: githubActionsClaims,
    trusted: () => ({ subject_prefix: "repo:octo-org/octo-repo:", claims: { ref: "refs/heads/main" } }),
    twice: 400,
  },
  {
    of: "GitLab CI",
    on: "rsa",
    claims: gitlabCiClaims,
    trusted: ({ jwksUri }) => ({
      jwks_uri: jwksUri,
      subject_prefix: "project_path:group/project:",
      claims: { environment: "production", ref_protected: "true" },
    }),
    twice: 400,
  },
  {
    of: "a Kubernetes service account, whose keys cannot be fetched from here",
    on: "rsa",
    claims: kubernetesClaims,
    trusted: ({ jwks }) => ({ jwks, subject: "system:serviceaccount:build:deployer", reusable: true }),
    twice: 200,
  },
  {
    of: "SPIFFE",
    on: "ec",
    claims: spiffeClaims,
    trusted: () => ({ subject: "spiffe://example.org/ns/build/sa/deployer", reusable: true }),
    twice: 200,
  },
];

test.each(workloads)("a workload of $of gets a token for the service that it stands for", async (given) => {
  const issuer = issuers[given.on];
  const service = await addService({ issuer: issuer.issuer, ...given.trusted(issuer) });
  const assertion = await issuer.sign(given.claims(workload(issuer)));
  const discovered = await oauth.discoveryRequest(new URL(worker.issuer), insecure);
  const server = await oauth.processDiscoveryResponse(new URL(worker.issuer), discovered);
  expect(server.grant_types_supported).toContain(JWT_BEARER_GRANT);
  const client = { client_id: service.id };
  const response = await oauth.genericTokenEndpointRequest(
    ...([server, client, oauth.None(), JWT_BEARER_GRANT] as const),
    ...([{ assertion, scope: "deploy:write" }, insecure] as const),
  );
  const answer = await oauth.processGenericTokenEndpointResponse(server, client, response);
  expect(answer).toMatchObject({ token_type: "bearer", scope: "deploy:write" });
  expect(answer).not.toHaveProperty("refresh_token");
  expect(answer).not.toHaveProperty("id_token");
  expect(decodeProtectedHeader(answer.access_token).typ).toBe("at+jwt");
  const claims = decodeJwt(answer.access_token);
  expect(claims).toMatchObject({ iss: worker.issuer, sub: service.id, client_id: service.id, scope: "deploy:write" });
  // It never outlives what it came of.
  expect(Number(claims.exp)).toBeLessThanOrEqual(Number(decodeJwt(assertion).exp));
  const asked = new URLSearchParams({
    token: answer.access_token,
    client_id: service.id,
    client_secret: service.secret,
  });
  const told = await fetch(`${worker.issuer}/introspect`, { method: "POST", body: asked });
  expect(await told.json()).toMatchObject({ active: true, sub: service.id });
  expect(await bear(service, assertion)).toMatchObject({ status: given.twice });
});

describe("for a resource (RFC 8707 §2.2)", () => {
  const [named, open] = ["https://cluster.example/", "https://open.example/"];
  let service: TestClient;
  beforeAll(async () => {
    service = await addService({
      ...{ issuer: issuers.rsa.issuer, subject_prefix: "repo:octo-org/octo-repo:", scopes: ["deploy:read"] },
      reusable: true,
    });
    const scopes = ["deploy:read", "deploy:write", "scale"];
    for (const one of [
      { identifier: named, name: "Cluster", scopes, accessTokenLifetime: 90, allowedClients: [service.id] },
      { identifier: open, name: "Open", scopes },
    ]) {
      const parsed = parseResource(one);
      if (parsed.kind === "refused") throw new Error(parsed.reason);
      await worker.storage.resources.add(parsed.resource, { kind: "dexctl", id: undefined, address: undefined });
    }
    await worker.refresh();
  });
  const ask = async (fields: Readonly<Record<string, string>>) =>
    bear(service, await issuers.rsa.sign(githubActionsClaims(workload(issuers.rsa))), fields);

  test("that names the client a workload gets a token, with what its issuer stands for and no more", async () => {
    const { status, body } = await ask({ resource: named, scope: "deploy:read deploy:write scale" });
    expect(status).toBe(200);
    expect(body).toMatchObject({ scope: "deploy:read", expires_in: 90 });
    const claims = decodeJwt(String(body.access_token));
    expect(claims).toMatchObject({ aud: named, sub: service.id, scope: "deploy:read" });
  });

  test("that does not name it there is none", async () => {
    for (const resource of [open, "https://unknown.example/", `${worker.issuer}/userinfo`]) {
      expect(await ask({ resource })).toMatchObject({ status: 400, body: { error: "invalid_target" } });
    }
  });
});

describe("a token of a trusted issuer is refused", () => {
  let service: TestClient;
  beforeAll(async () => {
    const rules = {
      subject_prefix: "repo:octo-org/octo-repo:",
      claims: { environment: "production" },
      max_lifetime: 600,
    };
    service = await addService({ issuer: issuers.rsa.issuer, ...rules });
  });
  const sign = (claims: Readonly<Record<string, unknown>> = {}, how?: Parameters<FakeTokenIssuer["sign"]>[1]) =>
    issuers.rsa.sign({ ...githubActionsClaims(workload(issuers.rsa)), environment: "production", ...claims }, how);

  test("not when it is as it should be", async () => {
    expect(await bear(service, await sign())).toMatchObject({ status: 200 });
  });

  const refusals: { when: string; claims?: () => Readonly<Record<string, unknown>>; how?: object }[] = [
    { when: "its signature is of another key", how: { key: "foreign" } },
    { when: "it is of another issuer", claims: () => ({ iss: "https://evil.example" }) },
    { when: "its issuer is spelled another way", claims: () => ({ iss: `${issuers.rsa.issuer}/` }) },
    { when: "it is for somebody else", claims: () => ({ aud: "https://github.com/octo-org" }) },
    { when: "it is for nobody", claims: () => ({ aud: undefined }) },
    {
      when: "it is of another repository",
      claims: () => ({ sub: "repo:octo-org/octo-repo-fork:ref:refs/heads/main" }),
    },
    {
      when: "its subject only holds what it should begin with",
      claims: () => ({ sub: "x repo:octo-org/octo-repo:x" }),
    },
    { when: "it is about nobody", claims: () => ({ sub: undefined }) },
    { when: "it is of another environment", claims: () => ({ environment: "staging" }) },
    { when: "it says nothing of an environment", claims: () => ({ environment: undefined }) },
    { when: "it has expired", claims: () => ({ exp: nowSeconds() - 1 }) },
    { when: "it never expires", claims: () => ({ exp: undefined }) },
    { when: "it is good for longer than allowed", claims: () => ({ exp: nowSeconds() + 700 }) },
    { when: "it was issued in the future", claims: () => ({ iat: nowSeconds() + 75 }) },
    { when: "it is not good yet", claims: () => ({ nbf: nowSeconds() + 75 }) },
    { when: "it is typed as something else", how: { header: { typ: "at+jwt" } } },
    { when: "it brings its own key", how: { header: { jwk: { kty: "RSA" } } } },
    { when: "it points to a key", how: { header: { jku: "https://evil.example/jwks" } } },
  ];
  test.each(refusals)("when $when (RFC 7523 §3, JWT-1)", async ({ claims, how }) => {
    const refused = await bear(service, await sign(claims?.(), how));
    expect(refused).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  });

  test("when it is no JWT, or is missing", async () => {
    for (const assertion of ["x", "a.b.c", "a.b.c.d.e"]) {
      expect(await bear(service, assertion)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    }
    expect(await bear(service, "")).toMatchObject({ status: 400, body: { error: "invalid_request" } });
  });

  test("when it was used before: of 10 at once on two workers one gets a token (RFC 7523 §3)", async () => {
    const assertion = await sign();
    const attempts = Array.from({ length: 10 }, (_, index) =>
      bear(service, assertion, {}, index % 2 === 0 ? undefined : otherTokenUrl),
    );
    const statuses = (await Promise.all(attempts)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, ...new Array(9).fill(400)]);
    // Nor by its signature alone, without a jti.
    const nameless = await sign({ jti: undefined });
    expect(await bear(service, nameless)).toMatchObject({ status: 200 });
    expect(await bear(service, nameless)).toMatchObject({ status: 400 });
  });

  test("when the client does not trust its issuer, is not registered for it or is not there, in the same words", async () => {
    const distrustful = await worker.addClient({ redirectURIs: [], grantTypes: [JWT_BEARER_GRANT] });
    const other = await worker.addClient({});
    const [first, ...rest] = await Promise.all(
      [distrustful, other, { id: "nobody" }].map(async (client) => bear(client, await sign())),
    );
    expect(first).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    for (const answer of rest) expect(answer).toEqual(first);
  });

  test("when the client shows a secret beside it, and a wrong one (TOK-5)", async () => {
    expect(await bear(service, await sign(), { client_secret: "wrong" })).toMatchObject({ status: 401 });
    expect(await bear(service, await sign(), { client_secret: service.secret })).toMatchObject({ status: 200 });
  });

  test("when it asks for more than the client has or the issuer stands for (AUT-8, TOK-15)", async () => {
    const modest = await addService({
      ...{ issuer: issuers.rsa.issuer, subject_prefix: "repo:octo-org/octo-repo:" },
      scopes: ["deploy:read", "admin"],
    });
    const { body } = await bear(modest, await sign(), { scope: "deploy:read" });
    expect(body).toMatchObject({ scope: "deploy:read" });
    for (const scope of ["deploy:write", "admin"]) {
      const asked = await bear(modest, await sign(), { scope });
      expect(asked).toMatchObject({ status: 400, body: { error: "invalid_scope" } });
    }
  });

  test("when what answers for its issuer is another one (OIDC Discovery §4.3)", async () => {
    const lying = await startFakeTokenIssuer();
    try {
      const trusting = await addService({ issuer: lying.issuer, subject_prefix: "repo:octo-org/octo-repo:" });
      const token = async () => lying.sign(githubActionsClaims(workload(lying)));
      lying.discovery = { issuer: "https://elsewhere.example" };
      expect(await bear(trusting, await token())).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
      // Whoever knocks again does not make us ask again at once.
      const asked = lying.requests.length;
      for (let times = 0; times < 3; times += 1) await bear(trusting, await token());
      expect(lying.requests).toHaveLength(asked);
    } finally {
      await lying.close();
    }
  });
});

test("what an administrator says of issuers is checked, and nobody else says it (DCR-1)", async () => {
  const issuer = "https://ci.example";
  const wrong = [
    { issuer },
    { issuer, subject: "a", subject_prefix: "b:" },
    { issuer, subject_prefix: "repo:acme/app" },
    { issuer, subject_prefix: "" },
    { issuer: "not an address", subject: "a" },
    { issuer, subject: "a", jwks_uri: "ftp://ci.example" },
    { issuer, subject: "a", jwks: { keys: [{ kty: "RSA", d: "secret" }] } },
    { issuer, subject: "a", jwks: { keys: [] } },
    { issuer, subject: "a", max_lifetime: 90_000 },
    { issuer, subject: "a", pattern: ".*" },
  ];
  for (const trusted of wrong) {
    await expect(addService({ audiences: undefined, ...trusted })).rejects.toThrow("details.trusted_issuers");
  }
  await expect(addService({ issuer, subject: "a" }, { public: true, clientName: "P" })).rejects.toThrow("grantTypes");
});
