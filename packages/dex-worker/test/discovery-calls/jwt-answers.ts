// Answers of the authorization endpoint in a JWT, JARM.
import { compactDecrypt, decodeProtectedHeader } from "jose";
import { expect } from "vitest";
import type { Members, Registered } from "../dynamic-world.ts";
import { answerBy, type CallWorld, each, type MemberCalls, type Mode } from "./call-world.ts";
import { makeKey } from "./client-keys.ts";

/** Asks by this mode for a type, and gives the JWT, which is all that may come. */
async function askForJwt(
  world: CallWorld,
  client: Registered,
  response_mode: string,
  response_type = "code",
): Promise<string> {
  const page = await world.authorize(world.request(client, { response_mode, response_type }), world.signedIn);
  const [place = ""] =
    response_mode === "jwt" ? [response_type === "code" ? "query" : "fragment"] : response_mode.split(".");
  const { response = "", ...more } = answerBy(place as Mode, page);
  expect(more).toEqual({});
  return response;
}

async function proveJwt(world: CallWorld, client: Registered, jwt: string): Promise<void> {
  const claims = await world.verified(jwt, client);
  expect(claims).toMatchObject({ state: "s-1", code: expect.any(String), exp: expect.any(Number) });
}

/** The modes that put the answer into a JWT. */
export const JWT_MODES: MemberCalls = each(
  ["jwt", "query.jwt", "fragment.jwt", "form_post.jwt"],
  async (world, mode) => {
    for (const type of ["code", ...(mode === "query.jwt" ? [] : ["code id_token"])]) {
      const client = await world.register(type);
      await proveJwt(world, client, await askForJwt(world, client, mode, type));
    }
  },
);

const sealed =
  (of: (value: string) => { readonly alg: string; readonly enc: string }) =>
  async (world: CallWorld, value: string): Promise<void> => {
    const { alg, enc } = of(value);
    const key = await makeKey(alg);
    const wishes: Members = { authorization_encrypted_response_alg: alg, authorization_encrypted_response_enc: enc };
    const metadata = { authorization_signed_response_alg: "RS256", ...wishes, jwks: { keys: [key.jwk] } };
    const client = await world.register("code", metadata);
    const jwe = await askForJwt(world, client, "jwt");
    expect(decodeProtectedHeader(jwe)).toMatchObject({ alg, enc, kid: key.kid });
    const { plaintext } = await compactDecrypt(jwe, key.privateKey);
    await proveJwt(world, client, Buffer.from(plaintext).toString());
  };

export const JWT_ANSWER_CALLS: Readonly<Record<string, MemberCalls>> = {
  authorization_signing_alg_values_supported: each(["RS256", "ES256", "EdDSA"], async (world, alg) => {
    const client = await world.register("code", { authorization_signed_response_alg: alg });
    const jwt = await askForJwt(world, client, "jwt");
    expect(decodeProtectedHeader(jwt).alg).toBe(alg);
    await proveJwt(world, client, jwt);
  }),
  authorization_encryption_alg_values_supported: each(
    ["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"],
    sealed((alg) => ({ alg, enc: "A128CBC-HS256" })),
  ),
  authorization_encryption_enc_values_supported: each(
    ["A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM"],
    sealed((enc) => ({ alg: "ECDH-ES", enc })),
  ),
};
