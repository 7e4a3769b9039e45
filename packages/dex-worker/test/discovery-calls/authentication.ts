// How clients prove who they are, at each endpoint that asks them.
import { randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import * as openid from "openid-client";
import { expect } from "vitest";
import { type CallWorld, each, type MemberCalls, type SignIn } from "./call-world.ts";
import { CERTIFIED, fetchOf } from "./certificates.ts";
import { makeKey, signWith } from "./client-keys.ts";

const METHODS = [
  ...["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"],
  ...["tls_client_auth", "self_signed_tls_client_auth"],
];
const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "HS256", "HS384", "HS512"];
const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** Signed in to a client that proves itself by this method, also for what comes next. */
async function signInBy(world: CallWorld, method: string): Promise<SignIn> {
  const key = await makeKey("RS256");
  const client = await world.register("code", {
    token_endpoint_auth_method: method,
    grant_types: ["authorization_code", "refresh_token"],
    ...(method === "private_key_jwt" ? { jwks: { keys: [key.jwk] } } : {}),
    ...CERTIFIED[method],
  });
  const ways: Readonly<Record<string, () => openid.ClientAuth>> = {
    client_secret_basic: () => openid.ClientSecretBasic(client.secret),
    client_secret_post: () => openid.ClientSecretPost(client.secret),
    client_secret_jwt: () => openid.ClientSecretJwt(client.secret),
    private_key_jwt: () => openid.PrivateKeyJwt({ key: key.privateKey, kid: key.kid }),
    none: () => openid.None(),
    tls_client_auth: () => openid.TlsClientAuth(),
    self_signed_tls_client_auth: () => openid.TlsClientAuth(),
  };
  const authentication = ways[method]?.() ?? expect.fail(`no way to ${method}`);
  const shown = CERTIFIED[method] === undefined ? {} : { fetch: fetchOf(world) };
  return world.signIn(client, {
    authentication,
    asked: { scope: "openid offline_access", prompt: "consent" },
    ...shown,
  });
}

/** What the endpoint answers to a client whose assertion is by this algorithm: a signature with its key, or a MAC. */
async function postBy(
  world: CallWorld,
  alg: string,
  path: string,
  form: Readonly<Record<string, string>>,
): Promise<Response> {
  const mac = alg.startsWith("HS");
  const key = mac ? undefined : await makeKey(alg);
  const client = await world.register("code", {
    grant_types: ["authorization_code", "client_credentials"],
    token_endpoint_auth_method: mac ? "client_secret_jwt" : "private_key_jwt",
    token_endpoint_auth_signing_alg: alg,
    ...(key === undefined ? {} : { jwks: { keys: [key.jwk] } }),
  });
  const iat = Math.floor(Date.now() / 1000);
  const jti = randomBytes(16).toString("hex");
  const claims = { iss: client.id, sub: client.id, aud: world.issuer, iat, exp: iat + 60, jti };
  const assertion =
    key === undefined
      ? await new SignJWT(claims).setProtectedHeader({ alg }).sign(Buffer.from(client.secret))
      : await signWith(key, claims);
  const body = new URLSearchParams({ ...form, client_assertion_type: JWT_BEARER, client_assertion: assertion });
  return fetch(world.issuer + path, { method: "POST", body });
}

/** Both lists of one endpoint. `use` is what a client does there; `form` is posted there by each algorithm, for a 200. */
function authenticationAt(
  endpoint: string,
  path: string,
  form: Readonly<Record<string, string>>,
  use: (signIn: SignIn, world: CallWorld) => Promise<void>,
  methods = METHODS,
): Readonly<Record<string, MemberCalls>> {
  return {
    [`${endpoint}_auth_methods_supported`]: each(methods, async (world, method) => {
      await use(await signInBy(world, method), world);
    }),
    [`${endpoint}_auth_signing_alg_values_supported`]: each(ALGORITHMS, async (world, alg) => {
      const response = await postBy(world, alg, path, form);
      expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
    }),
  };
}

export const AUTHENTICATION_CALLS: Readonly<Record<string, MemberCalls>> = {
  ...authenticationAt(
    "token_endpoint",
    "/token",
    { grant_type: "client_credentials" },
    async ({ party, tokens: { refresh_token = "" } }) => {
      expect((await openid.refreshTokenGrant(party, refresh_token)).access_token).toBeTypeOf("string");
    },
  ),
  ...authenticationAt("revocation_endpoint", "/revoke", { token: "unknown" }, async ({ party, tokens }, world) => {
    expect(await world.userinfo(tokens.access_token)).toMatchObject({ sub: expect.any(String) });
    await openid.tokenRevocation(party, tokens.access_token);
    const headers = { Authorization: `Bearer ${tokens.access_token}` };
    expect((await fetch(`${world.issuer}/userinfo`, { headers })).status).toBe(401);
  }),
  ...authenticationAt(
    "introspection_endpoint",
    "/introspect",
    { token: "unknown" },
    async ({ party, tokens }) => {
      expect(await openid.tokenIntrospection(party, tokens.access_token)).toMatchObject({ active: true });
    },
    METHODS.filter((method) => method !== "none"),
  ),
};
