// The FAPI 2.0 Security Profile with certificates instead of DPoP (RFC 8705), behind a proxy that ends TLS.
import { X509Certificate } from "node:crypto";
import { fetchFrom, makeClientAuthority } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { browserOfTester, CHALLENGE, VERIFIER } from "./fapi2-world.ts";
import { openTestWorker, PERSON, type TestClient, type TestWorker } from "./worker-server.ts";

const HEADER = "X-SSL-Client-Cert";
const CALLBACK = "https://tester.example/test/a/dex/callback";
const authority = makeClientAuthority();
const own = new X509Certificate(authority.selfSigned({ subject: "/CN=own" }).cert);
const other = new X509Certificate(authority.selfSigned({ subject: "/CN=own" }).cert);

let worker: TestWorker;
let client: TestClient;
beforeAll(async () => {
  worker = await openTestWorker([`--client-certificate-header=${HEADER}`, "--trusted-proxies=127.0.0.1/32"]);
  const jwk = own.publicKey.export({ format: "jwk" });
  client = await worker.addClient({
    redirectURIs: [CALLBACK],
    trusted: true,
    details: {
      profile: "fapi2",
      token_endpoint_auth_method: "self_signed_tls_client_auth",
      tls_client_certificate_bound_access_tokens: true,
      jwks: { keys: [{ ...jwk, x5c: [own.raw.toString("base64")] }] },
    },
  });
});
afterAll(async () => {
  await worker?.close();
  authority.remove();
});

async function send(path: string, certificate: X509Certificate | undefined, init: RequestInit = {}) {
  const headers = new Headers(init.headers);
  if (certificate !== undefined) headers.set(HEADER, certificate.raw.toString("base64"));
  const response = await fetchFrom("127.0.0.1")(new URL(worker.issuer + path), { ...init, headers });
  return { status: response.status, body: (await response.json()) as Readonly<Record<string, string>> };
}

const post = (path: string, form: Readonly<Record<string, string>>, certificate?: X509Certificate) =>
  send(path, certificate, { method: "POST", body: new URLSearchParams({ client_id: client.id, ...form }) });

async function codeFor(): Promise<string> {
  const asked = { response_type: "code", redirect_uri: CALLBACK, scope: "openid offline_access" };
  const pkce = { code_challenge: CHALLENGE, code_challenge_method: "S256" };
  const pushed = await post("/par", { ...asked, ...pkce }, own);
  expect(pushed.status).toBe(201);
  const query = new URLSearchParams({ client_id: client.id, request_uri: pushed.body.request_uri ?? "" });
  const browser = browserOfTester();
  const page = await browser.open(`${worker.issuer}/auth?${query}`);
  const person = { login: PERSON.email, password: PERSON.password };
  const { url } = await browser.submit(page, person, { formId: "login-form" });
  return url.searchParams.get("code") ?? expect.fail(`no code in ${url}`);
}

test("a certificate binds tokens as a DPoP proof does, and both ways end without it (cert 11 ensure-holder-of-key-required; cert 11 refresh-token)", async () => {
  const code = await codeFor();
  const form = { grant_type: "authorization_code", code, redirect_uri: CALLBACK, code_verifier: VERIFIER };
  for (const certificate of [undefined, other]) {
    const refused = await post("/token", form, certificate);
    expect([refused.status, refused.body.error]).toEqual([401, "invalid_client"]);
  }
  const { status, body } = await post("/token", form, own);
  expect([status, body.token_type]).toEqual([200, "Bearer"]);
  const headers = { Authorization: `Bearer ${body.access_token}` };
  expect((await send("/userinfo", own, { headers })).status).toBe(200);
  for (const certificate of [undefined, other]) {
    expect((await send("/userinfo", certificate, { headers })).status).toBe(401);
  }
  const refresh = { grant_type: "refresh_token", refresh_token: body.refresh_token ?? "" };
  expect((await post("/token", refresh, other)).body.error).toBe("invalid_client");
  for (const _again of [1, 2]) {
    const refreshed = await post("/token", refresh, own);
    expect([refreshed.status, "refresh_token" in refreshed.body]).toEqual([200, false]);
  }
});
