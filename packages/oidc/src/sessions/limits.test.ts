import { expect, test } from "vitest";
import { limitsFor } from "./limits.ts";

const plain = { idleSeconds: 60, absoluteSeconds: 600 };
const offered = { ...plain, remembered: { seconds: 9000, byDefault: false } };
const always = { ...plain, remembered: { seconds: 9000, byDefault: true } };
const short = { ...plain, cookieSeconds: undefined };
const long = { idleSeconds: 9000, absoluteSeconds: 9000, cookieSeconds: 9000 };

test.each([
  { when: "nobody can ask for it", limits: plain, remember: undefined, expected: { ...plain, cookieSeconds: 600 } },
  { when: "nobody can and somebody does", limits: plain, remember: true, expected: { ...plain, cookieSeconds: 600 } },
  { when: "asked for", limits: offered, remember: true, expected: long },
  { when: "not asked for", limits: offered, remember: false, expected: short },
  { when: "there was no form to ask on", limits: offered, remember: undefined, expected: short },
  { when: "there was none, and it is so by default", limits: always, remember: undefined, expected: long },
  { when: "so by default, and somebody says no", limits: always, remember: false, expected: short },
])("how long a browser stays signed in when $when (dex v2 10.1)", ({ limits, remember, expected }) => {
  expect(limitsFor(limits, remember)).toEqual(expected);
});
