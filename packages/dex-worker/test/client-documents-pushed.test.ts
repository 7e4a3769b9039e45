// Clients that nobody registered push their requests, too (OAuth Client ID Metadata Document, RFC 9126).
import { hasForm } from "@dex/testing";
import { exportJWK, generateKeyPair } from "jose";
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

test("one address makes no more documents be fetched by pushing than by coming itself (DCR-3)", async () => {
  const statuses: number[] = [];
  for (let n = 0; n < 31; n += 1) {
    const body = new URLSearchParams({ client_id: `${address.publish("").url}?${n}`, response_type: "code" });
    statuses.push((await fetch(`${worker.issuer}/par`, { method: "POST", body })).status);
  }
  expect(new Set(statuses.slice(0, 20))).toEqual(new Set([401]));
  expect(statuses.at(-1)).toBe(429);
});
