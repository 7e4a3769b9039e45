import { sha256 } from "@dex/runtime";
import { expect, test } from "vitest";
import { makeClientKey } from "../../test/client-jwts.ts";
import { now } from "../../test/fakes.ts";
import type { ClientDetails } from "../clients/client-details.ts";
import { parseNewClient } from "../clients/client-metadata.ts";
import { makeClient } from "../clients/make-client.ts";
import { keyProblemIn } from "./key-metadata.ts";

const rsa = { keys: [makeClientKey("RS256", "one").jwk] } as NonNullable<ClientDetails["jwks"]>;
const shared = { keys: [{ kty: "oct", k: "AAAA" }] };
const leaked = { keys: [{ ...rsa.keys[0], d: "AAAA" }] };
const uri = "https://a.example/jwks";
const jwt = { token_endpoint_auth_method: "private_key_jwt" } as const;

const fitting: ClientDetails[] = [
  {},
  { jwks: rsa },
  { ...jwt, jwks: rsa },
  { ...jwt, jwks_uri: uri },
  { ...jwt, jwks: rsa, token_endpoint_auth_signing_alg: "PS256" },
  { token_endpoint_auth_method: "client_secret_post" },
  { token_endpoint_auth_method: "client_secret_jwt" },
  { token_endpoint_auth_method: "client_secret_jwt", token_endpoint_auth_signing_alg: "HS384" },
  { request_object_signing_alg: "none" },
  { request_object_signing_alg: "RS256", jwks: rsa },
  { request_object_signing_alg: "ES256", jwks_uri: uri },
];
test.each(fitting)("%j fits together (OIDC Registration §2)", (details) => {
  expect(keyProblemIn(details, false)).toBeUndefined();
});

const contradictions: { details: ClientDetails; member: string; isPublic?: boolean }[] = [
  { details: { jwks: rsa, jwks_uri: uri }, member: "jwks" },
  { details: { jwks: shared }, member: "jwks" },
  { details: { jwks: leaked }, member: "jwks" },
  { details: jwt, member: "token_endpoint_auth_method" },
  { details: { ...jwt, jwks: { keys: [] } }, member: "token_endpoint_auth_method" },
  { details: { ...jwt, jwks: rsa, token_endpoint_auth_signing_alg: "ES256" }, member: "token_endpoint_auth_method" },
  {
    details: { ...jwt, jwks: rsa, token_endpoint_auth_signing_alg: "HS256" },
    member: "token_endpoint_auth_signing_alg",
  },
  { details: { token_endpoint_auth_signing_alg: "RS256" }, member: "token_endpoint_auth_signing_alg" },
  {
    details: { token_endpoint_auth_method: "client_secret_jwt", token_endpoint_auth_signing_alg: "RS256", jwks: rsa },
    member: "token_endpoint_auth_signing_alg",
  },
  {
    details: { token_endpoint_auth_method: "client_secret_basic", token_endpoint_auth_signing_alg: "HS256" },
    member: "token_endpoint_auth_signing_alg",
  },
  {
    details: { token_endpoint_auth_method: "client_secret_jwt" },
    isPublic: true,
    member: "token_endpoint_auth_method",
  },
  { details: { token_endpoint_auth_method: "none" }, member: "token_endpoint_auth_method" },
  { details: { ...jwt, jwks: rsa }, isPublic: true, member: "token_endpoint_auth_method" },
  { details: { request_object_signing_alg: "RS256" }, member: "request_object_signing_alg" },
  { details: { request_object_signing_alg: "ES256", jwks: rsa }, member: "request_object_signing_alg" },
];
test.each(contradictions)("$member is at fault in $details (OIDC Registration §2)", ({ details, member, isPublic }) => {
  expect(keyProblemIn(details, isPublic ?? false)).toMatchObject({ member });
});

test("a client that signs is made without a secret, and chooses none (TOK-17)", async () => {
  const input = { redirectURIs: ["https://a.example/cb"], details: { ...jwt, jwks: rsa } };
  const decision = parseNewClient(input);
  if (decision.kind === "refused") return expect.fail(decision.reason);
  const random = (bytes: number) => Buffer.alloc(bytes, 1);
  const made = await makeClient(decision.metadata, { random, now, hashChosenSecret: async () => "" });
  expect(made).toMatchObject({ secret: undefined, client: { secret: undefined, public: false } });
  expect(parseNewClient({ ...input, secret: "a-secret-of-mine-0" })).toMatchObject({ kind: "refused" });
});

test("a client that makes MACs gets a generated secret that fits every one of them, sealed; it chooses none (TOK-17, RFC 7518 §3.2)", async () => {
  const details = { token_endpoint_auth_method: "client_secret_jwt" };
  const input = { id: "macs", redirectURIs: ["https://a.example/cb"], details };
  const decision = parseNewClient(input);
  if (decision.kind === "refused") return expect.fail(decision.reason);
  const random = (bytes: number) => Buffer.alloc(bytes, 1);
  const parts = { random, now, hashChosenSecret: async () => "" };
  const sealed = (id: string, secret: string) => Buffer.from(`${id} ${secret}`);
  const made = await makeClient(decision.metadata, { ...parts, sealSecret: sealed });
  const secret = made.secret?.reveal() ?? "";
  expect(Buffer.byteLength(secret)).toBe(64);
  expect(made.client).toMatchObject({
    secret: { kind: "sha256", hash: sha256(secret) },
    firstSecret: { sealed: Buffer.from(`macs ${secret}`) },
  });
  await expect(makeClient(decision.metadata, parts)).rejects.toThrow("sealed");
  expect(parseNewClient({ ...input, secret: "a-secret-of-mine-0" })).toMatchObject({ kind: "refused" });
});

test("of a client that shows its secret only the hash is kept (TOK-17)", async () => {
  const decision = parseNewClient({ redirectURIs: ["https://a.example/cb"] });
  if (decision.kind === "refused") return expect.fail(decision.reason);
  const sealSecret = () => expect.fail("nothing is to be sealed");
  const random = (bytes: number) => Buffer.alloc(bytes, 1);
  const { client } = await makeClient(decision.metadata, { random, now, hashChosenSecret: async () => "", sealSecret });
  expect(client).not.toHaveProperty("firstSecret");
});
