// Certificates of clients at a worker behind a proxy that ends TLS (RFC 8705): what its header says, and what others say in it.
import { X509Certificate } from "node:crypto";
import { type Fetch, fetchFrom, makeClientAuthority } from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

const HEADER = "X-SSL-Client-Cert";
const MTLS = "https://mtls.id.example/dex";
const registrationToken = Buffer.alloc(32, 7).toString("base64");
const REGISTRATION = ["--enable-client-registration", `--client-registration-tokens=${registrationToken}`];

const authority = makeClientAuthority();
const own = authority.selfSigned({ subject: "/CN=own" }).cert;
const other = authority.selfSigned({ subject: "/CN=own" }).cert;
const issued = authority.issue({ names: "DNS:client.example" }).cert;
const base64Of = (pem: string) => new X509Certificate(pem).raw.toString("base64");
const escaped = (pem: string) => encodeURIComponent(pem);
const thumbprint = new X509Certificate(own).fingerprint256;

let worker: TestWorker;
let plain: TestWorker;
/** Makes itself known with what it registered under; with bound tokens. */
let selfSigned: TestClient;
let byAuthority: TestClient;
beforeAll(async () => {
  const header = [`--client-certificate-header=${HEADER}`, "--trusted-proxies=127.0.0.1/32", `--mtls-url=${MTLS}`];
  worker = await openTestWorker([...header, ...REGISTRATION, `--client-certificate-ca=${authority.caFile}`]);
  plain = await openTestWorker(["--trusted-proxies=127.0.0.1/32", ...REGISTRATION]);
  const bound = { tls_client_certificate_bound_access_tokens: true };
  const jwk = new X509Certificate(own).publicKey.export({ format: "jwk" });
  selfSigned = await worker.addClient({
    trusted: true,
    details: {
      ...bound,
      token_endpoint_auth_method: "self_signed_tls_client_auth",
      jwks: { keys: [{ ...jwk, x5c: [base64Of(own)] }] },
    },
  });
  byAuthority = await worker.addClient({
    details: { ...bound, token_endpoint_auth_method: "tls_client_auth", tls_client_auth_san_dns: "client.example" },
  });
});
afterAll(async () => {
  await Promise.all([worker?.close(), plain?.close()]);
  authority.remove();
});

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Posts as a proxy does, which is believed at 127.0.0.1 and nowhere else. */
async function post(path: string, form: Readonly<Record<string, string>>, certificate?: string, from = "127.0.0.1") {
  const headers = new Headers(certificate === undefined ? {} : { [HEADER]: certificate });
  const init = { method: "POST", headers, body: new URLSearchParams(form) };
  return answerOf(await fetchFrom(from)(new URL(worker.issuer + path), init));
}

async function answerOf(response: Response): Promise<Answer> {
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

const ofItself = (client: TestClient) => ({ grant_type: "client_credentials", client_id: client.id });
const claimsOf = (token: unknown) => JSON.parse(Buffer.from(String(token).split(".")[1] ?? "", "base64url").toString());

async function userinfo(token: unknown, certificate?: string, from = "127.0.0.1"): Promise<Answer> {
  const headers = new Headers({ Authorization: `Bearer ${token}` });
  if (certificate !== undefined) headers.set(HEADER, certificate);
  return answerOf(await fetchFrom(from)(new URL(`${worker.issuer}/userinfo`), { headers }));
}

async function tokens(): Promise<Answer["body"]> {
  const asked = { client_id: selfSigned.id, scope: "openid offline_access" };
  const end = await worker.signIn(worker.browser(), asked);
  const code = end.searchParams.get("code") ?? expect.fail(`no code in ${end}`);
  const form = { client_id: selfSigned.id, grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
  const { status, body } = await post("/token", form, escaped(own));
  expect([status, body.token_type]).toEqual([200, "Bearer"]);
  return body;
}

describe("a trusted proxy", () => {
  test.each([
    ["PEM as of nginx", escaped(own)],
    ["DER as of HAProxy", base64Of(own)],
    ["a byte sequence (RFC 9440 §2.2)", `:${base64Of(own)}:`],
  ])("says in %s which certificate a client has", async (_form, certificate) => {
    const { status, body } = await post("/token", ofItself(selfSigned), certificate);
    const x5t = Buffer.from(thumbprint.replaceAll(":", ""), "hex").toString("base64url");
    expect([status, claimsOf(body.access_token).cnf]).toEqual([200, { "x5t#S256": x5t }]);
  });

  test("authenticates a client by the authority that issued its certificate (RFC 8705 §2.1)", async () => {
    expect((await post("/token", ofItself(byAuthority), escaped(issued))).status).toBe(200);
    expect((await post("/token", ofItself(byAuthority), escaped(own))).body.error).toBe("invalid_client");
  });

  test.each([
    ["no certificate", ""],
    ["the header not at all", undefined],
  ])("sends %s, and nobody is who they say (RFC 8705 §2)", async (_what, certificate) => {
    const { status, body } = await post("/token", ofItself(selfSigned), certificate);
    expect([status, body.error]).toEqual([401, "invalid_client"]);
  });

  test.each([
    ["what is no certificate", "certificate"],
    ["two in one", `${base64Of(own)}, ${base64Of(own)}`],
    ["what is endless", "A".repeat(14_000)],
  ])("sends %s, and the request is refused", async (_what, certificate) => {
    for (const answer of [
      await post("/token", ofItself(selfSigned), certificate),
      await userinfo("unknown", certificate),
    ]) {
      expect([answer.status, answer.body.error]).toEqual([400, "invalid_request"]);
    }
  });

  test("sends the header twice, and the request is refused: one of them may be the client's (NET-2)", async () => {
    const raw: Fetch = fetchFrom("127.0.0.1");
    const headers = new Headers({ [HEADER]: escaped(own) });
    // As one line after the other, which Headers would join.
    const twice = {
      [Symbol.iterator]: function* () {
        yield [HEADER, [escaped(other), escaped(own)]];
      },
    };
    for (const given of [headers, twice as unknown as Headers]) {
      const body = new URLSearchParams(ofItself(selfSigned));
      const { status } = await raw(new URL(`${worker.issuer}/token`), { method: "POST", headers: given, body });
      expect(status).toBe(given === headers ? 200 : 400);
    }
  });
});

describe("somebody else who sends the header", () => {
  test("is not believed, whatever is in it: not at the token endpoint (NET-2)", async () => {
    for (const certificate of [escaped(own), base64Of(own), "certificate"]) {
      const { status, body } = await post("/token", ofItself(selfSigned), certificate, "127.0.0.2");
      expect([status, body.error]).toEqual([401, "invalid_client"]);
    }
  });

  test("is not believed at userinfo (NET-2)", async () => {
    const { access_token: token } = await tokens();
    expect((await userinfo(token, escaped(own))).status).toBe(200);
    const { status, body } = await userinfo(token, escaped(own), "127.0.0.2");
    expect([status, body.error]).toEqual([401, "invalid_token"]);
  });

  test("is not believed by a worker without that setting, where nothing of certificates is offered (NET-2)", async () => {
    const client = await plain.addClient({ details: { ...(await detailsOf()) } });
    const headers = { [HEADER]: escaped(own) };
    const body = new URLSearchParams(ofItself(client));
    expect((await fetch(`${plain.issuer}/token`, { method: "POST", headers, body })).status).toBe(401);
    const document = await discoveryOf(plain);
    expect(document).not.toHaveProperty("tls_client_certificate_bound_access_tokens");
    expect(document).not.toHaveProperty("mtls_endpoint_aliases");
    expect(document.token_endpoint_auth_methods_supported).not.toContain("self_signed_tls_client_auth");
  });
});

async function detailsOf() {
  const jwk = new X509Certificate(own).publicKey.export({ format: "jwk" });
  const jwks = { keys: [{ ...jwk, x5c: [base64Of(own)] }] };
  return { token_endpoint_auth_method: "self_signed_tls_client_auth", jwks };
}

async function discoveryOf({ issuer }: TestWorker): Promise<Readonly<Record<string, unknown>>> {
  return (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Readonly<
    Record<string, unknown>
  >;
}

describe("a token that is bound to a certificate", () => {
  test("is refused at userinfo with another certificate and with none (RFC 8705 §3)", async () => {
    const { access_token: token } = await tokens();
    expect((await userinfo(token, escaped(own))).body.sub).toBeTypeOf("string");
    for (const wrong of [escaped(other), undefined, ""]) {
      const { status, body } = await userinfo(token, wrong);
      expect([status, body.error]).toEqual([401, "invalid_token"]);
    }
  });

  test("says so to who introspects it, as its refresh token need not (RFC 8705 §3.2)", async () => {
    const { access_token: token } = await tokens();
    const asked = { client_id: selfSigned.id, token: String(token) };
    const { body } = await post("/introspect", asked, escaped(own));
    const x5t = Buffer.from(thumbprint.replaceAll(":", ""), "hex").toString("base64url");
    expect(body).toMatchObject({ active: true, token_type: "Bearer", cnf: { "x5t#S256": x5t } });
  });

  test("comes from a refresh token with a certificate alone, in one round trip as ever (RFC 8705 §7.1)", async () => {
    const { refresh_token: first } = await tokens();
    const form = { client_id: selfSigned.id, grant_type: "refresh_token", refresh_token: String(first) };
    expect((await post("/token", form)).status).toBe(401);
    expect((await post("/token", form, escaped(other))).status).toBe(401);
    worker.takeStatements();
    const { status, body } = await post("/token", form, escaped(own));
    expect([status, worker.takeStatements()]).toEqual([200, ["family.rotate"]]);
    expect((await userinfo(body.access_token, escaped(own))).status).toBe(200);
    expect((await userinfo(body.access_token, escaped(other))).status).toBe(401);
  });
});

test("discovery tells what is done with certificates, and where clients are asked for them (RFC 8705 §3.3, §5)", async () => {
  const document = await discoveryOf(worker);
  const methods = expect.arrayContaining(["tls_client_auth", "self_signed_tls_client_auth"]);
  expect(document).toMatchObject({
    token_endpoint: `${worker.issuer}/token`,
    token_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_methods_supported: methods,
    tls_client_certificate_bound_access_tokens: true,
    mtls_endpoint_aliases: {
      token_endpoint: `${MTLS}/token`,
      pushed_authorization_request_endpoint: `${MTLS}/par`,
      device_authorization_endpoint: expect.stringMatching(`^${MTLS}/device`),
      revocation_endpoint: `${MTLS}/revoke`,
      introspection_endpoint: `${MTLS}/introspect`,
      userinfo_endpoint: `${MTLS}/userinfo`,
    },
  });
});

async function register({ issuer }: TestWorker, metadata: Readonly<Record<string, unknown>>): Promise<Answer> {
  const headers = { Authorization: `Bearer ${registrationToken}`, "Content-Type": "application/json" };
  const body = JSON.stringify({ client_name: "Registered", redirect_uris: [REDIRECT_URI], ...metadata });
  return answerOf(await fetch(`${issuer}/registration`, { method: "POST", headers, body }));
}

test.each([
  ["self_signed_tls_client_auth", detailsOf],
  [
    "tls_client_auth",
    async () => ({ token_endpoint_auth_method: "tls_client_auth", tls_client_auth_subject_dn: "CN=a,O=b" }),
  ],
  ["bound tokens", async () => ({ tls_client_certificate_bound_access_tokens: true })],
])(
  "a client registers for %s where certificates are seen, and nowhere else (RFC 7591 §3.2.2)",
  async (_what, metadata) => {
    const wished = await metadata();
    const { status, body } = await register(worker, wished);
    expect([status, body]).toEqual([201, expect.objectContaining(wished)]);
    expect("client_secret" in body).toBe(!("token_endpoint_auth_method" in wished));
    const refused = await register(plain, wished);
    expect([refused.status, refused.body.error]).toEqual([400, "invalid_client_metadata"]);
  },
);

test("a client registers for FAPI 1.0 where certificates are seen, has its tokens bound to one, and is told which rule it breaks (Part 2 section 5.2.2)", async () => {
  const jwk = new X509Certificate(own).publicKey.export({ format: "jwk" });
  const wished = { profile: "fapi1-advanced", redirect_uris: ["https://a.example/cb"], jwks: { keys: [jwk] } };
  const { status, body } = await register(worker, wished);
  const follows = { token_endpoint_auth_method: "private_key_jwt", tls_client_certificate_bound_access_tokens: true };
  expect([status, body]).toEqual([201, expect.objectContaining({ ...follows, profile: "fapi1-advanced" })]);
  const unbound = await register(worker, { ...wished, tls_client_certificate_bound_access_tokens: false });
  expect([unbound.status, unbound.body.error]).toEqual([400, "invalid_client_metadata"]);
  expect(unbound.body.error_description).toMatch(
    /^tls_client_certificate_bound_access_tokens: must be true .*\(FAPI 1\.0 Part 2 section 5\.2\.2\)$/,
  );
  expect((await register(plain, wished)).body.error).toBe("invalid_client_metadata");
});

test.each([
  ["tls_client_auth_subject_dn", "client"],
  ["tls_client_auth_san_dns", "client example"],
  ["tls_client_auth_san_uri", "client"],
  ["tls_client_auth_san_ip", "192.0.2.256"],
  ["tls_client_auth_san_email", "@example"],
])("%s is refused when it is no such name (RFC 8705 §2.1.2)", async (member, value) => {
  const { status, body } = await register(worker, { token_endpoint_auth_method: "tls_client_auth", [member]: value });
  expect([status, body.error]).toEqual([400, "invalid_client_metadata"]);
  expect(body.error_description).toMatch(`${member}: `);
});

test("nothing of a certificate is logged (LOG-1)", () => {
  const log = worker.log.join("\n");
  expect(log).toMatch(/client certificate is missing/);
  for (const pem of [own, other, issued]) {
    expect(log).not.toContain(base64Of(pem).slice(60, 120));
    expect(log).not.toContain(escaped(pem).slice(60, 120));
  }
});
