// Deployments that hold every client to FAPI 2 that registers itself.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Key, type Members, makeKey } from "./dpop-world.ts";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

const token = randomBytes(32).toString("base64");
const open = (...flags: string[]) =>
  openTestWorker(["--enable-client-registration", `--client-registration-tokens=${token}`, ...flags]);

let key: Key;
let worker: TestWorker;
beforeAll(async () => {
  key = await makeKey();
  worker = await open("--registration-profile=fapi2");
});
afterAll(() => worker?.close());

async function send(url: string, method: string, bearer: string, body: unknown) {
  const headers = { Authorization: `Bearer ${bearer}`, "Content-Type": "application/json" };
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const metadataWith = (more: Members = {}): Members => ({
  redirect_uris: ["https://rp.example/cb"],
  jwks: { keys: [{ ...key.jwk, kid: "one", alg: "ES256" }] },
  ...more,
});
const register = (more?: Members) => send(`${worker.issuer}/registration`, "POST", token, metadataWith(more));

test("who says nothing of it has the profile, and what follows from that (DCR-2)", async () => {
  const { status, body } = await register();
  expect([status, body]).toEqual([
    201,
    expect.objectContaining({
      ...{ profile: "fapi2", token_endpoint_auth_method: "private_key_jwt", id_token_signed_response_alg: "ES256" },
    }),
  ]);
  const stored = await worker.storage.clients.find(String(body.client_id));
  expect(stored?.details.profile).toBe("fapi2");
});

test("who wants one that demands more has that", async () => {
  expect((await register({ profile: "fapi2-message-signing" })).body.profile).toBe("fapi2-message-signing");
});

const contradictions: readonly (readonly [string, Members])[] = [
  ["a secret", { token_endpoint_auth_method: "client_secret_basic" }],
  ["no authentication", { token_endpoint_auth_method: "none" }],
  ["no key", { jwks: undefined }],
  ["RS256", { id_token_signed_response_alg: "RS256" }],
  ["requests that are not pushed", { require_pushed_authorization_requests: false }],
  ["the device grant", { grant_types: ["urn:ietf:params:oauth:grant-type:device_code"] }],
  ["another profile", { profile: "fapi-unknown" }],
  ["no profile in so many words", { profile: null }],
  ["an application on a device", { redirect_uris: ["http://127.0.0.1/cb"], application_type: "native" }],
];
test.each(contradictions)("%s is refused (DCR-2)", async (_what, more) => {
  const { status, body } = await register(more);
  const error = "redirect_uris" in more ? "invalid_redirect_uri" : "invalid_client_metadata";
  expect([status, body.error]).toEqual([400, error]);
});

describe("an update", () => {
  const update = async (registered: Record<string, unknown>, more: Members) => {
    const { client_id, registration_client_uri: url, registration_access_token: own } = registered;
    return send(String(url), "PUT", String(own), { ...metadataWith(), client_id, ...more });
  };
  const method = { token_endpoint_auth_method: "private_key_jwt" };

  test("does not leave the profile, however it is asked (DCR-2)", async () => {
    const { body: registered } = await register();
    for (const more of [{ ...method, profile: "fapi-unknown" }, { token_endpoint_auth_method: "none" }]) {
      const { status, body } = await update(registered, more);
      expect([status, body.error]).toEqual([400, "invalid_client_metadata"]);
    }
    const { status, body } = await update(registered, { ...method, profile: null });
    expect([status, body.profile]).toEqual([200, "fapi2"]);
    const stricter = await update(body, { ...method, profile: "fapi2-message-signing" });
    expect(stricter.body.profile).toBe("fapi2-message-signing");
    expect((await update(stricter.body, method)).body.error).toBe("invalid_client_metadata");
  });
});

test("without the flag a client has the profile that it asks for, or none", async () => {
  const lax = await open();
  try {
    const registration = `${lax.issuer}/registration`;
    expect((await send(registration, "POST", token, metadataWith())).body).not.toHaveProperty("profile");
    const asked = await send(registration, "POST", token, metadataWith({ profile: "fapi2" }));
    expect(asked.body.profile).toBe("fapi2");
  } finally {
    await lax.close();
  }
});
