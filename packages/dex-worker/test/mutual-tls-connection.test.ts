// Certificates of clients at a worker that ends TLS itself (RFC 8705).
import { X509Certificate } from "node:crypto";
import { fetchWithCertificate, makeClientAuthority, makePrivateAuthority, type TestCertificate } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, type TestClient, type TestWorker } from "./worker-server.ts";

const servers = makePrivateAuthority();
const authority = makeClientAuthority();
const own = authority.selfSigned({ subject: "/CN=own" });
const expired = authority.selfSigned({ subject: "/CN=own", to: "20210101000000Z" });
const issued = authority.issue({ names: "URI:https://client.example/" });
const HEADER = "Client-Cert";
const headerOf = ({ cert }: TestCertificate) => ({ [HEADER]: encodeURIComponent(cert) });

const jwkOf = ({ cert }: TestCertificate) => {
  const x509 = new X509Certificate(cert);
  return { ...x509.publicKey.export({ format: "jwk" }), x5c: [x509.raw.toString("base64")] };
};
const selfSigned = {
  token_endpoint_auth_method: "self_signed_tls_client_auth",
  jwks: { keys: [jwkOf(own), jwkOf(expired)] },
};
const byAuthority = {
  token_endpoint_auth_method: "tls_client_auth",
  tls_client_auth_san_uri: "https://client.example/",
};

const asking: TestWorker[] = [];
async function open(...flags: string[]): Promise<TestWorker> {
  const worker = await openTestWorker(
    [`--client-certificate-ca=${authority.caFile}`, ...flags],
    "/dex",
    servers.server,
  );
  asking.push(worker);
  return worker;
}
const below = authority.issueBelow({ names: "URI:https://client.example/" });
let direct: TestWorker;
let proxied: TestWorker;
beforeAll(async () => {
  direct = await open("--request-client-certificates");
  const behind = ["--trusted-proxies=127.0.0.1/32", `--client-certificate-header=${HEADER}`];
  proxied = await open("--request-client-certificates", ...behind);
});
afterAll(async () => {
  for (const worker of asking) await worker.close();
  authority.remove();
});

/** What a client gets for itself over a connection with this certificate. */
async function statusOf(
  { issuer }: TestWorker,
  client: TestClient,
  certificate?: TestCertificate,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const body = new URLSearchParams({ grant_type: "client_credentials", client_id: client.id });
  const fetch = fetchWithCertificate({ ca: servers.ca, certificate });
  return (await fetch(`${issuer}/token`, { method: "POST", body, headers })).status;
}

test("a client is who the certificate of its connection shows (RFC 8705 §2)", async () => {
  const [one, other] = [
    await direct.addClient({ details: selfSigned }),
    await direct.addClient({ details: byAuthority }),
  ];
  expect(await statusOf(direct, one, own)).toBe(200);
  expect(await statusOf(direct, other, issued)).toBe(200);
  for (const [client, wrong] of [
    [one, issued],
    [one, undefined],
    [one, expired],
    [other, own],
    [other, undefined],
  ] as const) {
    expect(await statusOf(direct, client, wrong)).toBe(401);
  }
});

test("an authority in between is trusted where it is named itself, with what the client shows of it or without (RFC 8705 §2.1)", async () => {
  const named = await openTestWorker(
    ["--request-client-certificates", `--client-certificate-ca=${below.intermediateFile}`],
    "/dex",
    servers.server,
  );
  asking.push(named);
  const alone = { ...below, cert: new X509Certificate(below.cert).toString() };
  const client = await named.addClient({ details: byAuthority });
  for (const shown of [below, alone]) expect(await statusOf(named, client, shown)).toBe(200);
  // Nor is who signed it trusted for that, or whoever is signed by one that is.
  expect(await statusOf(named, client, issued)).toBe(401);
  const other = await direct.addClient({ details: byAuthority });
  for (const shown of [below, alone]) expect(await statusOf(direct, other, shown)).toBe(401);
  expect(await statusOf(direct, other, issued)).toBe(200);
});

test("the handshake fails for nobody, whatever certificate they show, or none", async () => {
  for (const certificate of [undefined, own, expired, issued]) {
    const fetch = fetchWithCertificate({ ca: servers.ca, certificate });
    expect((await fetch(`${direct.issuer}/.well-known/openid-configuration`)).status).toBe(200);
  }
});

test("the header means nothing where no proxy is trusted (NET-2)", async () => {
  const client = await direct.addClient({ details: selfSigned });
  expect(await statusOf(direct, client, undefined, headerOf(own))).toBe(401);
});

test("the certificate that a proxy has for itself is none of who is behind it (NET-2)", async () => {
  const client = await proxied.addClient({ details: selfSigned });
  expect(await statusOf(proxied, client, own)).toBe(401);
  expect(await statusOf(proxied, client, issued, headerOf(own))).toBe(200);
});
