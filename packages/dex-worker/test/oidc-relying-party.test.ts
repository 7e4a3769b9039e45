// A relying party of its own making: it registers itself for answers that are signed and encrypted, and reads them with
// openid-client, which checks issuer, audience, signatures and subject.
import { compactDecrypt, exportJWK, generateKeyPair } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openAddress } from "./client-address.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
const token = Buffer.alloc(32, 9).toString("base64");
beforeAll(async () => {
  worker = await openTestWorker([
    ...["--enable-client-registration", `--client-registration-tokens=${token}`, "--insecure-private-client-addresses"],
  ]);
});
afterAll(() => worker.close());

async function register(metadata: Readonly<Record<string, unknown>>) {
  const response = await fetch(`${worker.issuer}/registration`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ redirect_uris: [REDIRECT_URI], ...metadata }),
  });
  const body = (await response.json()) as Readonly<Record<string, unknown>>;
  return { status: response.status, body, id: String(body.client_id), secret: String(body.client_secret) };
}

/** Signs PERSON in, consenting, and gives the address with the code. */
async function signIn(clientId: string): Promise<URL> {
  const browser = worker.browser();
  const login = await browser.open(worker.authorizationUrl({ client_id: clientId, scope: "openid email" }));
  const { email, password } = PERSON;
  const consent = await browser.submit(login, { login: email, password }, { formId: "login-form" });
  return (await browser.submit(consent, { decision: "approve" }, { formId: "consent-form" })).url;
}

test.each(["RSA-OAEP-256", "ECDH-ES+A128KW"])(
  "openid-client reads what was signed and encrypted to its key with %s (oidcc-userinfo-rs256, OIDC Core §10.2)",
  async (alg) => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "mine", use: "enc", alg }] };
    const wishes = {
      ...{ userinfo_signed_response_alg: "RS256", userinfo_encrypted_response_alg: alg },
      ...{ id_token_encrypted_response_alg: alg, id_token_encrypted_response_enc: "A256GCM" },
    };
    const { status, id, secret } = await register({ ...wishes, jwks });
    expect(status).toBe(201);
    const metadata = { userinfo_signed_response_alg: "RS256" };
    const configuration = await openid.discovery(
      new URL(worker.issuer),
      id,
      metadata,
      openid.ClientSecretBasic(secret),
      {
        execute: [openid.allowInsecureRequests],
      },
    );
    openid.enableDecryptingResponses(configuration, ["A128CBC-HS256", "A256GCM"], {
      key: privateKey,
      alg,
      kid: "mine",
    });
    const tokens = await openid.authorizationCodeGrant(configuration, await signIn(id));
    expect(tokens.id_token?.split(".")).toHaveLength(5);
    const sub = tokens.claims()?.sub ?? "";
    const userinfo = await openid.fetchUserInfo(configuration, tokens.access_token, sub);
    expect(userinfo).toEqual({ iss: worker.issuer, aud: id, sub, email: PERSON.email, email_verified: true });
  },
);

test("a key that cannot be encrypted to is refused at registration, by its name (OIDC Registration §2)", async () => {
  const { publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "curved" }] };
  const { status, body } = await register({ id_token_encrypted_response_alg: "RSA-OAEP-256", jwks });
  expect(status).toBe(400);
  expect(body).toMatchObject({ error: "invalid_client_metadata" });
  expect(body.error_description).toContain("curved");
});

test("keys behind a jwks_uri are encrypted to; where it holds none the client is told, and it is no 5xx", async () => {
  const address = await openAddress();
  const { publicKey, privateKey } = await generateKeyPair("RSA-OAEP-256", { extractable: true });
  const full = address.publish(JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "remote" }] }));
  const empty = address.publish(JSON.stringify({ keys: [] }));
  async function userinfoFor(jwks_uri: string) {
    const details = { userinfo_encrypted_response_alg: "RSA-OAEP-256", jwks_uri };
    const client = await worker.addClient({ clientName: "Remote keys", details });
    const code = (await signIn(client.id)).searchParams.get("code") ?? "";
    const grant = { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
    const { body } = await worker.token(grant, client);
    return fetch(`${worker.issuer}/userinfo`, { headers: { Authorization: `Bearer ${body.access_token}` } });
  }
  const sealed = await compactDecrypt(await (await userinfoFor(full.url)).text(), privateKey);
  expect(sealed.protectedHeader).toMatchObject({ kid: "remote" });
  expect(JSON.parse(Buffer.from(sealed.plaintext).toString())).toMatchObject({ email: PERSON.email });
  const refused = await userinfoFor(empty.url);
  expect([refused.status, await refused.json()]).toMatchObject([400, { error: "invalid_client_metadata" }]);
  await address.close();
});
