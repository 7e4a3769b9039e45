import { sha256 } from "@dex/runtime";
import { describe, expect, test } from "vitest";
import { chosenSecrets, client, clientsOf, makeFailureCounter, makeSecretUpgrades, now } from "../../test/fakes.ts";
import { makeClientAuthentication } from "./client-authentication.ts";
import { decodeImportedSecret } from "./imported-secret.ts";
import type { ChosenSecretVerifier } from "./secret-ports.ts";

describe("the text of a secret from dex v1", () => {
  const texts = [
    { text: "ZXhhbXBsZS1hcHAtc2VjcmV0", hex: Buffer.from("example-app-secret").toString("hex") },
    { text: "AA==", hex: "00" },
    { text: "_4DDKAD-", hex: "ff80c32800fe" },
    { text: "A".repeat(96), hex: "00".repeat(72) },
    { text: "", hex: undefined },
    { text: "AA", hex: undefined },
    { text: "AB==", hex: undefined },
    { text: "AA== ", hex: undefined },
    { text: "/4DDKAD+", hex: undefined },
    { text: "A".repeat(100), hex: undefined },
    { text: "not base64url!", hex: undefined },
  ];
  test.each(texts)("$text stands for $hex", ({ text, hex }) => {
    expect(decodeImportedSecret(text)?.toString("hex")).toBe(hex);
  });
});

function setUp(bytes: Buffer, verifier: ChosenSecretVerifier = chosenSecrets) {
  const hash = `bcrypt of ${bytes.toString("hex")}`;
  const secretUpgrades = makeSecretUpgrades();
  const authentication = makeClientAuthentication({
    clients: clientsOf({ ...client, id: "imported", secret: { kind: "bcrypt", hash } }),
    failures: makeFailureCounter(),
    chosenSecrets: verifier,
    secretUpgrades,
  });
  const authenticate = (secret: string) =>
    authentication
      .authenticate(
        {
          authorization: undefined,
          body: new URLSearchParams({ client_id: "imported", client_secret: secret }),
          source: "::1",
        },
        now,
      )
      .then(
        ({ id }) => id,
        (error: unknown) => (error instanceof Error ? error.message : "?"),
      );
  return { authenticate, hash, upgrades: secretUpgrades.upgrades };
}

const random = Buffer.alloc(72, "\u0000\u00ff\u0080");
const word = Buffer.from("example-app-secret");
const padded = (bytes: Buffer) => bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");

test("a long random secret is kept as SHA-256 after its first use (v1 C14)", async () => {
  const { authenticate, hash, upgrades } = setUp(random);
  expect(await authenticate(padded(random))).toBe("imported");
  await expect.poll(() => upgrades).toEqual([["imported", hash, { kind: "sha256", hash: sha256(padded(random)) }]]);
});

test("a short secret is kept as argon2id after its first use (v1 C14)", async () => {
  const { authenticate, hash, upgrades } = setUp(word);
  expect(await authenticate(padded(word))).toBe("imported");
  await expect
    .poll(() => upgrades)
    .toEqual([["imported", hash, { kind: "argon2id", hash: `argon2id of ${padded(word)}` }]]);
});

test.each([
  ["another secret", padded(Buffer.from("example-app-secreT"))],
  ["trailing junk", `${padded(word)}x`],
  ["a tail behind the 72nd byte", padded(Buffer.concat([random, Buffer.from([1])]))],
  ["the decoded bytes themselves", "example-app-secret"],
  ["nothing", ""],
])("%s does not authenticate and upgrades nothing (v1 C14)", async (_, secret) => {
  for (const bytes of [word, random]) {
    const { authenticate, upgrades } = setUp(bytes);
    expect(await authenticate(secret)).toBe("client authentication failed");
    expect(upgrades).toEqual([]);
  }
});

test("a full hashing queue loses the upgrade and nothing else (ACC-7)", async () => {
  const busy = { ...chosenSecrets, hash: () => Promise.reject(new Error("busy")) };
  const { authenticate, upgrades } = setUp(word, busy);
  expect(await authenticate(padded(word))).toBe("imported");
  expect(upgrades).toEqual([]);
});
