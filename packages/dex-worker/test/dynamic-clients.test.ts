// Clients that register for every way to be answered, as a tester of OpenID Connect does before each of its tests.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

const initialToken = randomBytes(32).toString("base64");
const registrable = ["--enable-client-registration", `--client-registration-tokens=${initialToken}`];

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker([...registrable, "--enable-front-channel-tokens"]);
});
afterAll(() => worker.close());

const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwks = { keys: [{ ...publicKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "tester-1" }] };
const CALLBACK = "https://tester.example/test/a/dex/callback";

function register(metadata: object, on = worker): Promise<Response> {
  return fetch(`${on.issuer}/registration`, {
    method: "POST",
    headers: { Authorization: `Bearer ${initialToken}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      client_name: "tester WP3YCmZ2hb",
      redirect_uris: [CALLBACK],
      contacts: ["tester@example.com"],
      jwks,
      ...metadata,
    }),
  });
}

const both = ["authorization_code", "implicit"];
const asked = [
  { response_types: ["code"], grant_types: ["authorization_code"] },
  { response_types: ["code"], grant_types: ["authorization_code", "refresh_token"] },
  { response_types: ["id_token"], grant_types: ["implicit"] },
  { response_types: ["id_token token"], grant_types: ["implicit"] },
  { response_types: ["code id_token"], grant_types: both },
  { response_types: ["code token"], grant_types: both },
  { response_types: ["code id_token token"], grant_types: both },
  { token_endpoint_auth_method: "client_secret_basic" },
  { token_endpoint_auth_method: "client_secret_post" },
  { token_endpoint_auth_method: "private_key_jwt", token_endpoint_auth_signing_alg: "RS256" },
  { id_token_signed_response_alg: "RS256" },
  { userinfo_signed_response_alg: "RS256" },
  { redirect_uris: [`${CALLBACK}?dummy1=lorem&dummy2=ipsum`] },
  { jwks: undefined, jwks_uri: "https://tester.example/jwks" },
  { request_uris: [`https://tester.example/request#${"a".repeat(43)}`], request_object_signing_alg: "RS256" },
  { request_object_signing_alg: "none" },
  { subject_type: "pairwise" },
  { post_logout_redirect_uris: ["https://tester.example/out"] },
  { frontchannel_logout_uri: "https://tester.example/front", frontchannel_logout_session_required: true },
  { backchannel_logout_uri: "https://tester.example/back", backchannel_logout_session_required: true },
  { default_max_age: 1, require_auth_time: true, default_acr_values: ["gold"] },
];
test.each(asked)("%o is registered, answered back, and deleted (RFC 7591 §3.2.1, RFC 7592 §2.3)", async (metadata) => {
  const response = await register(metadata);
  expect([response.status, response.headers.get("content-type")]).toEqual([
    201,
    expect.stringMatching("^application/json"),
  ]);
  const answer = (await response.json()) as Record<string, unknown>;
  const { jwks: _none, ...given } = metadata as { jwks?: unknown };
  expect(answer).toMatchObject({ ...given, client_id: expect.any(String), client_secret_expires_at: 0 });
  const signs = "token_endpoint_auth_method" in metadata && metadata.token_endpoint_auth_method === "private_key_jwt";
  expect("client_secret" in answer).toBe(!signs);
  const { registration_client_uri: url, registration_access_token: token } = answer;
  const headers = { Authorization: `Bearer ${String(token)}` };
  expect((await fetch(String(url), { headers })).status).toBe(200);
  expect((await fetch(String(url), { method: "DELETE", headers })).status).toBe(204);
});

test("where tokens must not travel with the browser no client registers for it (TOK-14)", async () => {
  const strict = await openTestWorker(registrable);
  try {
    expect((await register({ response_types: ["code"] }, strict)).status).toBe(201);
    for (const wanted of asked.filter(({ grant_types }) => grant_types?.includes("implicit"))) {
      const response = await register(wanted, strict);
      expect([response.status, await response.json()]).toEqual([
        400,
        {
          error: "invalid_client_metadata",
          error_description: expect.stringContaining("response_types: supported: code"),
        },
      ]);
    }
    const discovery = await fetch(`${strict.issuer}/.well-known/openid-configuration`);
    expect(await discovery.json()).toMatchObject({
      response_types_supported: ["code"],
      grant_types_supported: expect.not.arrayContaining(["implicit"]),
    });
  } finally {
    await strict.close();
  }
});
