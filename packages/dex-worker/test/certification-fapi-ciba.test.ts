// FAPI-CIBA: clients under the profile, with certificates (RFC 8705) behind a proxy that ends TLS, and with DPoP.
import { X509Certificate } from "node:crypto";
import { fetchFrom, makeClientAuthority, queryDatabase } from "@dex/testing";
import { decodeProtectedHeader, UnsecuredJWT } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeBackchannelWorld } from "./backchannel-world.ts";
import { makeKey, signWith, type TestKey } from "./discovery-calls/client-keys.ts";
import { openTestWorker, PERSON, type TestClient, type TestWorker } from "./worker-server.ts";

const HEADER = "X-SSL-Client-Cert";
const authority = makeClientAuthority();
const [own, other] = ["own", "other"].map(
  (name) => new X509Certificate(authority.selfSigned({ subject: `/CN=${name}` }).cert),
) as [X509Certificate, X509Certificate];
const NAMED = { token_endpoint_auth_method: "self_signed_tls_client_auth" };
const SIGNING = { token_endpoint_auth_method: "private_key_jwt" };

let worker: TestWorker;
let world: ReturnType<typeof makeBackchannelWorld>;
const keys: Record<string, TestKey> = {};
let byKey: FapiCibaClient;
let byCertificate: FapiCibaClient;
let stranger: FapiCibaClient;
beforeAll(async () => {
  worker = await openTestWorker([`--client-certificate-header=${HEADER}`, "--trusted-proxies=127.0.0.1/32"]);
  world = makeBackchannelWorld(worker);
  for (const alg of ["ES256", "PS256", "EdDSA", "RS256"]) keys[alg] = await makeKey(alg);
  byKey = await addClient(SIGNING, keyFor("ES256"));
  byCertificate = await addClient(NAMED, keyFor("PS256"));
  stranger = await addClient(SIGNING, await makeKey("ES256"));
});
afterAll(async () => {
  await worker?.close();
  authority.remove();
});
beforeEach(() => queryDatabase(worker.databaseUrl, "DELETE FROM attempt_count"));

const keyFor = (alg: string) => keys[alg] ?? expect.fail(`no key for ${alg}`);

interface FapiCibaClient extends TestClient {
  readonly key: TestKey;
  readonly method: string;
}

async function addClient(details: { token_endpoint_auth_method: string }, key: TestKey, more: object = {}) {
  const shown = { ...own.publicKey.export({ format: "jwk" }), x5c: [own.raw.toString("base64")] };
  const client = await world.addCaller({
    details: {
      profile: "fapi-ciba",
      tls_client_certificate_bound_access_tokens: true,
      jwks: { keys: [key.jwk, shown] },
      ...details,
      ...more,
    },
  });
  return { ...client, key, method: details.token_endpoint_auth_method };
}

/** A relying party as openid-client has it, whose connections show this certificate. */
function configure({ id, key, method }: FapiCibaClient, certificate: X509Certificate | undefined = own) {
  const send = fetchFrom("127.0.0.1");
  const authentication =
    method === SIGNING.token_endpoint_auth_method
      ? openid.PrivateKeyJwt({ key: key.privateKey, kid: key.kid })
      : openid.TlsClientAuth();
  const metadata = { id_token_signed_response_alg: "ES256" };
  return openid.discovery(new URL(worker.issuer), id, metadata, authentication, {
    execute: [openid.allowInsecureRequests],
    async [openid.customFetch](url, { method: verb, headers: given, body }) {
      const headers = new Headers(given);
      if (certificate !== undefined) headers.set(HEADER, certificate.raw.toString("base64"));
      return send(new URL(url), {
        method: verb,
        headers,
        ...(body == null ? {} : { body: body as NonNullable<RequestInit["body"]> }),
      });
    },
  });
}

const now = () => Math.floor(Date.now() / 1000);

function claimsOf({ id }: FapiCibaClient, changes: Readonly<Record<string, unknown>> = {}) {
  const at = now();
  return {
    ...{ iss: id, aud: worker.issuer, iat: at, nbf: at, exp: at + 300, jti: crypto.randomUUID() },
    ...{ scope: "openid email offline_access", login_hint: PERSON.email, binding_message: "1234" },
    ...changes,
  };
}

const ask = async (client: FapiCibaClient, request: string) =>
  openid.initiateBackchannelAuthentication(await configure(client), { request });
const askWith = async (client: FapiCibaClient, changes: Readonly<Record<string, unknown>> = {}, key = client.key) =>
  ask(client, await signWith(key, claimsOf(client, changes)));
const refused = async (asking: Promise<unknown>, error = "invalid_request") =>
  expect(await asking.catch((reason: unknown) => reason)).toMatchObject({ status: 400, error });

const pollOnce = (configuration: openid.Configuration, asked: openid.BackchannelAuthenticationResponse) =>
  openid.pollBackchannelAuthenticationGrant(configuration, { ...asked, interval: 0.01 });

test.each([
  { how: "private_key_jwt", client: () => byKey, without: { status: 400 } },
  { how: "a certificate", client: () => byCertificate, without: { status: 401 } },
])(
  "a client that authenticates by $how polls for tokens that are bound to its certificate, refreshed ones too (cert 13 ciba certificate-bound; cert 13 ciba refresh; cert 13 ciba poll)",
  async ({ client: clientOf, without }) => {
    const client = clientOf();
    const [ours, others, none] = await Promise.all([configure(client), configure(client, other), plain(client)]);
    const asked = await askWith(client);
    await world.decide("approve");
    for (const wrong of client === byCertificate ? [others, none] : [none]) {
      await expect(pollOnce(wrong, asked)).rejects.toMatchObject(without);
    }
    const tokens = await pollOnce(ours, asked);
    expect(decodeProtectedHeader(tokens.id_token ?? "").alg).toBe("ES256");
    const sub = tokens.claims()?.sub ?? "";
    expect(await openid.fetchUserInfo(ours, tokens.access_token, sub)).toMatchObject({ email: PERSON.email });
    for (const wrong of [others, none]) {
      await expect(openid.fetchUserInfo(wrong, tokens.access_token, sub)).rejects.toThrow();
    }
    await expect(openid.refreshTokenGrant(none, tokens.refresh_token ?? "")).rejects.toMatchObject(without);
    const refreshed = await openid.refreshTokenGrant(ours, tokens.refresh_token ?? "");
    expect(await openid.fetchUserInfo(ours, refreshed.access_token, sub)).toMatchObject({ email: PERSON.email });
    await expect(openid.fetchUserInfo(others, refreshed.access_token, sub)).rejects.toThrow();
  },
);

/** The same client without a certificate on its connection. */
async function plain(client: FapiCibaClient): Promise<openid.Configuration> {
  const configuration = await configure(client);
  const send = fetchFrom("127.0.0.1");
  configuration[openid.customFetch] = async (url, { method, headers, body }) =>
    send(new URL(url), {
      method,
      headers: new Headers(headers),
      ...(body == null ? {} : { body: body as NonNullable<RequestInit["body"]> }),
    });
  return configuration;
}

test("a client that shows DPoP proofs has its tokens bound to that key, and none without one (cert 13 ciba DPoP-bound; cert 13 ciba refresh)", async () => {
  const client = await addClient(SIGNING, keyFor("EdDSA"), { tls_client_certificate_bound_access_tokens: false });
  const configuration = await plain(client);
  const [DPoP, another] = await Promise.all(
    [1, 2].map(async () => openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair())),
  );
  const asked = await openid.initiateBackchannelAuthentication(configuration, {
    request: await signWith(client.key, claimsOf(client)),
  });
  await world.decide("approve");
  await expect(pollOnce(configuration, asked)).rejects.toMatchObject({ error: "invalid_dpop_proof" });
  const poll = (handle: typeof DPoP) =>
    openid.pollBackchannelAuthenticationGrant(configuration, { ...asked, interval: 0.01 }, undefined, {
      DPoP: handle ?? expect.fail("no key"),
    });
  const tokens = await poll(DPoP);
  expect(tokens.token_type).toBe("dpop");
  const sub = tokens.claims()?.sub ?? "";
  const by = (handle: typeof DPoP) => ({ DPoP: handle ?? expect.fail("no key") });
  expect(await openid.fetchUserInfo(configuration, tokens.access_token, sub, by(DPoP))).toMatchObject({ sub });
  await expect(openid.fetchUserInfo(configuration, tokens.access_token, sub, by(another))).rejects.toThrow();
  await expect(openid.refreshTokenGrant(configuration, tokens.refresh_token ?? "")).rejects.toMatchObject({
    error: "invalid_dpop_proof",
  });
  const refreshed = await openid.refreshTokenGrant(configuration, tokens.refresh_token ?? "", undefined, by(DPoP));
  expect(refreshed.token_type).toBe("dpop");
  await expect(openid.fetchUserInfo(configuration, refreshed.access_token, sub, by(another))).rejects.toThrow();
});

describe("a request", () => {
  test.each([
    { without: "iss", cert: "(cert 13 ciba signed request without iss)" },
    { without: "aud", cert: "(cert 13 ciba signed request without aud)" },
    { without: "exp", cert: "(cert 13 ciba signed request without exp)" },
    { without: "iat", cert: "(cert 13 ciba signed request without iat)" },
    { without: "nbf", cert: "(cert 13 ciba signed request without nbf)" },
    { without: "jti", cert: "(cert 13 ciba signed request without jti)" },
  ])("without $without is refused $cert", async ({ without }) => {
    await refused(askWith(byKey, { [without]: undefined }));
  });

  test.each<{ what: string; changes: () => Readonly<Record<string, unknown>>; cert: string }>([
    {
      what: "another iss",
      changes: () => ({ iss: stranger.id }),
      cert: "(cert 13 ciba signed request with wrong iss)",
    },
    {
      what: "another aud",
      changes: () => ({ aud: "https://other.example" }),
      cert: "(cert 13 ciba signed request with wrong aud)",
    },
    {
      what: "an exp that is over",
      changes: () => ({ nbf: now() - 600, exp: now() - 300 }),
      cert: "(cert 13 ciba signed request with wrong exp)",
    },
    {
      what: "an exp in 70 minutes",
      changes: () => ({ exp: now() + 4200 }),
      cert: "(cert 13 ciba signed request with wrong exp)",
    },
    {
      what: "an iat to come",
      changes: () => ({ iat: now() + 300 }),
      cert: "(cert 13 ciba signed request with wrong iat)",
    },
    {
      what: "an nbf to come",
      changes: () => ({ nbf: now() + 300 }),
      cert: "(cert 13 ciba signed request with wrong nbf)",
    },
    {
      what: "an nbf of 70 minutes ago",
      changes: () => ({ nbf: now() - 4200 }),
      cert: "(cert 13 ciba signed request with wrong nbf)",
    },
    {
      what: "a jti that is a number",
      changes: () => ({ jti: 7 }),
      cert: "(cert 13 ciba signed request with wrong jti)",
    },
    { what: "an empty jti", changes: () => ({ jti: "" }), cert: "(cert 13 ciba signed request with wrong jti)" },
    { what: "no hint", changes: () => ({ login_hint: undefined }), cert: "(cert 13 ciba hints)" },
    { what: "two hints", changes: () => ({ id_token_hint: "a.b.c" }), cert: "(cert 13 ciba hints)" },
    {
      what: "three hints",
      changes: () => ({ id_token_hint: "x", login_hint_token: "y" }),
      cert: "(cert 13 ciba hints)",
    },
    {
      what: "no binding message",
      changes: () => ({ binding_message: undefined }),
      cert: "(cert 13 ciba binding message)",
    },
  ])("with $what is refused $cert", async ({ changes }) => {
    await refused(askWith(byKey, changes()));
  });

  test("with a binding message that cannot be shown is refused by the error for that (cert 13 ciba binding message)", async () => {
    await refused(askWith(byKey, { binding_message: "x".repeat(101) }), "invalid_binding_message");
  });

  test("counts once (cert 13 ciba signed request with wrong jti)", async () => {
    const request = await signWith(byKey.key, claimsOf(byKey));
    await ask(byKey, request);
    await refused(ask(byKey, request));
  });

  test("with the other client's signature is refused (cert 13 ciba signed request by another client)", async () => {
    await refused(askWith(byKey, {}, stranger.key));
    await refused(askWith(byKey, {}, { ...stranger.key, kid: byKey.key.kid }));
    await refused(ask(byKey, await signWith(stranger.key, claimsOf(stranger))));
  });

  test("under RS256 is refused (cert 13 ciba signed request under RS256)", async () => {
    const both = { jwks: { keys: [byKey.key.jwk, keyFor("RS256").jwk] } };
    const client = await addClient(SIGNING, byKey.key, both);
    await refused(askWith(client, {}, keyFor("RS256")));
    await askWith(client);
  });

  test("without a signature is refused (cert 13 ciba signed request under none)", async () => {
    await refused(ask(byKey, new UnsecuredJWT(claimsOf(byKey)).encode()));
  });

  test.each(["private_key_jwt", "a certificate"])(
    "of plain parameters is refused, also where the client proves itself by %s (cert 13 ciba signed request required)",
    async (how) => {
      const client = how === "a certificate" ? byCertificate : byKey;
      const parameters = { scope: "openid", login_hint: PERSON.email, binding_message: "1234" };
      await refused(openid.initiateBackchannelAuthentication(await configure(client), parameters));
    },
  );

  test.each(["ES256", "PS256", "EdDSA"])("under %s is taken (cert 13 ciba signed request)", async (alg) => {
    const client = await addClient(SIGNING, keyFor(alg));
    expect(await askWith(client)).toMatchObject({ auth_req_id: expect.any(String) });
  });

  test.each([{ requested_expiry: 120 }, { requested_expiry: "120" }])(
    "asks for as long as it wants by %j (cert 13 ciba requested expiry)",
    async (changes) => {
      expect((await askWith(byKey, changes)).expires_in).toBe(120);
    },
  );

  test.each([0, -1, 1.5, 1e21, "ten", true, [120], {}])(
    "with the requested_expiry %j is refused (cert 13 ciba requested expiry)",
    async (requested_expiry) => {
      await refused(askWith(byKey, { requested_expiry }));
    },
  );
});

test.each(["2", "urn:mace:incommon:iap:silver 2 1", "nonsense"])(
  "asked for the acr_values %j a client is told what the sign-in was (cert 13 ciba acr_values)",
  async (acr_values) => {
    const asked = await askWith(byKey, { acr_values });
    await world.decide("approve");
    const tokens = await pollOnce(await configure(byKey), asked);
    expect(tokens.claims()).toMatchObject({ acr: "1", amr: ["pwd"] });
  },
);

test("a client that authenticates by another audience that CIBA names is let in (cert 13 ciba assertion audience)", async () => {
  for (const aud of [worker.issuer, `${worker.issuer}/token`, `${worker.issuer}/bc-authorize`]) {
    const at = now();
    const claims = { iss: byKey.id, sub: byKey.id, aud, jti: crypto.randomUUID(), iat: at, exp: at + 60 };
    const response = await fetch(`${worker.issuer}/bc-authorize`, {
      method: "POST",
      body: new URLSearchParams({
        request: await signWith(byKey.key, claimsOf(byKey)),
        client_assertion: await signWith(byKey.key, claims),
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      }),
    });
    expect([aud, response.status]).toEqual([aud, 200]);
  }
});
