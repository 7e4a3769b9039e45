import { generateKeyPairSync } from "node:crypto";
import type { JsonObject } from "@dex/runtime";
import { expect, test } from "vitest";
import type { ClientDetails } from "./client-details.ts";
import { encryptionProblemIn, findEncryptionKey, idTokenEncryptionOf, userinfoEncryptionOf } from "./encryption-key.ts";

type KeyMembers = NonNullable<ClientDetails["jwks"]>["keys"][number];
const publicJwk = (pair: { publicKey: { export(options: { format: "jwk" }): unknown } }) =>
  pair.publicKey.export({ format: "jwk" }) as KeyMembers;

const rsaPair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const rsa = { ...publicJwk(rsaPair), kid: "rsa" };
const short = { ...publicJwk(generateKeyPairSync("rsa", { modulusLength: 1024 })), kid: "short" };
const small = { ...publicJwk(generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 })), kid: "small" };
const ec = { ...publicJwk(generateKeyPairSync("ec", { namedCurve: "P-256" })), kid: "ec" };
const x25519 = { ...publicJwk(generateKeyPairSync("x25519")), kid: "x" };
const ed25519 = { ...publicJwk(generateKeyPairSync("ed25519")), kid: "ed" };

const choices: readonly { when: string; keys: readonly JsonObject[]; alg: "RSA-OAEP-256" | "ECDH-ES"; kid: string }[] =
  [
    { when: "it is the only one of the type", keys: [ec, rsa], alg: "RSA-OAEP-256", kid: "rsa" },
    { when: "it is the only one of the type", keys: [rsa, ec], alg: "ECDH-ES", kid: "ec" },
    { when: "it says more than is known", keys: [{ ...rsa, note: [1] }], alg: "RSA-OAEP-256", kid: "rsa" },
    { when: "it agrees on a key by X25519", keys: [rsa, ed25519, x25519], alg: "ECDH-ES", kid: "x" },
    {
      when: "another is for signatures",
      keys: [
        { ...rsa, use: "sig" },
        { ...rsa, kid: "2" },
      ],
      alg: "RSA-OAEP-256",
      kid: "2",
    },
    { when: "it alone says enc", keys: [rsa, { ...rsa, kid: "2", use: "enc" }], alg: "RSA-OAEP-256", kid: "2" },
    {
      when: "another is for another algorithm",
      keys: [
        { ...rsa, alg: "RSA-OAEP" },
        { ...rsa, kid: "2", alg: "RSA-OAEP-256" },
      ],
      alg: "RSA-OAEP-256",
      kid: "2",
    },
    {
      when: "another may only verify",
      keys: [
        { ...rsa, key_ops: ["verify"] },
        { ...rsa, kid: "2", key_ops: ["wrapKey"] },
      ],
      alg: "RSA-OAEP-256",
      kid: "2",
    },
  ];
test.each(choices)("of a client's keys $kid is taken for $alg when $when (RFC 7517 §4)", ({ keys, alg, kid }) => {
  expect(findEncryptionKey(keys, alg)?.kid).toBe(kid);
});

const privateRsa = { ...(rsaPair.privateKey.export({ format: "jwk" }) as KeyMembers), kid: "private" };
const unusable = [
  { when: "there is none", keys: [], says: "jwks holds none" },
  { when: "it is for signatures", keys: [{ ...rsa, use: "sig" }], says: 'key "rsa" is not for encryption' },
  { when: "it is of another type", keys: [ec], says: 'key "ec" is of another type' },
  { when: "it is short (JWT-6)", keys: [short], says: 'key "short" is shorter than 2048 bits' },
  { when: "its exponent is small (JWT-6)", keys: [small], says: 'key "small" has a small exponent' },
  { when: "it is the private one", keys: [privateRsa], says: 'key "private" holds what only the client may know' },
  { when: "it is no key", keys: [{ kty: "RSA", n: "AQAB" }], says: "key number 1 is not a key" },
];
test.each(unusable)("encryption to a client is refused by the key's name when $when", ({ keys, says }) => {
  for (const kind of ["id_token", "userinfo"]) {
    const details: ClientDetails = { [`${kind}_encrypted_response_alg`]: "RSA-OAEP-256", jwks: { keys } };
    const problem = encryptionProblemIn(details);
    expect(problem?.member).toBe("jwks");
    expect(problem?.reason).toContain(says);
  }
});

test("encryption needs keys, and enc needs alg (OIDC Registration §2)", () => {
  expect(encryptionProblemIn({ id_token_encrypted_response_alg: "ECDH-ES" })?.reason).toContain("at jwks_uri");
  expect(encryptionProblemIn({ userinfo_encrypted_response_enc: "A128GCM" })).toMatchObject({
    member: "userinfo_encrypted_response_enc",
  });
  const jwks_uri = "https://a.example/keys";
  expect(encryptionProblemIn({ id_token_encrypted_response_alg: "ECDH-ES", jwks_uri })).toBeUndefined();
  expect(encryptionProblemIn({ id_token_encrypted_response_alg: "ECDH-ES", jwks: { keys: [ec] } })).toBeUndefined();
  expect(encryptionProblemIn({})).toBeUndefined();
});

test("the content is A128CBC-HS256 where the client names nothing else (OIDC Registration §2)", () => {
  expect(idTokenEncryptionOf({ id_token_encrypted_response_alg: "ECDH-ES" })).toEqual({
    alg: "ECDH-ES",
    enc: "A128CBC-HS256",
  });
  const details = { userinfo_encrypted_response_alg: "ECDH-ES", userinfo_encrypted_response_enc: "A256GCM" } as const;
  expect(userinfoEncryptionOf(details)).toEqual({ alg: "ECDH-ES", enc: "A256GCM" });
  expect(idTokenEncryptionOf(details)).toBeUndefined();
});
