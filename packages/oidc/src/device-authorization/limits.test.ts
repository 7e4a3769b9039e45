import { expect, test } from "vitest";
import { DEVICE_CODE_SECONDS } from "./device-code.ts";
import { DEVICE_REQUEST_LIMITS, ENTRY_LIMITS } from "./limits.ts";
import { USER_CODE_ALPHABET, USER_CODE_LENGTHS } from "./user-code.ts";

/** How many windows of this length a stretch of time can touch: one may have begun just before it. */
const windowsIn = (seconds: number, windowSeconds: number) => Math.ceil(seconds / windowSeconds) + 1;

const triesInLifetime = ENTRY_LIMITS.inAll.times * windowsIn(DEVICE_CODE_SECONDS, ENTRY_LIMITS.inAll.windowSeconds);
// Whatever is live now was made in the lifetime that ends now: the windows are as long, so that is two of them.
const windowsLive = windowsIn(DEVICE_CODE_SECONDS, DEVICE_REQUEST_LIMITS.windowSeconds);
const spaceOf = (length: number) => USER_CODE_ALPHABET.length ** length;

test("guessing at full speed from any number of addresses finds one of all live codes with less than one in a million (DEV-1)", () => {
  const liveShort = DEVICE_REQUEST_LIMITS.withShortCode * windowsLive;
  const liveLong = DEVICE_REQUEST_LIMITS.inAll * windowsLive;
  expect({ triesInLifetime, liveShort, liveLong }).toEqual({ triesInLifetime: 220, liveShort: 100, liveLong: 10_000 });
  const perTry = liveShort / spaceOf(USER_CODE_LENGTHS.short) + liveLong / spaceOf(USER_CODE_LENGTHS.long);
  expect(triesInLifetime * perTry).toBeLessThan(1e-6);
  // And the one code of one device:
  expect(triesInLifetime / spaceOf(USER_CODE_LENGTHS.short)).toBeLessThan(1e-8);
});

test("nobody alone can use up what all share (DEV-1)", () => {
  expect(ENTRY_LIMITS.ofFlow.times).toBe(5);
  expect(ENTRY_LIMITS.fromSource.windowSeconds).toBe(ENTRY_LIMITS.inAll.windowSeconds);
  expect(ENTRY_LIMITS.fromSource.times).toBeLessThan(ENTRY_LIMITS.inAll.times);
  expect(DEVICE_REQUEST_LIMITS.ofClient).toBeLessThan(DEVICE_REQUEST_LIMITS.inAll);
});
