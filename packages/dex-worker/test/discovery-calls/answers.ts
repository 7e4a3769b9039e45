// What the authorization endpoint takes and how it answers.
import { UnsecuredJWT } from "jose";
import * as openid from "openid-client";
import { expect } from "vitest";
import { CALLBACK, type Members, type Registered } from "../dynamic-world.ts";
import {
  answerBy,
  type CallWorld,
  each,
  halfHash,
  type MemberCalls,
  type Mode,
  NONCE,
  VERIFIER,
} from "./call-world.ts";
import { makeKey, signWith } from "./client-keys.ts";
import { JWT_MODES } from "./jwt-answers.ts";

const TYPES = ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"] as const;

/** Asks for this type by this mode, and uses everything that comes. */
async function proveAnswer(world: CallWorld, type: string, mode: Mode | undefined): Promise<void> {
  const words = type.split(" ");
  const client = await world.register(type);
  const asked = words.includes("code") ? {} : { code_challenge: undefined, code_challenge_method: undefined };
  const parameters = world.request(client, {
    ...asked,
    response_type: type,
    response_mode: mode,
    scope: "openid email",
  });
  const page = await world.authorize(parameters, world.signedIn);
  const answer = answerBy(mode ?? (type === "code" ? "query" : "fragment"), page);
  expect(answer).toMatchObject({ state: "s-1", iss: world.issuer });
  const held = { code: answer.code, id_token: answer.id_token, token: answer.access_token };
  for (const [word, value] of Object.entries(held))
    expect([word, value !== undefined]).toEqual([word, words.includes(word)]);
  if (answer.id_token !== undefined) {
    const claims = await world.verified(answer.id_token, client);
    expect(claims).toMatchObject({
      nonce: NONCE,
      ...(answer.code === undefined ? {} : { c_hash: halfHash(answer.code) }),
      ...(answer.access_token === undefined ? {} : { at_hash: halfHash(answer.access_token) }),
    });
  }
  if (answer.access_token !== undefined) {
    expect(answer.token_type?.toLowerCase()).toBe("bearer");
    expect(await world.userinfo(answer.access_token)).toMatchObject({ email: "ada@example.com" });
  }
  if (answer.code !== undefined) await redeem(world, client, answer.code);
}

async function redeem({ worker, userinfo }: CallWorld, client: Registered, code: string): Promise<Members> {
  const parameters = { grant_type: "authorization_code", code, redirect_uri: CALLBACK, code_verifier: VERIFIER };
  const { status, body } = await worker.token(parameters, client);
  expect([status, typeof body.id_token]).toEqual([200, "string"]);
  return userinfo(body.access_token);
}

const errorOf = async (world: CallWorld, parameters: Members, browser = world.signedIn) =>
  (await world.authorize(parameters, browser)).url.searchParams.get("error");

/** A client that an administrator trusts: nobody is asked whether it may. */
async function addTrusted({ worker }: CallWorld): Promise<Registered> {
  const client = await worker.addClient({ trusted: true, clientName: "Trusted", redirectURIs: [CALLBACK] });
  return { ...client, body: {} };
}

/** The page that this request of a person who is signed in leads to. */
async function pageOf(world: CallWorld, prompt: string) {
  const parameters = world.request(await addTrusted(world), { prompt }) as Record<string, string>;
  return world.signedIn.open(`${world.issuer}/auth?${new URLSearchParams(parameters)}`);
}

export const ANSWER_CALLS: Readonly<Record<string, MemberCalls>> = {
  response_types_supported: each(TYPES, (world, type) => proveAnswer(world, type, undefined)),
  response_modes_supported: {
    async query(world) {
      await proveAnswer(world, "code", "query");
    },
    ...each(["fragment", "form_post"], async (world, mode) => {
      for (const type of TYPES) await proveAnswer(world, type, mode as Mode);
    }),
    ...JWT_MODES,
  },
  code_challenge_methods_supported: {
    async S256(world) {
      const client = await world.register("code");
      const { tokens } = await world.signIn(client);
      expect(tokens.access_token).toBeTypeOf("string");
      const { url } = await world.authorize(world.request(client), world.signedIn);
      const code = url.searchParams.get("code") ?? "";
      const parameters = { grant_type: "authorization_code", code, redirect_uri: CALLBACK };
      const wrong = await world.worker.token({ ...parameters, code_verifier: "w".repeat(43) }, client);
      expect(wrong).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
      expect(await errorOf(world, world.request(client, { code_challenge_method: "plain" }))).toBe("invalid_request");
    },
  },
  acr_values_supported: each(["1", "2"], async (world, acr) => {
    const client = await world.register("code");
    const browser = acr === "2" ? world.surelySignedIn : world.signedIn;
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: [acr, "1"] } } });
    const answer = await world.signIn(client, { browser, asked: { claims, acr_values: acr } });
    expect(answer.claims.acr).toBe(acr);
  }),
  prompt_values_supported: {
    async none(world) {
      const asked = world.request(await addTrusted(world), { prompt: "none" });
      expect((await world.authorize(asked, world.signedIn)).url.searchParams.get("code")).toBeTruthy();
      expect(await errorOf(world, asked, world.browser())).toBe("login_required");
    },
    async login(world) {
      expect((await pageOf(world, "login")).text).toContain('id="login-form"');
    },
    async consent(world) {
      expect((await pageOf(world, "consent")).text).toContain('id="consent-form"');
    },
    async select_account(world) {
      expect((await pageOf(world, "select_account")).text).toContain('id="login-form"');
    },
    async create(world) {
      expect((await pageOf(world, "create")).text).toContain('id="register-form"');
    },
  },
  authorization_response_iss_parameter_supported: {
    async true(world) {
      const client = await world.register("code");
      for (const prompt of [undefined, "none login"]) {
        const { url } = await world.authorize(world.request(client, { prompt }), world.signedIn);
        expect([prompt === undefined, url.searchParams.has("error"), url.searchParams.get("iss")]).toEqual([
          url.searchParams.has("code"),
          prompt !== undefined,
          world.issuer,
        ]);
      }
    },
  },
  claims_parameter_supported: {
    async true(world) {
      const claims = JSON.stringify({ userinfo: { nickname: null }, id_token: { birthdate: { essential: true } } });
      const answer = await world.signIn(await world.register("code"), { asked: { claims } });
      expect(answer.claims).toMatchObject({ birthdate: "1815-12-10" });
      expect(await world.userinfo(answer.tokens.access_token)).toEqual({ sub: answer.sub, nickname: "ada" });
    },
  },
  request_parameter_supported: {
    async true(world) {
      const key = await makeKey("RS256");
      const client = await world.register("code", { jwks: { keys: [key.jwk] }, request_object_signing_alg: "RS256" });
      const party = await openid.discovery(new URL(world.issuer), client.id, client.secret);
      const parameters = world.request(client) as Record<string, string>;
      const url = await openid.buildAuthorizationUrlWithJAR(party, parameters, { key: key.privateKey, kid: key.kid });
      const page = await world.authorize(Object.fromEntries(url.searchParams), world.signedIn);
      await redeem(world, client, answerBy("query", page).code ?? "");
    },
  },
  request_object_signing_alg_values_supported: each(
    ["RS256", "PS256", "ES256", "EdDSA", "none"],
    async (world, alg) => {
      const key = alg === "none" ? undefined : await makeKey(alg);
      const jwks = key === undefined ? {} : { jwks: { keys: [key.jwk] } };
      const client = await world.register("code", { ...jwks, request_object_signing_alg: alg });
      const claims = world.request(client, { state: "inside" });
      const request =
        key === undefined
          ? new UnsecuredJWT(claims).encode()
          : await signWith(key, { ...claims, iss: client.id, aud: world.issuer });
      const page = await world.authorize({ ...world.request(client, { state: "outside" }), request }, world.signedIn);
      const answer = answerBy("query", page);
      expect(answer.state).toBe("inside");
      await redeem(world, client, answer.code ?? "");
    },
  ),
  ...Object.fromEntries(
    ["request_uri_parameter_supported", "require_request_uri_registration"].map((member) => [
      member,
      {
        async true(world: CallWorld) {
          const published = world.address.publish("", "application/jwt");
          const client = await world.register("code", { request_uris: [published.url] });
          published.replace(new UnsecuredJWT(world.request(client, { state: "inside" })).encode());
          const asked = world.request(client, { state: undefined, request_uri: published.url });
          expect(answerBy("query", await world.authorize(asked, world.signedIn)).state).toBe("inside");
          const other = world.request(client, { request_uri: `${published.url}?other` });
          expect(await errorOf(world, other)).toBe("invalid_request_uri");
        },
      },
    ]),
  ),
};
