// Clients that nobody registered push their requests, too (OAuth Client ID Metadata Document, RFC 9126).
import { hasForm, queryDatabase } from "@dex/testing";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OpenedAddress, openAddress } from "./client-address.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let address: OpenedAddress;
beforeAll(async () => {
  worker = await openTestWorker([
    "--client-id-documents=any",
    "--insecure-private-client-addresses",
    "--require-pushed-authorization-requests",
  ]);
  address = await openAddress();
});
afterAll(async () => {
  await address.close();
  await worker.close();
});

function publishClient(more: Readonly<Record<string, unknown>> = {}): string {
  const published = address.publish("");
  const redirect_uris = ["http://127.0.0.1/callback"];
  published.replace(JSON.stringify({ client_id: published.url, client_name: "Agent", redirect_uris, ...more }));
  return published.url;
}

async function signIn(clientId: string, authentication: openid.ClientAuth) {
  const party = await openid.discovery(new URL(worker.issuer), clientId, undefined, authentication, {
    execute: [openid.allowInsecureRequests],
  });
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const url = await openid.buildAuthorizationUrlWithPAR(party, {
    redirect_uri: REDIRECT_URI,
    scope: "openid email",
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  const browser = worker.browser();
  const page = await browser.open(url);
  expect(hasForm(page, "login-form")).toBe(true);
  const login = { login: PERSON.email, password: PERSON.password };
  const consent = await browser.submit(page, login, { formId: "login-form" });
  expect(consent.text).toContain('id="client-host"');
  const end = await browser.submit(consent, { decision: "approve" }, { formId: "consent-form" });
  return (await openid.authorizationCodeGrant(party, end.url, { pkceCodeVerifier })).claims();
}

test("openid-client pushes the request of an application that nobody here has seen before", async () => {
  const id = publishClient();
  expect(await signIn(id, openid.None())).toMatchObject({ aud: id, email: PERSON.email });
});

test("and of one that proves itself with the key in its document", async () => {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: "ES256" }] };
  const id = publishClient({ token_endpoint_auth_method: "private_key_jwt", jwks });
  expect(await signIn(id, openid.PrivateKeyJwt(privateKey))).toMatchObject({ aud: id, email: PERSON.email });
  const { privateKey: other } = await generateKeyPair("ES256");
  await expect(signIn(id, openid.PrivateKeyJwt(other))).rejects.toMatchObject({ status: 401 });
});

test("who shows nothing but a key of their own making has us remember little of what they push, until a person allows them something", async () => {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: "ES256" }] };
  const publishOne = () => publishClient({ token_endpoint_auth_method: "private_key_jwt", jwks });
  const [allowed, ...strangers] = [publishOne(), publishOne(), publishOne()];
  await signIn(allowed ?? "", openid.PrivateKeyJwt(privateKey));
  const remembered = async () => {
    const [row] = await queryDatabase(worker.databaseUrl, "SELECT count(*)::int AS rows FROM used_once");
    return Number(row?.rows);
  };
  async function push(id = ""): Promise<number> {
    const seconds = Math.floor(Date.now() / 1000);
    const claims = { iss: id, sub: id, aud: worker.issuer, iat: seconds, exp: seconds + 60, jti: crypto.randomUUID() };
    const body = new URLSearchParams({
      client_id: id,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await new SignJWT(claims).setProtectedHeader({ alg: "ES256" }).sign(privateKey),
      ...{ response_type: "code", redirect_uri: REDIRECT_URI, scope: "openid" },
      ...{ code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256" },
    });
    return (await fetch(`${worker.issuer}/par`, { method: "POST", body })).status;
  }
  const before = await remembered();
  const statuses: number[] = [];
  for (let n = 0; n < 80; n += 1) statuses.push(await push(strangers[n % 2]));
  expect([statuses[0], statuses.at(-1), new Set(statuses).size]).toEqual([201, 429, 2]);
  // The first of each costs a document.
  expect((await remembered()) - before).toBeLessThanOrEqual(62);
  expect(await push(allowed)).toBe(201);
});

test("one address makes no more documents be fetched by pushing than by coming itself (DCR-3)", async () => {
  const statuses: number[] = [];
  for (let n = 0; n < 31; n += 1) {
    const body = new URLSearchParams({ client_id: `${address.publish("").url}?${n}`, response_type: "code" });
    statuses.push((await fetch(`${worker.issuer}/par`, { method: "POST", body })).status);
  }
  expect(new Set(statuses.slice(0, 20))).toEqual(new Set([401]));
  expect(statuses.at(-1)).toBe(429);
});
