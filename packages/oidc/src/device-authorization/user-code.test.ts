import { KEY_SECRET_BYTES, Secret, systemRandom } from "@dex/runtime";
import { describe, expect, test } from "vitest";
import { hashOfDeviceCode, newDeviceCode } from "./device-code.ts";
import { makeUserCodeHashes, newUserCode, parseUserCode, renderUserCode, USER_CODE_ALPHABET } from "./user-code.ts";

test("a new code has eight letters of twenty, all equally likely, and no bytes that would favour some (DEV-1)", () => {
  expect(new Set(USER_CODE_ALPHABET).size).toBe(20);
  expect(USER_CODE_ALPHABET).not.toMatch(/[AEIOUY01]/);
  const counts = new Map<string, number>();
  for (let made = 0; made < 5_000; made += 1) {
    const code = newUserCode(8, systemRandom);
    expect(code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{8}$/);
    for (const letter of code) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(300); // 7 standard deviations
  const bytes = [240, 255, 239, 0, 20, 250, 1, 2, 3, 4, 5, 6];
  const random = (size: number) => Buffer.from(Array.from({ length: size }, () => bytes.shift() ?? 7));
  expect(newUserCode(8, random)).toBe("ZBBCDFGH");
});

test("it is shown in groups of four", () => {
  expect(renderUserCode(newUserCode(8, systemRandom))).toMatch(/^[A-Z]{4}-[A-Z]{4}$/);
  expect(renderUserCode(newUserCode(12, systemRandom))).toMatch(/^[A-Z]{4}-[A-Z]{4}-[A-Z]{4}$/);
});

describe("what is typed is", () => {
  const understood = [
    { typed: "WDJB-MJHT", as: "WDJBMJHT" },
    { typed: "wdjb-mjht", as: "WDJBMJHT" },
    { typed: "wdjbmjht", as: "WDJBMJHT" },
    { typed: "  WDJB MJHT ", as: "WDJBMJHT" },
    { typed: "w d j b\u2011m\u00a0j h\tt", as: "WDJBMJHT" },
    { typed: "WDJB\u2013MJHT\n", as: "WDJBMJHT" },
    { typed: "WDJ8-MJHT", as: "WDJBMJHT" },
    { typed: "6552-6552", as: "GSSZGSSZ" },
    { typed: "WDJB-MJHT-BCDF", as: "WDJBMJHTBCDF" },
  ];
  test.each(understood)("understood: $typed (RFC 8628 §6.1)", ({ typed, as }) => {
    expect(parseUserCode(typed)).toBe(as);
  });

  const refused = [
    ...["", "-", "WDJB-MJH", "WDJB-MJHTB", "WDJB-MJHT-B", "WDJB-MJHT-BCDF-GHJK", "WDJ0-MJHT", "WDJ1-MJHT", "WDJI-MJHT"],
    ...[
      "WDJA-MJHT",
      "WDJY-MJHT",
      "wdj\u00df-mjht",
      "wdjb-mjh\u017f",
      "\uff37\uff24\uff2a\uff22MJHT",
      "WDJB\0MJHT",
      "%57DJBMJHT",
    ],
    ...[
      "<script>",
      "'; DROP TABLE device_request; --",
      "WDJB-MJHT".repeat(50),
      "\u202eTHJM-BJDW",
      "WDJB|MJHT",
      "[object Object]",
    ],
  ];
  test.each(refused)("no code: %j, and so no guess", (typed) => {
    expect(parseUserCode(typed)).toBeUndefined();
  });
});

test("the hash of a code is worth nothing without the key secrets, and found under each of them", () => {
  const code = newUserCode(8, systemRandom);
  const [old, young] = [systemRandom(KEY_SECRET_BYTES), systemRandom(KEY_SECRET_BYTES)].map((key) => new Secret(key));
  if (old === undefined || young === undefined) throw new Error("expected two secrets");
  const salt = systemRandom(32);
  const before = makeUserCodeHashes({ secrets: [old], salt }).of(code);
  const after = makeUserCodeHashes({ secrets: [young, old], salt });
  expect(after.of(code)).not.toEqual(before);
  expect(after.all(code)).toContainEqual(before);
  expect(makeUserCodeHashes({ secrets: [young], salt }).all(code)).not.toContainEqual(before);
});

test("a device code has 256 random bits and a prefix of its own (AUT-15)", () => {
  const { value, hash } = newDeviceCode(systemRandom);
  expect(value).toMatch(/^dxd_[\w-]{43}$/);
  expect(hashOfDeviceCode(value)).toEqual(hash);
  for (const other of [value.replace("dxd_", "dxc_"), value.slice(0, -1), `${value}A`, "", value.slice(4)]) {
    expect(hashOfDeviceCode(other)).toBeUndefined();
  }
});
