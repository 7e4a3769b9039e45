// Texts and numbers that no form can carry, in what clients and issuers sign: JSON can, and databases cannot keep all of it.
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeKey, signWith, type TestKey } from "./discovery-calls/client-keys.ts";
import { type ExchangeWorld, openExchangeWorld, TYPES } from "./exchange-world.ts";
import { REDIRECT_URI, type TestClient } from "./worker-server.ts";

const CIBA_GRANT = "urn:openid:params:grant-type:ciba";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const HOSTILE: readonly unknown[] = [
  ...["\0", "a\0b", "\ud800", "\u2028", "", "x".repeat(5000), "__proto__"],
  ...[null, true, -1, 0.5, 1e300, [], [null], ["a\0"], {}, { toString: "\0" }],
];
const nowSeconds = () => Math.floor(Date.now() / 1000);

let world: ExchangeWorld;
let key: TestKey;
let client: TestClient;
beforeAll(async () => {
  world = await openExchangeWorld(["--enable-automatic-registration"]);
  key = await makeKey("ES256");
});
afterAll(() => world.close());

let counter = 0;
const claimsOf = (changes: Readonly<Record<string, unknown>>) => {
  counter += 1;
  const now = nowSeconds();
  const registered = { iss: client.id, sub: client.id, aud: world.worker.issuer, iat: now, nbf: now, exp: now + 60 };
  return { ...registered, jti: `jti ${counter}`, ...changes };
};

async function post(path: string, form: Readonly<Record<string, string>>, assertion?: string) {
  const proof = { client_assertion_type: ASSERTION_TYPE, client_assertion: assertion ?? (await sign(claimsOf({}))) };
  const body = new URLSearchParams({ ...proof, ...form });
  return (await fetch(`${world.worker.issuer}${path}`, { method: "POST", body })).status;
}
const sign = (claims: Record<string, unknown>) => signWith(key, claims);

/** Values that are answered as faults of ours, once it is seen that what is as it should be is taken. */
async function faults(names: readonly string[], ask: (claims: Record<string, unknown>) => Promise<number>) {
  const found: unknown[] = [];
  for (const name of names) {
    // Whoever was wrong too often is not listened to.
    client = await world.worker.addClient({
      grantTypes: ["authorization_code", "client_credentials", CIBA_GRANT],
      details: { token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [key.jwk] } },
    });
    expect([200, 201]).toContain(await ask({}));
    for (const value of HOSTILE) {
      const status = await ask({ [name]: value });
      if (status >= 500) found.push([name, value, status]);
    }
  }
  return found;
}

test("nothing in a client assertion is a fault of ours (TOK-10)", async () => {
  const names = ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "__proto__"];
  const ask = async (changes: Record<string, unknown>) =>
    post("/token", { grant_type: "client_credentials" }, await sign(claimsOf(changes)));
  expect(await faults(names, ask)).toEqual([]);
});

test("nothing in a request object is a fault of ours (AUT-10)", async () => {
  const names = [
    "state",
    "nonce",
    "scope",
    "prompt",
    "max_age",
    "login_hint",
    "acr_values",
    "claims",
    "resource",
    "jti",
  ];
  const more = [
    "exp",
    "nbf",
    "dpop_jkt",
    "id_token_hint",
    "authorization_details",
    "response_mode",
    "redirect_uri",
    "ui_locales",
  ];
  const asked = { response_type: "code", redirect_uri: REDIRECT_URI, scope: "openid", sub: undefined };
  const ask = async (changes: Record<string, unknown>) =>
    post("/par", { request: await sign(claimsOf({ ...asked, ...changes })) });
  expect(await faults([...names, ...more], ask)).toEqual([]);
});

test("nothing in a signed request for a person is a fault of ours (cert 13 ciba signed request)", async () => {
  const names = [
    "scope",
    "login_hint",
    "id_token_hint",
    "binding_message",
    "requested_expiry",
    "acr_values",
    "jti",
    "exp",
  ];
  const asked = { scope: "openid", sub: undefined };
  const ask = async (changes: Record<string, unknown>) => {
    // Of one person no more than a few are asked for.
    const login_hint = "id_token_hint" in changes ? undefined : `nobody${counter}@example.com`;
    const all = { ...asked, login_hint, ...changes };
    return post("/bc-authorize", { request: await sign(claimsOf(all)) });
  };
  expect(await faults(names, ask)).toEqual([]);
});

test("nothing in a token of a connector's issuer is a fault of ours (TX-1)", async () => {
  const names = ["sub", "email", "email_verified", "name", "groups", "preferred_username", "auth_time", "amr", "azp"];
  const ask = async (changes: Record<string, unknown>) => {
    const subject_token = await world.upstreamToken(changes);
    const subject = { connector_id: "corp", subject_token, subject_token_type: TYPES.id };
    return (await world.exchange({ ...subject, scope: "openid email profile groups" })).status;
  };
  expect(await faults(names, ask)).toEqual([]);
});
