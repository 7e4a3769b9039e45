// What tokens are made for, what they say, and how they are signed and sealed.
import { compactDecrypt, decodeProtectedHeader, type JWTPayload } from "jose";
import * as openid from "openid-client";
import { expect } from "vitest";
import { CALLBACK, type Members, type Registered } from "../dynamic-world.ts";
import { BACKCHANNEL_GRANT } from "./backchannel.ts";
import { type CallWorld, each, halfHash, type MemberCalls, NONCE, PROFILE } from "./call-world.ts";
import { makeKey } from "./client-keys.ts";
import { DIRECT_GRANTS } from "./direct-grants.ts";
import { DEVICE_GRANT } from "./other-ways.ts";

const SIGNING = ["RS256", "ES256", "EdDSA"];
const ENCRYPTION_ALG = ["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"];
const ENCRYPTION_ENC = ["A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM"];
const EMAIL = { email: "ada@example.com", email_verified: true };
const OF_PROFILE = {
  ...PROFILE,
  name: "Ada Lovelace",
  updated_at: expect.any(Number),
};
const { address, phone_number, phone_number_verified, ...OF_PROFILE_SCOPE } = OF_PROFILE;

/** What a scope releases at userinfo. */
const scope = (
  name: string,
  claims: Members,
  browser: (world: CallWorld) => CallWorld["signedIn"] = (w) => w.signedIn,
) => ({
  [name]: async (world: CallWorld) => {
    const { tokens, sub } = await world.signIn(await world.register("code"), {
      asked: { scope: `openid ${name}` },
      browser: browser(world),
    });
    expect(await world.userinfo(tokens.access_token)).toEqual({ sub, ...claims });
  },
});

/** A claim about the person, asked for by its name alone. */
const claim = (name: string, value: unknown) => ({
  [name]: async (world: CallWorld) => {
    const asked = { claims: JSON.stringify({ userinfo: { [name]: null } }) };
    const browser = name === "groups" ? world.surelySignedIn : world.signedIn;
    const { tokens, sub } = await world.signIn(await world.register("code"), { asked, browser });
    expect(await world.userinfo(tokens.access_token)).toEqual({ sub, [name]: value });
  },
});

/** A claim that an ID token has by itself. */
const inIdToken = (name: string, holds: (value: unknown, world: CallWorld, client: Registered) => void) => ({
  [name]: async (world: CallWorld) => {
    const client = await world.register("code");
    const { claims } = await world.signIn(client, { asked: { max_age: 3600 } });
    holds(claims[name], world, client);
  },
});
const isNow = (value: unknown) => expect(Math.abs(Number(value) - Date.now() / 1000)).toBeLessThan(600);

async function idTokenOf(world: CallWorld, client: Registered, type: string): Promise<JWTPayload> {
  const asked = { response_type: type, code_challenge: undefined, code_challenge_method: undefined };
  const { url } = await world.authorize(world.request(client, asked), world.signedIn);
  const answer = new URLSearchParams(url.hash.slice(1));
  const claims = await world.verified(answer.get("id_token") ?? "", client);
  expect(claims.at_hash).toBe(halfHash(answer.get("access_token") ?? ""));
  return claims;
}

/** Signed in to a client that asks for sealed answers with this algorithm and encryption. */
async function proveSealed(world: CallWorld, what: "id_token" | "userinfo", alg: string, enc: string): Promise<void> {
  const key = await makeKey(alg);
  const wishes = { [`${what}_encrypted_response_alg`]: alg, [`${what}_encrypted_response_enc`]: enc };
  const metadata = what === "userinfo" ? { userinfo_signed_response_alg: "RS256" } : {};
  const client = await world.register("code", { ...metadata, ...wishes, jwks: { keys: [key.jwk] } });
  const decrypt = { key: key.privateKey, kid: key.kid, alg, enc };
  const { tokens, party, sub } = await world.signIn(client, { decrypt, metadata });
  const headers = { Authorization: `Bearer ${tokens.access_token}` };
  const sealed =
    what === "id_token" ? tokens.id_token : await (await fetch(`${world.issuer}/userinfo`, { headers })).text();
  expect(decodeProtectedHeader(sealed ?? "")).toMatchObject({ alg, enc, kid: key.kid });
  expect(await openid.fetchUserInfo(party, tokens.access_token, sub)).toMatchObject({ sub });
}

const byAlgorithm = (what: "id_token" | "userinfo") => ({
  [`${what}_encryption_alg_values_supported`]: each(ENCRYPTION_ALG, (world, alg) =>
    proveSealed(world, what, alg, "A128CBC-HS256"),
  ),
  [`${what}_encryption_enc_values_supported`]: each(ENCRYPTION_ENC, (world, enc) =>
    proveSealed(world, what, "ECDH-ES", enc),
  ),
});

/** A client asks for a signed answer, as it registered to have them (RFC 9701), and reads it with its key if it has one. */
async function proveIntrospection(
  world: CallWorld,
  wishes: Readonly<Record<string, string>>,
  key?: Awaited<ReturnType<typeof makeKey>>,
): Promise<void> {
  const jwks = key === undefined ? {} : { jwks: { keys: [key.jwk] } };
  const client = await world.register("code", { token_endpoint_auth_method: "client_secret_post", ...wishes, ...jwks });
  const { tokens, sub } = await world.signIn(client, { authentication: openid.ClientSecretPost(client.secret) });
  const credentials = { client_id: client.id, client_secret: client.secret };
  const response = await fetch(`${world.issuer}/introspect`, {
    method: "POST",
    headers: { Accept: "application/token-introspection+jwt" },
    body: new URLSearchParams({ ...credentials, token: tokens.access_token }),
  });
  const answer = await response.text();
  const { introspection_encrypted_response_alg: alg, introspection_encrypted_response_enc: enc } = wishes;
  if (key !== undefined) expect(decodeProtectedHeader(answer)).toMatchObject({ alg, enc, kid: key.kid });
  const jwt =
    key === undefined ? answer : new TextDecoder().decode((await compactDecrypt(answer, key.privateKey)).plaintext);
  expect(decodeProtectedHeader(jwt).alg).toBe(wishes.introspection_signed_response_alg ?? "RS256");
  expect((await world.verified(jwt, client)).token_introspection).toMatchObject({ active: true, sub });
}

async function proveSealedIntrospection(world: CallWorld, alg: string, enc: string): Promise<void> {
  const wishes = { introspection_encrypted_response_alg: alg, introspection_encrypted_response_enc: enc };
  await proveIntrospection(world, wishes, await makeKey(alg));
}

export const TOKEN_CALLS: Readonly<Record<string, MemberCalls>> = {
  scopes_supported: {
    async openid(world) {
      const { tokens } = await world.signIn(await world.register("code"));
      expect(tokens.id_token).toBeTypeOf("string");
    },
    ...scope("profile", OF_PROFILE_SCOPE),
    ...scope("email", EMAIL),
    ...scope("address", { address }),
    ...scope("phone", { phone_number, phone_number_verified }),
    ...scope("groups", { groups: ["staff"] }, (world) => world.surelySignedIn),
    async "federated:id"(world) {
      const asked = { scope: "openid federated:id" };
      const { claims } = await world.signIn(await world.register("code"), { asked });
      expect(claims.federated_claims).toEqual({ connector_id: "local", user_id: world.userId });
    },
    async offline_access(world) {
      const client = await world.register("code", { grant_types: ["authorization_code", "refresh_token"] });
      const asked = { scope: "openid offline_access", prompt: "consent" };
      expect((await world.signIn(client, { asked })).tokens.refresh_token).toBeTypeOf("string");
    },
  },
  claims_supported: {
    ...inIdToken("iss", (value, { issuer }) => expect(value).toBe(issuer)),
    ...inIdToken("sub", (value, { userId }) => expect(value).toBe(userId)),
    ...inIdToken("aud", (value, _world, { id }) => expect(value).toBe(id)),
    ...inIdToken("exp", (value) => expect(Number(value)).toBeGreaterThan(Date.now() / 1000)),
    ...inIdToken("iat", isNow),
    ...inIdToken("auth_time", isNow),
    ...inIdToken("sid", (value) => expect(value).toMatch(/./)),
    ...inIdToken("nonce", (value) => expect(value).toBe(NONCE)),
    ...inIdToken("acr", (value) => expect(value).toBe("1")),
    ...inIdToken("amr", (value) => expect(value).toEqual(["pwd"])),
    async at_hash(world) {
      await idTokenOf(world, await world.register("id_token token"), "id_token token");
    },
    async azp(world) {
      const add = (metadata: Members) => world.worker.addClient({ redirectURIs: [CALLBACK], ...metadata });
      const client = { ...(await add({ trusted: true })), body: {} };
      const peer = await add({ trustedPeers: [client.id] });
      const asked = { scope: `openid audience:server:client_id:${peer.id}` };
      const { claims } = await world.signIn(client, { asked });
      expect(claims).toMatchObject({ azp: client.id, aud: expect.arrayContaining([client.id, peer.id]) });
    },
    ...Object.assign({}, ...Object.entries({ ...OF_PROFILE, ...EMAIL }).map(([name, value]) => claim(name, value))),
    ...claim("groups", ["staff"]),
  },
  grant_types_supported: {
    async authorization_code(world) {
      expect((await world.signIn(await world.register("code"))).tokens.access_token).toBeTypeOf("string");
    },
    async implicit(world) {
      const client = await world.register("id_token token", { grant_types: ["implicit"] });
      expect((await idTokenOf(world, client, "id_token token")).sub).toBe(world.userId);
    },
    async refresh_token(world) {
      const client = await world.register("code", { grant_types: ["authorization_code", "refresh_token"] });
      const asked = { scope: "openid offline_access", prompt: "consent" };
      const { tokens, party } = await world.signIn(client, { asked });
      const refreshed = await openid.refreshTokenGrant(party, tokens.refresh_token ?? "");
      expect(refreshed.access_token).not.toBe(tokens.access_token);
    },
    async client_credentials(world) {
      const client = await world.register("code", { grant_types: ["authorization_code", "client_credentials"] });
      const party = await openid.discovery(new URL(world.issuer), client.id, client.secret);
      const tokens = await openid.clientCredentialsGrant(party);
      expect([typeof tokens.access_token, tokens.id_token]).toEqual(["string", undefined]);
    },
    ...DEVICE_GRANT,
    ...BACKCHANNEL_GRANT,
    ...DIRECT_GRANTS,
  },
  subject_types_supported: {
    async public(world) {
      const { sub } = await world.signIn(await world.register("code", { subject_type: "public" }));
      expect(sub).toBe(world.userId);
    },
    async pairwise(world) {
      const { sub, tokens } = await world.signIn(await world.register("code", { subject_type: "pairwise" }));
      expect(sub).not.toBe(world.userId);
      expect(await world.userinfo(tokens.access_token)).toEqual({ sub });
    },
  },
  id_token_signing_alg_values_supported: each(SIGNING, async (world, alg) => {
    const client = await world.register("code", { id_token_signed_response_alg: alg });
    const { tokens } = await world.signIn(client, { metadata: { id_token_signed_response_alg: alg } });
    expect(decodeProtectedHeader(tokens.id_token ?? "").alg).toBe(alg);
    await world.verified(tokens.id_token, client);
  }),
  userinfo_signing_alg_values_supported: each(SIGNING, async (world, alg) => {
    const metadata = { userinfo_signed_response_alg: alg };
    const client = await world.register("code", metadata);
    const { tokens, party, sub } = await world.signIn(client, { metadata });
    const headers = { Authorization: `Bearer ${tokens.access_token}` };
    const jwt = await (await fetch(`${world.issuer}/userinfo`, { headers })).text();
    expect(decodeProtectedHeader(jwt).alg).toBe(alg);
    expect(await openid.fetchUserInfo(party, tokens.access_token, sub)).toMatchObject(
      await world.verified(jwt, client),
    );
  }),
  ...byAlgorithm("id_token"),
  ...byAlgorithm("userinfo"),
  introspection_signing_alg_values_supported: each(SIGNING, (world, alg) =>
    proveIntrospection(world, { introspection_signed_response_alg: alg }),
  ),
  introspection_encryption_alg_values_supported: each(ENCRYPTION_ALG, (world, alg) =>
    proveSealedIntrospection(world, alg, "A128CBC-HS256"),
  ),
  introspection_encryption_enc_values_supported: each(ENCRYPTION_ENC, (world, enc) =>
    proveSealedIntrospection(world, "ECDH-ES", enc),
  ),
};
