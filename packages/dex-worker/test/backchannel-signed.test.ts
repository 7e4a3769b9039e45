// Signed authentication requests, CIBA Core §7.1.1.
import { queryDatabase } from "@dex/testing";
import { UnsecuredJWT } from "jose";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makeBackchannelWorld } from "./backchannel-world.ts";
import { makeKey, signWith, type TestKey } from "./discovery-calls/client-keys.ts";
import { openTestWorker, PERSON, type TestClient, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let world: ReturnType<typeof makeBackchannelWorld>;
let key: TestKey;
let client: TestClient;
let strangerKey: TestKey;
beforeAll(async () => {
  worker = await openTestWorker();
  world = makeBackchannelWorld(worker);
  [key, strangerKey] = await Promise.all([makeKey("PS256"), makeKey("PS256")]);
  client = await addSigner(key);
});
afterAll(() => worker.close());
beforeEach(() => queryDatabase(worker.databaseUrl, "DELETE FROM attempt_count"));

const addSigner = ({ alg, jwk }: TestKey) =>
  world.addCaller({ details: { backchannel_authentication_request_signing_alg: alg, jwks: { keys: [jwk] } } });

let counter = 0;
function claims(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  counter += 1;
  const now = Math.floor(Date.now() / 1000);
  const asked = { scope: "openid", login_hint: PERSON.email, requested_expiry: 120, binding_message: "42" };
  const jwt = { iss: client.id, aud: worker.issuer, iat: now, nbf: now, exp: now + 60, jti: `jti ${counter}` };
  return { ...jwt, ...asked, ...changes };
}
const now = () => Math.floor(Date.now() / 1000);

test("a signed request is answered, with numbers as numbers or text (cert 13 ciba signed request)", async () => {
  for (const requested_expiry of [120, "120"]) {
    const answer = await world.askExactly(client, { request: await signWith(key, claims({ requested_expiry })) });
    expect(answer).toMatchObject({ status: 200, body: { expires_in: 120 } });
  }
});

test.each(["iss", "aud", "exp", "iat", "nbf", "jti"])(
  "without %s it is refused (cert 13 ciba signed request)",
  async (name) => {
    const request = await signWith(key, claims({ [name]: undefined }));
    expect((await world.askExactly(client, { request })).body).toMatchObject({ error: "invalid_request" });
  },
);

test.each<[string, () => Record<string, unknown>]>([
  ["another iss", () => ({ iss: "somebody" })],
  ["another aud", () => ({ aud: "https://other.example" })],
  ["an exp that is over", () => ({ exp: now() - 1 })],
  ["an iat to come", () => ({ iat: now() + 75 })],
  ["an nbf to come", () => ({ nbf: now() + 75 })],
  ["an nbf long ago", () => ({ nbf: now() - 3700 })],
  ["an exp in two hours", () => ({ exp: now() + 7200 })],
  ["an exp in text", () => ({ exp: "soon" })],
  ["an empty jti", () => ({ jti: "" })],
  ["no hint", () => ({ login_hint: undefined })],
  ["two hints", () => ({ id_token_hint: "x" })],
  ["a hint that is an object", () => ({ login_hint: { email: PERSON.email } })],
])("with %s it is refused (cert 13 ciba signed request)", async (_, changes) => {
  const request = await signWith(key, claims(changes()));
  expect(await world.askExactly(client, { request })).toMatchObject({
    status: 400,
    body: { error: "invalid_request" },
  });
});

test("with another client's signature, another algorithm or none it is refused (cert 13 ciba signed request)", async () => {
  const rsa = await makeKey("RS256");
  const other = await addSigner(strangerKey);
  const requests = [
    await signWith({ ...strangerKey, kid: key.kid }, claims()),
    await signWith(rsa, claims()),
    new UnsecuredJWT(claims()).encode(),
    await signWith(key, claims({ iss: other.id })),
  ];
  for (const request of requests) {
    expect((await world.askExactly(client, { request })).body).toMatchObject({ error: "invalid_request" });
  }
  expect((await world.askExactly(other, { request: await signWith(key, claims()) })).status).toBe(400);
});

test("it counts once, also of many at the same moment", async () => {
  const request = await signWith(key, claims());
  const answers = await Promise.all(Array.from({ length: 6 }, () => world.askExactly(client, { request })));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
});

test("parameters beside it are refused, and so is an unsigned request of a client that signs", async () => {
  const request = await signWith(key, claims());
  expect((await world.askExactly(client, { request, login_hint: PERSON.email })).status).toBe(400);
  expect((await world.ask(client)).body.error).toBe("invalid_request");
});
