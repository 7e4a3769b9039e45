import { expect, test } from "vitest";
import { decideRecentSignIn, decideUnlink } from "./own-account.ts";

const local = { connectorId: "local", remoteId: "u", usable: true };
const work = { connectorId: "work", remoteId: "42", usable: true };
const other = { connectorId: "work", remoteId: "43", usable: true };
const broken = { connectorId: "gone", remoteId: "7", usable: false };

const cases = [
  { when: "it is one of two", ways: [local, work], of: work, decision: "unlink" },
  { when: "another of the same connector is left", ways: [work, other], of: work, decision: "unlink" },
  { when: "it is of no use and another is", ways: [broken, work], of: broken, decision: "unlink" },
  { when: "it is the only one", ways: [work], of: work, decision: "last way in" },
  { when: "what is left has no connector or no password", ways: [work, broken], of: work, decision: "last way in" },
  { when: "none was of use", ways: [broken], of: broken, decision: "last way in" },
  { when: "it is somebody else's", ways: [local, work], of: other, decision: "not linked" },
  { when: "there is none", ways: [], of: work, decision: "not linked" },
] as const;
test.each(cases)("of removing an identity when $when comes: $decision (ACC-13)", ({ ways, of, decision }) => {
  expect(decideUnlink(ways, of)).toBe(decision);
});

const now = new Date("2030-06-01T12:00:00.000Z");
const ages = [
  { seconds: 0, decision: "recent" },
  { seconds: 660, decision: "recent" },
  { seconds: 661, decision: "sign in again" },
  { seconds: -5, decision: "recent" },
] as const;
test.each(ages)("$seconds seconds after a sign-in: $decision", ({ seconds, decision }) => {
  expect(decideRecentSignIn(new Date(now.getTime() - seconds * 1000), now)).toBe(decision);
});
