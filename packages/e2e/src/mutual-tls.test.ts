// Clients show certificates to a proxy in front of two workers (RFC 8705). Relying parties are openid-client.
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Fleet,
  fetchWithCertificate,
  findFreeOrigin,
  makeClientAuthority,
  makePrivateAuthority,
  openAdminApi,
  openFormBrowser,
  type RunningNginx,
  signInWithForms,
  startFleet,
  startMtlsNginx,
  type TestCertificate,
} from "@dex/testing";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const REDIRECT_URI = "http://127.0.0.1:1/callback";
const HEADER = "Client-Cert";

const authority = makePrivateAuthority();
const clients = makeClientAuthority();
const issued = clients.issue({ subject: "/C=DE/O=Acme, Inc./CN=client" });
const own = clients.selfSigned({ subject: "/CN=own" });
const stranger = clients.selfSigned({ subject: "/C=DE/O=Acme, Inc./CN=client" });
const derOf = ({ cert }: TestCertificate) => new X509Certificate(cert).raw;
const thumbprintOf = async (certificate: TestCertificate) =>
  Buffer.from(await crypto.subtle.digest("SHA-256", derOf(certificate))).toString("base64url");

const directory = mkdtempSync(join(tmpdir(), "dex-mtls-"));
let fleet: Fleet;
let nginx: RunningNginx;
/** Where each proxy listens, and which DEX_WORKER_MTLS_URL is told: that of nginx. */
const places: Record<string, string> = {};
beforeAll(async () => {
  const [nginxOrigin, haproxyOrigin] = await Promise.all([findFreeOrigin(), findFreeOrigin()]);
  const { port } = new URL(nginxOrigin);
  const haproxy = new URL(haproxyOrigin).host;
  places.nginx = `https://127.0.0.1:${port}/dex`;
  places.HAProxy = `https://${haproxy}/dex`;
  const server = join(directory, "server.pem");
  writeFileSync(server, authority.server.cert + authority.server.key, { mode: 0o600 });
  fleet = await startFleet({
    workers: 2,
    workerEnv: {
      DEX_WORKER_CLIENT_CERTIFICATE_HEADER: HEADER,
      DEX_WORKER_CLIENT_CERTIFICATE_CA: clients.caFile,
      DEX_WORKER_MTLS_URL: places.nginx,
      DEX_WORKER_LOG_DEBUG: "true",
    },
    loadBalancerEnv: { DEX_LB_MTLS_BIND: haproxy, DEX_LB_MTLS_CERT: server, DEX_LB_MTLS_CA: clients.caFile },
  });
  nginx = await startMtlsNginx({ port: Number(port), workers: fleet.workerOrigins, server: authority.server });
});
afterAll(async () => {
  await Promise.all([nginx?.close(), fleet?.stop()]);
  clients.remove();
  rmSync(directory, { recursive: true, force: true });
});

const KINDS = {
  "with an issued certificate": {
    certificate: issued,
    client: {
      details: {
        token_endpoint_auth_method: "tls_client_auth",
        tls_client_auth_subject_dn: "CN=client,O=Acme\\, Inc.,C=DE",
      },
    },
    authentication: () => openid.TlsClientAuth(),
  },
  "with a certificate of its own": {
    certificate: own,
    client: {
      details: {
        token_endpoint_auth_method: "self_signed_tls_client_auth",
        jwks: {
          keys: [
            {
              ...new X509Certificate(own.cert).publicKey.export({ format: "jwk" }),
              x5c: [derOf(own).toString("base64")],
            },
          ],
        },
      },
    },
    authentication: () => openid.TlsClientAuth(),
  },
  "with a secret, and a certificate for its tokens": {
    certificate: own,
    client: { details: {} },
    authentication: (secret: string) => openid.ClientSecretBasic(secret),
  },
  "with nothing but a certificate for its tokens": {
    certificate: own,
    client: { public: true, details: {} },
    authentication: () => openid.None(),
  },
} as const;
type Kind = keyof typeof KINDS;

/** A client of that kind whose connections show `certificate`, at the endpoints below `place`. */
async function makeParty(kind: Kind, place: string, certificate: TestCertificate = KINDS[kind].certificate) {
  const { facts } = fleet;
  const { client, authentication } = KINDS[kind];
  const made = await openAdminApi(facts.adminApi, facts.adminApiSecret).createClient({
    ...{ clientName: kind, redirectURIs: [REDIRECT_URI], trusted: !("public" in client) },
    ...client,
    details: { ...client.details, tls_client_certificate_bound_access_tokens: true },
  });
  const metadata = { use_mtls_endpoint_aliases: true, [openid.clockTolerance]: 5 };
  const discovered = await openid.discovery(new URL(facts.issuer), made.id, metadata, authentication(made.secret), {
    execute: [openid.allowInsecureRequests],
  });
  const configuration =
    place === places.nginx ? discovered : withAliases(discovered, place, metadata, authentication(made.secret));
  const fetchAs = (shown: TestCertificate | undefined) =>
    fetchWithCertificate({ ca: authority.ca, certificate: shown });
  configuration[openid.customFetch] = fetchAs(certificate) as openid.CustomFetch;
  return { id: made.id, secret: made.secret, configuration, fetchAs };
}

/** As a deployment would say whose --mtls-url is that place. */
function withAliases(
  discovered: openid.Configuration,
  place: string,
  metadata: Partial<openid.ClientMetadata>,
  authentication: openid.ClientAuth,
): openid.Configuration {
  const { supportsPKCE: _method, ...server } = discovered.serverMetadata();
  const aliases = Object.entries(server.mtls_endpoint_aliases ?? {});
  const mtls_endpoint_aliases = Object.fromEntries(
    aliases.map(([name, url]) => [name, String(url).replace(places.nginx ?? "", place)]),
  );
  const { client_id: id } = discovered.clientMetadata();
  const configuration = new openid.Configuration({ ...server, mtls_endpoint_aliases }, id, metadata, authentication);
  openid.allowInsecureRequests(configuration);
  return configuration;
}

/** Signs in with a pushed request, and gives the tokens. */
async function signIn(configuration: openid.Configuration, pushed = true) {
  const checks = { pkceCodeVerifier: openid.randomPKCECodeVerifier(), expectedState: openid.randomState() };
  const parameters = {
    ...{ redirect_uri: REDIRECT_URI, scope: "openid email offline_access", state: checks.expectedState },
    code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
  };
  const url = pushed
    ? await openid.buildAuthorizationUrlWithPAR(configuration, parameters)
    : openid.buildAuthorizationUrl(configuration, parameters);
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI] });
  const answer = await signInWithForms(browser, url, fleet.facts.user);
  return openid.authorizationCodeGrant(configuration, answer, { ...checks, idTokenExpected: true });
}

async function statusOf(answer: Promise<Response>): Promise<readonly unknown[]> {
  const response = await answer;
  const body = (await response.json()) as { readonly error?: string };
  return [response.status, body.error];
}

describe.each(["nginx", "HAProxy"])("behind %s", (proxy) => {
  const place = () => places[proxy] ?? expect.fail(`no ${proxy}`);

  test.each(Object.keys(KINDS) as Kind[])(
    "a client %s gets tokens that are its own on every worker (RFC 8705 §2, §3; cert 11 happy-flow)",
    async (kind) => {
      const { configuration, fetchAs } = await makeParty(kind, place());
      const { certificate } = KINDS[kind];
      const tokens = await signIn(configuration);
      const sub = tokens.claims()?.sub ?? "";
      const userinfo = (token: string, shown: TestCertificate | undefined) =>
        fetchAs(shown)(`${place()}/userinfo`, { headers: { Authorization: `Bearer ${token}` } });

      const refreshed = await openid.refreshTokenGrant(configuration, tokens.refresh_token ?? "");
      for (const token of [tokens.access_token, refreshed.access_token]) {
        // Twice, since the proxy takes the workers in turn.
        for (let turn = 0; turn < 2; turn += 1) {
          expect(await openid.fetchUserInfo(configuration, token, sub)).toMatchObject({
            email: fleet.facts.user.email,
          });
          for (const wrong of [stranger, undefined]) {
            expect(await statusOf(userinfo(token, wrong))).toEqual([401, "invalid_token"]);
          }
        }
      }
      if (kind === "with nothing but a certificate for its tokens") return;
      for (let turn = 0; turn < 2; turn += 1) {
        expect(await openid.tokenIntrospection(configuration, refreshed.access_token)).toMatchObject({
          active: true,
          cnf: { "x5t#S256": await thumbprintOf(certificate) },
        });
      }
    },
  );

  test.each(["with an issued certificate", "with a certificate of its own"] as const)(
    "a client that authenticates %s is nobody with another one, or with none (cert 11 ensure-holder-of-key-required)",
    async (kind) => {
      const { id, fetchAs } = await makeParty(kind, place());
      const body = () => new URLSearchParams({ grant_type: "client_credentials", client_id: id });
      for (const wrong of [stranger, undefined]) {
        const answer = fetchAs(wrong)(`${place()}/token`, { method: "POST", body: body() });
        expect(await statusOf(answer)).toEqual([401, "invalid_client"]);
      }
      const right = await fetchAs(KINDS[kind].certificate)(`${place()}/token`, { method: "POST", body: body() });
      expect(right.status).toBe(200);
    },
  );

  test("a client that authenticates otherwise gets no tokens without a certificate (cert 11 ensure-holder-of-key-required)", async () => {
    const { configuration, fetchAs } = await makeParty("with a secret, and a certificate for its tokens", place());
    const tokens = await signIn(configuration);
    configuration[openid.customFetch] = fetchAs(undefined) as openid.CustomFetch;
    const refusal = { status: 400, error: "invalid_request" };
    await expect(openid.clientCredentialsGrant(configuration)).rejects.toMatchObject(refusal);
    await expect(openid.refreshTokenGrant(configuration, tokens.refresh_token ?? "")).rejects.toMatchObject(refusal);
    configuration[openid.customFetch] = fetchAs(own) as openid.CustomFetch;
    expect(await openid.refreshTokenGrant(configuration, tokens.refresh_token ?? "")).toHaveProperty("access_token");
  });

  test("the refresh token of a public client is of no use with another certificate (RFC 8705 §4)", async () => {
    const { configuration, fetchAs } = await makeParty("with nothing but a certificate for its tokens", place());
    const { refresh_token: first = "" } = await signIn(configuration);
    configuration[openid.customFetch] = fetchAs(stranger) as openid.CustomFetch;
    await expect(openid.refreshTokenGrant(configuration, first)).rejects.toMatchObject({ error: "invalid_grant" });
    configuration[openid.customFetch] = fetchAs(own) as openid.CustomFetch;
    expect(await openid.refreshTokenGrant(configuration, first)).toHaveProperty("access_token");
  });

  test("what somebody writes into the header themselves is taken away (NET-2)", async () => {
    const { id, fetchAs } = await makeParty("with a certificate of its own", place());
    const forms = [`:${derOf(own).toString("base64")}:`, encodeURIComponent(own.cert)];
    for (const form of forms) {
      for (const shown of [undefined, stranger]) {
        for (const name of [HEADER, HEADER.toLowerCase(), "Client_Cert"]) {
          const body = new URLSearchParams({ grant_type: "client_credentials", client_id: id });
          const answer = fetchAs(shown)(`${place()}/token`, { method: "POST", headers: { [name]: form }, body });
          expect(await statusOf(answer)).toEqual([401, "invalid_client"]);
        }
      }
    }
  });

  test("nobody signs in where certificates are asked for", async () => {
    for (const path of ["auth", "login", "account", "api/v1/account", "registration"]) {
      expect((await fetchWithCertificate({ ca: authority.ca })(`${place()}/${path}`)).status).toBe(404);
    }
  });
});

test("the header means nothing at the address for everybody, where nobody is asked for a certificate (NET-2)", async () => {
  const { id } = await makeParty("with a certificate of its own", places.nginx ?? "");
  const headers = { [HEADER]: `:${derOf(own).toString("base64")}:` };
  const body = new URLSearchParams({ grant_type: "client_credentials", client_id: id });
  expect(await statusOf(fetch(`${fleet.facts.issuer}/token`, { method: "POST", headers, body }))).toEqual([
    401,
    "invalid_client",
  ]);
});
