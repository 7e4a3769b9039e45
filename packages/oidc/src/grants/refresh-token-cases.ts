// The table that decideRefresh and the statement behind TokenFamilies.rotate are both held to. No test framework here, so
// that storage can run the same rows against its SQL.
import { sha256 } from "@dex/runtime";
import type { StoredFamily, TokenGrant } from "../ports.ts";
import { ASKED_CASES } from "./asked-of-grant-cases.ts";
import type { PresentedRefresh, RefreshDecision } from "./decide-refresh.ts";

/** The instant at which every case happens. */
export const REFRESH_CASES_NOW = new Date("2026-03-01T12:00:00.000Z");

export interface RefreshCase {
  readonly when: string;
  /** The row, or undefined when there is none. */
  readonly stored: StoredFamily | undefined;
  readonly request: PresentedRefresh;
  readonly graceSeconds: number;
  /** The statement gives a grant for `rotate` and nothing for every other. */
  readonly expected: RefreshDecision["kind"];
  readonly by: string;
}

const familyId = "0195512a-7c00-7000-8000-0000000face1";
const at = (offsetMilliseconds: number) => new Date(REFRESH_CASES_NOW.getTime() + offsetMilliseconds);
const DAY = 86_400_000;
const [currentHash, previousHash, olderHash, foreignHash] = [
  sha256("generation 3"),
  sha256("generation 2"),
  sha256("generation 1"),
  sha256("a token of a time that was undone"),
];

const grant: TokenGrant = {
  familyId,
  clientId: "client-a",
  user: {
    id: "0195512a-7c00-7000-8000-000000000001",
    email: "jane@example.com",
    emailVerified: true,
    displayName: "Jane",
    preferredUsername: undefined,
    groups: undefined,
    remoteId: "0195512a-7c00-7000-8000-000000000001",
  },
  connectorId: "local",
  sessionHash: Buffer.alloc(32, 7),
  scope: ["openid", "email", "offline_access"],
  nonce: "n-0S6_WzA2Mj",
  authTime: at(-DAY),
  amr: ["pwd"],
};
const live: StoredFamily = {
  id: familyId,
  clientId: "client-a",
  grant,
  generation: 3,
  currentHash,
  previousHash,
  rotatedAt: at(-5000),
  sealedCurrent: Buffer.from("the sealed third generation"),
  idleExpiresAt: at(30 * DAY),
  expiresAt: at(89 * DAY),
  revokedAt: undefined,
  ownerActive: true,
  upstream: undefined,
};
const fresh: StoredFamily = {
  ...live,
  generation: 1,
  currentHash: olderHash,
  previousHash: undefined,
  rotatedAt: undefined,
  sealedCurrent: undefined,
};
const current: PresentedRefresh = {
  familyId,
  clientId: "client-a",
  presentedHash: currentHash,
  presentedGeneration: 3,
  scope: undefined,
  allowedConnectors: undefined,
  upstreamAskedSince: at(-60_000),
  confirmation: undefined,
};
const bound: StoredFamily = { ...live, grant: { ...grant, terms: { confirmation: { jkt: "key-1" } } } };
const previous: PresentedRefresh = { ...current, presentedHash: previousHash, presentedGeneration: 2 };
const older: PresentedRefresh = { ...current, presentedHash: olderHash, presentedGeneration: 1 };

type Row = Omit<RefreshCase, "graceSeconds">;
const rows: readonly Row[] = [
  { when: "it is the current one", stored: live, request: current, expected: "rotate", by: "REF-1, RFC 6749 §6" },
  {
    when: "it is the first one of its family",
    stored: fresh,
    request: older,
    expected: "rotate",
    by: "REF-1",
  },
  {
    when: "less scope is asked for",
    stored: live,
    request: { ...current, scope: ["openid"] },
    expected: "rotate",
    by: "REF-9, RFC 6749 §6",
  },
  {
    when: "all of the scope is asked for in another order",
    stored: live,
    request: { ...current, scope: ["offline_access", "email", "openid"] },
    expected: "rotate",
    by: "REF-9",
  },
  ...ASKED_CASES.map(({ when, terms, asked, granted, by }) => ({
    when,
    stored: { ...live, grant: { ...grant, terms } },
    request: { ...current, asked },
    expected: granted ? ("rotate" as const) : ("refused" as const),
    by,
  })),
  {
    when: "it is bound to the key that was proved",
    stored: bound,
    request: { ...current, confirmation: { jkt: "key-1" } },
    expected: "rotate",
    by: "RFC 9449 §5",
  },
  {
    when: "it is bound to another key",
    stored: bound,
    request: { ...current, confirmation: { jkt: "key-2" } },
    expected: "refused",
    by: "REF-7",
  },
  {
    when: "it is bound to a key, none is proved, and it was used before",
    stored: bound,
    request: older,
    expected: "refused",
    by: "REF-7",
  },
  { when: "its family is unknown", stored: undefined, request: current, expected: "refused", by: "RFC 6749 §5.2" },
  {
    when: "another client presents it",
    stored: live,
    request: { ...current, clientId: "client-b" },
    expected: "refused",
    by: "REF-7, RFC 6749 §6",
  },
  {
    when: "another client presents a used one",
    stored: live,
    request: { ...older, clientId: "client-b" },
    expected: "refused",
    by: "REF-7",
  },
  {
    when: "its family was revoked",
    stored: { ...live, revokedAt: at(-1) },
    request: current,
    expected: "refused",
    by: "TOK-1, REF-2",
  },
  {
    when: "its family was revoked and it was used a moment ago",
    stored: { ...live, revokedAt: at(-1) },
    request: previous,
    expected: "refused",
    by: "REF-2",
  },
  {
    when: "its family never had a refresh token",
    stored: { ...fresh, currentHash: undefined },
    request: older,
    expected: "refused",
    by: "REF-11",
  },
  {
    when: "the absolute lifetime is reached although it was used a minute ago",
    stored: { ...live, expiresAt: at(0) },
    request: current,
    expected: "refused",
    by: "REF-14",
  },
  {
    when: "the absolute lifetime ends in a millisecond",
    stored: { ...live, expiresAt: at(1) },
    request: current,
    expected: "rotate",
    by: "REF-14",
  },
  {
    when: "it was not used for too long",
    stored: { ...live, idleExpiresAt: at(0) },
    request: current,
    expected: "refused",
    by: "RFC 9700 §4.14.2",
  },
  {
    when: "the user was disabled",
    stored: { ...live, ownerActive: false },
    request: current,
    expected: "refused",
    by: "TOK-16",
  },
  {
    when: "the user was disabled and it was used a moment ago",
    stored: { ...live, ownerActive: false },
    request: previous,
    expected: "refused",
    by: "TOK-16",
  },
  {
    when: "more scope is asked for than was granted",
    stored: live,
    request: { ...current, scope: ["openid", "groups"] },
    expected: "refused",
    by: "REF-9, RFC 6749 §6",
  },
  {
    when: "its connector is among those that the client allows",
    stored: live,
    request: { ...current, allowedConnectors: ["corp", "local"] },
    expected: "rotate",
    by: "TOK-16",
  },
  {
    when: "the client allows its connector no longer",
    stored: live,
    request: { ...current, allowedConnectors: ["corp"] },
    expected: "refused",
    by: "TOK-16, SAM-8",
  },
  {
    when: "the client allows its connector no longer and it was used a moment ago",
    stored: live,
    request: { ...previous, allowedConnectors: [] },
    expected: "refused",
    by: "TOK-16, SAM-8",
  },
  {
    when: "the upstream vouched for the user just long enough ago",
    stored: { ...live, upstream: { outcome: "good", checkedAt: at(-60_000) } },
    request: current,
    expected: "rotate",
    by: "REF-13",
  },
  {
    when: "the upstream vouched for the user too long ago",
    stored: { ...live, upstream: { outcome: "good", checkedAt: at(-60_001) } },
    request: current,
    expected: "revalidate first",
    by: "REF-13",
  },
  {
    when: "the upstream has just refused the user",
    stored: { ...live, upstream: { outcome: "refused", checkedAt: at(0) } },
    request: current,
    expected: "revalidate first",
    by: "REF-13",
  },
  {
    when: "it was used a moment ago, and the upstream was asked before that",
    stored: { ...live, upstream: { outcome: "good", checkedAt: at(-60_001) } },
    request: previous,
    expected: "repeat",
    by: "REF-3",
  },
  {
    when: "it was used a moment ago, and the upstream has refused the user since",
    stored: { ...live, upstream: { outcome: "refused", checkedAt: at(0) } },
    request: previous,
    expected: "revalidate first",
    by: "REF-3, REF-13",
  },
  {
    when: "it was used long ago, and the upstream is to be asked",
    stored: { ...live, rotatedAt: at(-DAY), upstream: { outcome: "good", checkedAt: at(-DAY) } },
    request: previous,
    expected: "replayed",
    by: "REF-2, REF-13",
  },
  { when: "it was used a moment ago", stored: live, request: previous, expected: "repeat", by: "REF-3" },
  {
    when: "it was used a moment ago and more scope is asked for",
    stored: live,
    request: { ...previous, scope: ["groups"] },
    expected: "refused",
    by: "REF-3, REF-9",
  },
  {
    when: "it was used one millisecond less than the grace interval ago",
    stored: { ...live, rotatedAt: at(-9999) },
    request: previous,
    expected: "repeat",
    by: "REF-3",
  },
  {
    when: "it was used exactly the grace interval ago",
    stored: { ...live, rotatedAt: at(-10_000) },
    request: previous,
    expected: "replayed",
    by: "REF-2, RFC 9700 §4.14.2",
  },
  {
    when: "it was used long ago",
    stored: { ...live, rotatedAt: at(-DAY) },
    request: previous,
    expected: "replayed",
    by: "REF-2, REF-6",
  },
  { when: "it is two generations old", stored: live, request: older, expected: "replayed", by: "REF-5" },
  {
    when: "it bears the previous generation and another secret",
    stored: live,
    request: { ...previous, presentedHash: foreignHash },
    expected: "replayed",
    by: "REF-5",
  },
  {
    when: "it bears the current generation and another secret",
    stored: live,
    request: { ...current, presentedHash: foreignHash },
    expected: "refused",
    by: "REF-8",
  },
  {
    when: "it bears a generation still to come",
    stored: live,
    request: { ...current, presentedHash: foreignHash, presentedGeneration: 4 },
    expected: "refused",
    by: "REF-8",
  },
];

export const REFRESH_CASES: readonly RefreshCase[] = [
  ...rows.map((row) => ({ ...row, graceSeconds: 10 })),
  {
    when: "it was used a moment ago and there is no grace",
    stored: live,
    request: previous,
    graceSeconds: 0,
    expected: "replayed",
    by: "REF-2, REF-4",
  },
  {
    when: "it was used, there is no grace, and the other worker's clock is ahead",
    stored: { ...live, rotatedAt: at(50) },
    request: previous,
    graceSeconds: 0,
    expected: "replayed",
    by: "REF-2",
  },
  {
    when: "it was used and the other worker's clock is ahead",
    stored: { ...live, rotatedAt: at(50) },
    request: previous,
    graceSeconds: 10,
    expected: "repeat",
    by: "REF-3",
  },
];
