// Clients that sign an assertion and a DPoP proof: each is used up by the first request that shows it, whatever becomes of it.
import { SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Key, makeDpopRequests, makeKey } from "./dpop-world.ts";
import { openTestWorker, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

type Form = Readonly<Record<string, string>>;

let worker: TestWorker;
let key: Key;
let client: TestClient;
let pushing: TestClient;
let requests: ReturnType<typeof makeDpopRequests>;
beforeAll(async () => {
  worker = await openTestWorker();
  requests = makeDpopRequests(worker);
  key = await makeKey();
  const jwks = { keys: [{ ...key.jwk, kid: "one", alg: "ES256", use: "sig" }] };
  const details = { jwks, token_endpoint_auth_method: "private_key_jwt" as const };
  client = await worker.addClient({ trusted: true, grantTypes: ["client_credentials"], details });
  pushing = await worker.addClient({ trusted: true, grantTypes: ["authorization_code"], details });
});
afterAll(() => worker.close());

async function asserting({ id } = client): Promise<Form> {
  const claims = { iss: id, sub: id, aud: worker.issuer, jti: crypto.randomUUID() };
  const jwt = new SignJWT(claims).setIssuedAt().setExpirationTime("5m");
  return {
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: await jwt.setProtectedHeader({ alg: "ES256", kid: "one" }).sign(key.privateKey),
  };
}

const ask = async (assertion: Form, proofs: readonly string[], more: Form = {}) => {
  const form = { grant_type: "client_credentials", client_id: client.id, ...assertion, ...more };
  const { status, body } = await requests.post(form, proofs, { ...client, secret: "" });
  return status === 200 ? "tokens" : body.error;
};
const count = (answers: readonly string[]) =>
  Object.fromEntries([...new Set(answers)].toSorted().map((one) => [one, answers.filter((two) => two === one).length]));

test("of ten equal requests at once one gets tokens (TOK-10, DPO-1)", async () => {
  const [assertion, proof] = [await asserting(), await requests.prove(key)];
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(assertion, [proof])));
  expect(count(answers)).toEqual({ tokens: 1, invalid_client: 9 });
});

test("of ten with one assertion and a proof each one gets tokens, and no other uses up its proof (TOK-10)", async () => {
  const assertion = await asserting();
  const proofs = await Promise.all(Array.from({ length: 10 }, () => requests.prove(key)));
  const answers = await Promise.all(proofs.map((proof) => ask(assertion, [proof])));
  expect(count(answers)).toEqual({ tokens: 1, invalid_client: 9 });
  const again = await Promise.all(proofs.map(async (proof) => ask(await asserting(), [proof])));
  expect(count(again)).toEqual({ tokens: 9, invalid_dpop_proof: 1 });
});

test("of ten with one proof and an assertion each one gets tokens, and all assertions are used up (DPO-1)", async () => {
  const proof = await requests.prove(key);
  const assertions = await Promise.all(Array.from({ length: 10 }, () => asserting()));
  const answers = await Promise.all(assertions.map((assertion) => ask(assertion, [proof])));
  expect(count(answers)).toEqual({ tokens: 1, invalid_dpop_proof: 9 });
  const again = await Promise.all(assertions.map(async (assertion) => ask(assertion, [await requests.prove(key)])));
  expect(count(again)).toEqual({ invalid_client: 10 });
});

test("a pushed request uses up both, and its assertion also where the proof is not good (TOK-10, DPO-1)", async () => {
  const form = { response_type: "code", redirect_uri: REDIRECT_URI, scope: "openid" };
  const push = async (assertion: Form, proof: string) => {
    const { status, body } = await requests.post(
      { ...form, ...assertion },
      [proof],
      { ...pushing, secret: "" },
      `${worker.issuer}/par`,
    );
    return status === 201 ? "pushed" : body.error;
  };
  const prove = () => requests.prove(key, { claims: { htu: `${worker.issuer}/par` } });
  const [assertion, proof] = [await asserting(pushing), await prove()];
  const answers = await Promise.all(Array.from({ length: 10 }, () => push(assertion, proof)));
  expect(count(answers)).toEqual({ pushed: 1, invalid_client: 9 });
  expect(await push(await asserting(pushing), proof)).toBe("invalid_dpop_proof");
  const spoiled = await asserting(pushing);
  expect(await push(spoiled, "x")).toBe("invalid_dpop_proof");
  expect(await push(spoiled, await prove())).toBe("invalid_client");
});

test.each<{ what: string; proofs: () => Promise<readonly string[]>; more?: Form; error: string }>([
  { what: "a proof that is none", proofs: async () => ["x"], error: "invalid_dpop_proof" },
  {
    what: "a proof for elsewhere",
    proofs: async () => [await requests.prove(key, { claims: { htu: "https://elsewhere.example/" } })],
    error: "invalid_dpop_proof",
  },
  {
    what: "a grant that the client may not use",
    proofs: async () => [await requests.prove(key)],
    more: { grant_type: "authorization_code", code: "x" },
    error: "unauthorized_client",
  },
  {
    what: "a scope that there is not, and no proof",
    proofs: async () => [],
    more: { scope: "\\" },
    error: "invalid_scope",
  },
])("beside $what an assertion is used up as well (TOK-10)", async ({ proofs, more, error }) => {
  const assertion = await asserting();
  expect(await ask(assertion, await proofs(), more)).toBe(error);
  expect(await ask(assertion, [await requests.prove(key)])).toBe("invalid_client");
  expect(await ask(await asserting(), [await requests.prove(key)])).toBe("tokens");
});
