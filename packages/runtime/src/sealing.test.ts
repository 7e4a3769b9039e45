import { describe, expect, test } from "vitest";
import { systemRandom } from "./random.ts";
import { makeSealer } from "./sealing.ts";
import { Secret } from "./secret.ts";

const secret = (fill: number) => new Secret(Buffer.alloc(32, fill));
const salt = Buffer.alloc(32, 1);
const sealerOf = (secrets: Secret<Buffer>[], more: { salt?: Buffer; purpose?: string } = {}) =>
  makeSealer({ secrets, salt, purpose: "test", random: systemRandom, ...more });
const plaintext = Buffer.from("what nobody else should read");

describe("sealing", () => {
  test("what was sealed opens again, and two seals of one text differ (P1, v1 F15)", () => {
    const sealer = sealerOf([secret(1)]);
    const sealed = sealer.seal(plaintext, "row 1");
    expect(sealer.open(sealed, "row 1")?.plaintext).toEqual(plaintext);
    expect(sealer.seal(plaintext, "row 1")).not.toEqual(sealed);
  });

  test.each([
    { other: "another secret", sealer: sealerOf([secret(2)]), context: "row 1" },
    { other: "another salt", sealer: sealerOf([secret(1)], { salt: Buffer.alloc(32, 2) }), context: "row 1" },
    { other: "another purpose", sealer: sealerOf([secret(1)], { purpose: "other" }), context: "row 1" },
    { other: "another context", sealer: sealerOf([secret(1)]), context: "row 2" },
  ])("it does not open under $other (AUT-15)", ({ sealer, context }) => {
    expect(sealer.open(sealerOf([secret(1)]).seal(plaintext, "row 1"), context)).toBeUndefined();
  });

  test("no changed, cut or longer bytes open (v1 F15)", () => {
    const sealer = sealerOf([secret(1)]);
    const sealed = sealer.seal(plaintext, "");
    for (let index = 0; index < sealed.length; index++) {
      const changed = Buffer.from(sealed);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(sealer.open(changed, "")).toBeUndefined();
      expect(sealer.open(sealed.subarray(0, index), "")).toBeUndefined();
    }
    expect(sealer.open(Buffer.concat([sealed, Buffer.of(0)]), "")).toBeUndefined();
  });

  test("the first secret seals, every secret opens, and an old one is told apart (SEC-2, v1 K20)", () => {
    const old = sealerOf([secret(1)]).seal(plaintext, "");
    const both = sealerOf([secret(2), secret(1)]);
    expect(both.open(old, "")).toMatchObject({ underFirstSecret: false });
    const renewed = both.seal(plaintext, "");
    expect(both.open(renewed, "")).toMatchObject({ underFirstSecret: true });
    expect(sealerOf([secret(2)]).open(renewed, "")?.plaintext).toEqual(plaintext);
  });
});
