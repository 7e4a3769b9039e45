import { Secret, sha256, systemRandom } from "@dex/runtime";
import { expect, test } from "vitest";
import {
  BearerTokenMissing,
  type Client,
  makeRegistrationEndpoint,
  RESPONSE_TYPES,
  supportedWith,
} from "../src/index.ts";
import { later, makeFailureCounter, now } from "./fakes.ts";
import { refusalOf } from "./token-endpoint.ts";

const tokens = [Buffer.alloc(32, 3), Buffer.alloc(32, 0xfe)];
const good = tokens.map((token) => `Bearer ${token.toString("base64")}`);
const minimal = { redirect_uris: ["https://app.example.com/cb"] };

function setUp(withoutToken: "refused" | "allowed" = "refused") {
  const stored: Client[] = [];
  const endpoint = makeRegistrationEndpoint({
    url: "https://id.example/dex/registration",
    supported: supportedWith(RESPONSE_TYPES),
    fetchDocument: async () => expect.fail("nothing is to be fetched"),
    tokens: tokens.map((token) => new Secret(token)),
    withoutToken,
    failures: makeFailureCounter(),
    random: systemRandom,
    store: async (client) => {
      stored.push(client);
      return "created";
    },
  });
  let bodiesRead = 0;
  const register = (authorization: string | undefined, body: unknown = minimal, at = now, source = "192.0.2.1") =>
    endpoint.handle(
      {
        authorization,
        source,
        query: new URLSearchParams(),
        readBody: async () => {
          bodiesRead += 1;
          return body;
        },
      },
      at,
    );
  return { stored, register, bodiesRead: () => bodiesRead };
}

test.each(good)(
  "whoever holds an initial access token registers a client (DCR-1, RFC 7591 §3.2.1, v1 G02)",
  async (token) => {
    const { register, stored } = setUp();
    const answer = await register(token, { ...minimal, client_name: "My App", scope: "openid email odd" });
    const [client] = stored;
    expect(answer).toEqual({
      client_id: client?.id,
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      client_id_issued_at: now.getTime() / 1000,
      client_secret_expires_at: 0,
      registration_client_uri: `https://id.example/dex/registration/${encodeURIComponent(client?.id ?? "")}`,
      registration_access_token: expect.stringMatching(/^[\w-]{43}$/),
      redirect_uris: minimal.redirect_uris,
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_basic",
      application_type: "web",
      subject_type: "public",
      id_token_signed_response_alg: "RS256",
      client_name: "My App",
      scope: "openid email",
    });
    expect(client).toMatchObject({
      name: "My App",
      dynamic: true,
      admin: false,
      trusted: false,
      trustedPeers: [],
      createdAt: now,
      secret: { kind: "sha256", hash: sha256(String(answer.client_secret)) },
    });
  },
);

test("a public client gets no secret", async () => {
  const { register, stored } = setUp();
  const answer = await register(good[0], { token_endpoint_auth_method: "none", client_name: "My CLI" });
  expect(answer).not.toHaveProperty("client_secret");
  expect(answer).toMatchObject({ client_secret_expires_at: 0, redirect_uris: [], token_endpoint_auth_method: "none" });
  expect(answer.client_id).toMatch(/^[\w-]{43}@My-CLI$/);
  expect(stored).toMatchObject([{ public: true, requirePkce: true, secret: undefined }]);
});

const base64 = tokens[0]?.toString("base64") ?? "";
const wrong = [
  `Bearer ${Buffer.alloc(32, 4).toString("base64")}`,
  `Bearer ${base64}AAAA`,
  `Bearer ${base64.slice(0, -2)}`,
  `Bearer ${base64.slice(0, -2)}A=`,
  "Bearer AAAA",
  "Bearer",
  "Bearer ",
  `Bearer ${base64} ${base64}`,
  `Bearer ${"A".repeat(20_000)}`,
];
test.each(wrong)("%.60s is no initial access token, and the body is not even read (DCR-1)", async (authorization) => {
  const { register, stored, bodiesRead } = setUp();
  expect(await refusalOf(register(authorization))).toMatchObject({ code: "invalid_token", status: 401 });
  expect([stored.length, bodiesRead()]).toEqual([0, 0]);
});

test.each([undefined, `Basic ${base64}`, base64])(
  "the header %s brings no token: closed by default (DCR-1)",
  async (header) => {
    const { register, stored } = setUp();
    const refusal = await refusalOf(register(header));
    expect(refusal).toBeInstanceOf(BearerTokenMissing);
    expect([refusal.status, stored.length]).toEqual([401, 0]);
  },
);

test("after 20 wrong tokens in a minute a source is refused, right token or not; others are not (DCR-1)", async () => {
  const { register } = setUp();
  for (let attempt = 0; attempt < 20; attempt += 1) await refusalOf(register(wrong[0]));
  expect(await refusalOf(register(good[0]))).toMatchObject({ code: "too_many_requests", status: 429 });
  expect(await register(good[0], minimal, now, "192.0.2.2")).toHaveProperty("client_id");
  expect(await register(good[0], minimal, later(61))).toHaveProperty("client_id");
});

test("where anybody may register, a source may do so 20 times in an hour, and with a token without end", async () => {
  const { register } = setUp("allowed");
  for (let attempt = 0; attempt < 20; attempt += 1) {
    expect(await register(attempt % 2 === 0 ? undefined : "Bearer wrong")).toHaveProperty("client_id");
  }
  const refusal = await refusalOf(register(undefined));
  expect(refusal).toMatchObject({ code: "too_many_requests", retryAfterSeconds: expect.any(Number) });
  expect(await register(good[0])).toHaveProperty("client_id");
  expect(await register(undefined, minimal, now, "192.0.2.2")).toHaveProperty("client_id");
  expect(await register(undefined, minimal, later(3601))).toHaveProperty("client_id");
});
