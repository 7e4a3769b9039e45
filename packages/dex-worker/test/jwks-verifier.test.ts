// Who takes ID tokens and knows an issuer and nothing else, as Kubernetes' API server and AWS STS do: PyJWT, which was not
// written by us, reads the discovery document and the JWK set.
import { type RunningJwksVerifier, startJwksVerifier } from "@dex/testing";
import { type CryptoKey, exportSPKI, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { claimsOf, headerOf } from "./logout-world.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

const ALGORITHMS = ["RS256", "ES256", "EdDSA"] as const;

let worker: TestWorker;
let cluster: TestClient;
let verifier: RunningJwksVerifier;
/** The cluster's own, of somebody who is in groups. */
let idToken: string;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-automatic-registration", "--insecure-mock-connectors"]);
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "mock", type: "mockCallback", config: {} },
  ]);
  cluster = await worker.addClient({ clientName: "Cluster", trusted: true });
  verifier = await startJwksVerifier(worker.issuer, cluster.id);
  idToken = await idTokenOf(cluster, { scope: "openid email groups", connector_id: "mock" });
});
afterAll(async () => {
  await verifier?.close();
  await worker?.close();
});

/** Signs somebody in to the client: PERSON, unless `more` names another connector. */
async function tokensOf(client: TestClient, more: Readonly<Record<string, string>> = {}) {
  const asked = { client_id: client.id, connector_id: "local", ...more };
  const browser = worker.browser();
  const { url } =
    asked.connector_id === "local"
      ? { url: await worker.signIn(browser, asked) }
      : await browser.open(worker.authorizationUrl(asked));
  const code = url.searchParams.get("code") ?? expect.fail(`no code: ${url}`);
  const grant = { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
  const { id_token = "", access_token = "" } = (await worker.token(grant, client)).body;
  return { id_token, access_token };
}
const idTokenOf = async (...asked: Parameters<typeof tokensOf>) => (await tokensOf(...asked)).id_token;

async function publishedKeys(): Promise<readonly JWK[]> {
  const discovered = (await (await fetch(`${worker.issuer}/.well-known/openid-configuration`)).json()) as {
    jwks_uri: string;
  };
  return ((await (await fetch(discovered.jwks_uri)).json()) as { keys: JWK[] }).keys;
}

test("takes a token and finds issuer, audience, address and groups in it, as Kubernetes wants them", async () => {
  expect(await verifier.verify(idToken)).toEqual({ claims: claimsOf(idToken) });
  expect(claimsOf(idToken)).toMatchObject({
    iss: worker.issuer,
    aud: cluster.id,
    sub: expect.any(String),
    email: expect.stringContaining("@"),
    // Kubernetes refuses a user name that is an address nobody verified.
    email_verified: true,
    groups: ["authors"],
  });
});

test.each(ALGORITHMS)("takes a token that is signed with %s, which discovery tells of", async (algorithm) => {
  expect(verifier.algorithms).toContain(algorithm);
  const client = await worker.addClient({ clientName: algorithm, trusted: true, idTokenSignedResponseAlg: algorithm });
  const own = await startJwksVerifier(worker.issuer, client.id);
  const token = await idTokenOf(client, { scope: "openid email" });
  expect(headerOf(token)).toMatchObject({ alg: algorithm });
  expect(await own.verify(token)).toMatchObject({ claims: { email: PERSON.email } });
  await own.close();
});

test("takes a token of another client that was made for it too: its own id is one of the audience", async () => {
  const commandLine = await worker.addClient({ clientName: "Command line", trusted: true });
  const peer = await worker.addClient({ clientName: "Cluster", trustedPeers: [commandLine.id], trusted: true });
  const token = await idTokenOf(commandLine, {
    scope: `openid audience:server:client_id:${peer.id} audience:server:client_id:${commandLine.id}`,
  });
  const own = await startJwksVerifier(worker.issuer, peer.id);
  expect(await own.verify(token)).toMatchObject({
    claims: { aud: expect.arrayContaining([peer.id, commandLine.id]), azp: commandLine.id },
  });
  await own.close();
});

describe("refuses", () => {
  const parts = () => idToken.split(".") as [string, string, string];
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const header = () => headerOf(idToken) as { alg: string; kid: string };
  const forgeries: Readonly<Record<string, { make: () => Promise<string> | string; error: string }>> = {
    "a token for another client": {
      make: () => idTokenOf(worker.client),
      error: "InvalidAudienceError",
    },
    "altered claims": {
      make: () => [parts()[0], encode({ ...claimsOf(idToken), email: "root@example.com" }), parts()[2]].join("."),
      error: "InvalidSignatureError",
    },
    "an altered signature": {
      make: () => [parts()[0], parts()[1], `${parts()[2].startsWith("A") ? "B" : "A"}${parts()[2].slice(1)}`].join("."),
      error: "InvalidSignatureError",
    },
    "no signature": {
      make: () => `${encode({ ...header(), alg: "none" })}.${parts()[1]}.`,
      error: "InvalidAlgorithmError",
    },
    "somebody else's key under the name of ours": {
      make: async () => {
        const { privateKey } = await generateKeyPair("RS256");
        return new SignJWT({ ...claimsOf(idToken) }).setProtectedHeader(header()).sign(privateKey);
      },
      error: "InvalidSignatureError",
    },
    "a key that is not published": {
      make: async () => {
        const { privateKey } = await generateKeyPair("RS256");
        const claims = { ...claimsOf(idToken), iss: "https://elsewhere.example.com" };
        return new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "elsewhere" }).sign(privateKey);
      },
      error: "PyJWKClientError",
    },
    "the public key used as a shared secret": {
      make: async () => {
        const [published] = (await publishedKeys()).filter(({ kid }) => kid === header().kid);
        const secret = await exportSPKI(
          (await importJWK(published ?? {}, "RS256", { extractable: true })) as CryptoKey,
        );
        const claims = { ...claimsOf(idToken) };
        return new SignJWT(claims).setProtectedHeader({ ...header(), alg: "HS256" }).sign(Buffer.from(secret));
      },
      error: "InvalidAlgorithmError",
    },
    "an access token of the same sign-in": {
      make: async () => (await tokensOf(cluster)).access_token,
      error: "DecodeError",
    },
  };
  test.each(Object.entries(forgeries))("%s", async (_, { make, error }) => {
    expect(await verifier.verify(await make())).toEqual({ refused: error });
  });
});

test("does not believe an issuer that is written otherwise, as with a slash at its end", async () => {
  await expect(startJwksVerifier(`${worker.issuer}/`, cluster.id)).rejects.toThrow(`says that it is ${worker.issuer}`);
});

test("finds in each published key what AWS STS wants: its name, use and algorithm, and modulus and exponent of RSA", async () => {
  expect(worker.issuer.endsWith("/")).toBe(false);
  const keys = await publishedKeys();
  expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(ALGORITHMS));
  for (const key of keys) {
    expect(key).toMatchObject({ kid: expect.stringMatching(/./), use: "sig", alg: expect.stringMatching(/./) });
    if (key.kty === "RSA") expect(key).toMatchObject({ n: expect.stringMatching(/^[\w-]{342}$/), e: "AQAB" });
  }
});
