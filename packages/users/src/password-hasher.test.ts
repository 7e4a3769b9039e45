import { generateKeyPairSync, sign } from "node:crypto";
import { promisify } from "node:util";
import { bcrypt } from "hash-wasm";
import { afterAll, describe, expect, test } from "vitest";
import { DUMMY_HASH, needsUpgrade, parsePasswordHash } from "./password-hash.ts";
import { HasherBusy, makePasswordHasher } from "./password-hasher.ts";

const hasher = makePasswordHasher({ threads: 1, maxQueue: 64 });
const bcrypt4 = (password: string) => bcrypt({ password, salt: Buffer.alloc(16, 7), costFactor: 4 });
afterAll(() => hasher.close());

describe("a new hash", () => {
  test("is argon2id in PHC form with its parameters inside, and salted each time (ACC-7)", async () => {
    const [first, second] = [await hasher.hash("a long enough password"), await hasher.hash("a long enough password")];
    expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(first).not.toBe(second);
    expect(needsUpgrade(first)).toBe(false);
    expect(await hasher.verify("a long enough password", first)).toBe(true);
    expect(await hasher.verify("a long enough passwore", first)).toBe(false);
  });

  test("keeps every byte: passwords that differ in the 73rd differ (ACC-6)", async () => {
    const hash = await hasher.hash(`${"x".repeat(72)}a`);
    expect(await hasher.verify(`${"x".repeat(72)}a`, hash)).toBe(true);
    expect(await hasher.verify(`${"x".repeat(72)}b`, hash)).toBe(false);
    expect(await hasher.verify("x".repeat(72), hash)).toBe(false);
  });

  test("is the same for one password in two Unicode forms, and for nothing else (ACC-6)", async () => {
    const hash = await hasher.hash("cafe\u0301 au lait pour tous");
    expect(await hasher.verify("caf\u00e9 au lait pour tous", hash)).toBe(true);
    expect(await hasher.verify("Caf\u00e9 au lait pour tous", hash)).toBe(false);
    expect(await hasher.verify(" caf\u00e9 au lait pour tous", hash)).toBe(false);
  });

  test("is not made of more than 1024 bytes, and none is checked (ACC-7)", async () => {
    await expect(hasher.hash("é".repeat(513))).rejects.toBeInstanceOf(RangeError);
    expect(await hasher.verify("x".repeat(1025), DUMMY_HASH)).toBe(false);
    const longest = "x".repeat(1024);
    expect(await hasher.verify(longest, await hasher.hash(longest))).toBe(true);
  });
});

describe("a hash from elsewhere", () => {
  const vectors = [
    { from: "bcrypt 2a", password: "U*U", hash: "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW" },
    { from: "bcrypt 2b", password: "U*U*", hash: "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK" },
    { from: "bcrypt 2y", password: "U*U*U", hash: "$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a" },
    {
      from: "argon2id of the reference implementation",
      password: "password",
      hash: "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    },
  ];
  test.each(vectors)("is accepted and due for an upgrade: $from (ACC-7)", async ({ password, hash }) => {
    expect(await hasher.verify(password, hash)).toBe(true);
    expect(await hasher.verify(`${password}!`, hash)).toBe(false);
    expect(needsUpgrade(hash)).toBe(true);
  });

  test("of more than we make today is not weakened", () => {
    expect(needsUpgrade(DUMMY_HASH.replace("m=19456", "m=65536"))).toBe(false);
  });

  test("of bcrypt does not make passwords with 72 bytes in common the same, nor those with a NUL (ACC-6)", async () => {
    const long = await bcrypt4("x".repeat(72));
    expect(await hasher.verify("x".repeat(72), long)).toBe(true);
    expect(await hasher.verify(`${"x".repeat(72)}tail`, long)).toBe(false);
    const short = await bcrypt4("a");
    expect(await hasher.verify("a\0a", short)).toBe(false);
    // Of the empty password, made by crypt_blowfish.
    const empty = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy";
    expect(await hasher.verify("", empty)).toBe(true);
    expect(await hasher.verify("\0", empty)).toBe(false);
  });

  test.each([
    "",
    "not a hash",
    "QmFzZTY0IG9mIDMyIHJhbmRvbSBieXRlcyBhcyBhIGhhc2g=",
    "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=19$m=9999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=19$m=256,t=99,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=19$m=7,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
  ])("that cannot or must not be computed matches nothing: %j (ACC-7, C 220)", async (hash) => {
    expect(parsePasswordHash(hash)).toBeUndefined();
    expect(needsUpgrade(hash)).toBe(false);
    expect(await hasher.verify("password", hash)).toBe(false);
  });

  test("that stands for nobody has the parameters of a new one (ACC-1)", async () => {
    const shapeOf = (hash: string) => {
      const parsed = parsePasswordHash(hash);
      if (parsed?.kind !== "argon2id") throw new Error("expected argon2id");
      const { memoryKib, passes, lanes, salt, tag } = parsed;
      return { memoryKib, passes, lanes, saltBytes: salt.length, tagBytes: tag.length };
    };
    expect(shapeOf(DUMMY_HASH)).toEqual(shapeOf(await hasher.hash("a long enough password")));
  });
});

describe("a flood of sign-ins", () => {
  test("leaves the threads that sign tokens free (ACC-7)", async () => {
    const finished: string[] = [];
    const note = (what: string) => () => void finished.push(what);
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const signAsync = promisify<string, Buffer, typeof privateKey, Buffer>(sign);
    const hashes = Array.from({ length: 8 }, () => hasher.verify("x", DUMMY_HASH).then(note("hashed")));
    const signatures = Array.from({ length: 16 }, () =>
      signAsync("sha256", Buffer.from("a token"), privateKey).then(note("signed")),
    );
    await Promise.all([...hashes, ...signatures]);
    expect(finished.indexOf("hashed")).toBeGreaterThan(-1);
    expect(finished.lastIndexOf("signed")).toBeLessThan(finished.lastIndexOf("hashed"));
    // With one hashing thread, signing waited for one hash at the very most.
    expect(finished.slice(0, finished.lastIndexOf("signed")).filter((what) => what === "hashed").length).toBeLessThan(
      2,
    );
  });

  test("is answered with busy and a time to come back, and what was taken is finished (ACC-7)", async () => {
    const small = makePasswordHasher({ threads: 1, maxQueue: 2 });
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => small.verify("x", DUMMY_HASH)));
    const refused = results.filter((result) => result.status === "rejected").map(({ reason }) => reason);
    expect(refused).toHaveLength(7);
    for (const reason of refused) {
      expect(reason).toBeInstanceOf(HasherBusy);
      expect(reason.retryAfterSeconds).toBeGreaterThanOrEqual(1);
    }
    expect(await small.verify("x", DUMMY_HASH)).toBe(false);
    await small.close();
  });
});

describe("a secret of bytes", () => {
  // Made with golang.org/x/crypto/bcrypt, which dex v1 used.
  const vectors = [
    {
      of: "text",
      secret: "ZXhhbXBsZS1hcHAtc2VjcmV0",
      hash: "$2a$10$qUBXZQ2IycXaDeKUacwQ4OxCimnxVvyOg.YYgYmBLkfFpgVuZpTwW",
    },
    {
      of: "one NUL",
      secret: "AA==",
      hash: "$2a$10$/UHZxdhZZ3HxPpYIHqdsGuHk8vNJj61Gu1JNJGLbHWpNWT0OMFXSa",
    },
    {
      of: "a NUL in the middle",
      secret: "YQBi",
      hash: "$2a$10$SgTZQAyLPJnnXKeNNvPeF.bWY1YIUXPv1sKLxiwFvPBgr/p0urZKa",
    },
    {
      of: "a NUL at the end",
      secret: "YQA=",
      hash: "$2a$10$b.FAIWqYvlHqm2vZ1xPGAuMbBxvrqBfkPNUP.JiO6iHH2JPuU73IS",
    },
    {
      of: "bytes that are no UTF-8",
      secret: "_4DDKAD-",
      hash: "$2a$10$VdLsb1bgvziWxvEyjJ9iFOxhx1qsGuGDUIQp00hVxciZdwiYob6PO",
    },
    {
      of: "32 random bytes",
      secret: "CzBVep_E6Q4zWH2ix-wRNluApcrvFDleg6jN8hc8YYY=",
      hash: "$2a$10$8QObpOx/llDcTTsSkhpF7OhtX3okJz3y.HRuC6bBvGPYrOJaFGOc6",
    },
    {
      of: "72 bytes, the first a NUL",
      secret: "AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK-2vcTL0tng5-71_AMKERgfJi00O0JJUFdeZWxzeoGIj5adpKuyucDHztXc4-rx",
      hash: "$2a$10$TNVlyWiqiVtIc7CK7GtT2Oen4HGjQQTpR7Bzb9ln/4EzvrPDTD6Qq",
    },
    {
      of: "72 bytes, the first 0xff",
      secret: "__z59vPw7ern5OHe29jV0s_MycbDwL26t7SxrquopaKfnJmWk5CNioeEgX57eHVyb2xpZmNgXVpXVFFOS0hFQj88OTYzMC0q",
      hash: "$2a$10$kr40oO3frdkkugWpsAY4beb4gZIRB2SvBUedPbtAmXnZZKFhf3PPu",
    },
  ];
  test.each(vectors)("is checked against bcrypt byte for byte: $of (v1 C14)", async ({ secret, hash }) => {
    const bytes = Buffer.from(secret, "base64url");
    expect(await hasher.verifyBytes(bytes, hash)).toBe(true);
    for (let index = 0; index < bytes.length; index += 9) {
      const other = Buffer.from(bytes);
      other[index] = (other[index] ?? 0) ^ 0x80;
      expect(await hasher.verifyBytes(other, hash)).toBe(false);
    }
    expect(await hasher.verifyBytes(Buffer.concat([bytes, Buffer.from("x")]), hash)).toBe(false);
    expect(await hasher.verifyBytes(bytes.subarray(0, -1), hash)).toBe(secret === "AA==");
  });

  test("matches no hash of another kind, and none that costs too much", async () => {
    expect(await hasher.verifyBytes(Buffer.from("x"), DUMMY_HASH)).toBe(false);
    expect(await hasher.verifyBytes(Buffer.from("x"), `$2a$31$${"C".repeat(53)}`)).toBe(false);
  });
});
