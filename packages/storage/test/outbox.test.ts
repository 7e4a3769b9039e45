import type { RevocationReason } from "@dex/oidc";
import { addSeconds, sha256 } from "@dex/runtime";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import {
  ACTOR,
  type Cast,
  freshUuid,
  makeCast,
  makeClientRow,
  makeUserRow,
  NOW,
  redemptionOf,
  signIn,
} from "./rows.ts";

let opened: TestStorage;
let cast: Cast;
beforeAll(async () => {
  opened = await openTestStorage();
  cast = await makeCast(opened);
});
beforeEach(() => opened.query("DELETE FROM outbox"));
afterAll(() => opened.close());

const LEASE = 600;
const after = (seconds: number) => addSeconds(NOW, seconds);

/** Rows due in this order, one second after the other. */
async function promise(count: number, more: { userId?: string; clientId?: string } = {}): Promise<string[]> {
  const ids = Array.from({ length: count }, freshUuid);
  await opened.query(
    `INSERT INTO outbox (id, kind, cause, user_id, client_id, occurred_at, due_at)
    SELECT id, 'refresh-token-replayed', id, $2, $3, $4, $4::timestamptz + (n - $5::int) * interval '1 second'
    FROM unnest($1::uuid[]) WITH ORDINALITY AS t (id, n)`,
    [ids, more.userId ?? cast.user.id, more.clientId ?? cast.client.id, NOW, count],
  );
  return ids;
}

async function openFamily(): Promise<string> {
  const grant = await opened.storage.codes.redeem(redemptionOf(await signIn(opened, cast)), NOW);
  if (grant === undefined) throw new Error("the code was not redeemed");
  return grant.familyId;
}

const rowsOf = (cause: string) => opened.query("SELECT * FROM outbox WHERE cause = $1", [cause]);

test("a replayed refresh token promises its user one mail, in the statement that ends the family (RFC 9700 §4.14.2)", async () => {
  const familyId = await openFamily();
  opened.takeStatements();
  await opened.storage.families.revoke(familyId, "refresh token replayed", NOW);
  expect(opened.takeStatements()).toEqual(["family.revoke"]);
  const rows = await rowsOf(familyId);
  expect(rows).toMatchObject([
    { kind: "refresh-token-replayed", user_id: cast.user.id, client_id: cast.client.id, occurred_at: NOW, due_at: NOW },
  ]);
});

test("of ten callers who end one family at once, one promises a mail (REF-2)", async () => {
  const familyId = await openFamily();
  const revoke = () => opened.storage.families.revoke(familyId, "refresh token replayed", NOW);
  await Promise.all(Array.from({ length: 10 }, revoke));
  expect(await rowsOf(familyId)).toHaveLength(1);
  const events = await opened.query("SELECT FROM audit_event WHERE detail ->> 'family' = $1", [familyId]);
  expect(events).toHaveLength(1);
});

test.each<RevocationReason>(["code replayed", "revoked by client", "user disabled"])(
  "no mail is promised for the reason %s, nor for a replay afterwards: the family had ended",
  async (reason) => {
    const familyId = await openFamily();
    await opened.storage.families.revoke(familyId, reason, NOW);
    await opened.storage.families.revoke(familyId, "refresh token replayed", after(1));
    expect(await rowsOf(familyId)).toEqual([]);
  },
);

test("a claim tells kind, time, the address of now and the client's name, and holds no secret (LOG-1)", async () => {
  const client = makeClientRow({ name: "Wiki" });
  await opened.storage.clients.create(client, ACTOR);
  const [id] = await promise(1, { clientId: client.id });
  const claimed = await opened.storage.outbox.claimDue(10, NOW, LEASE);
  expect(claimed).toMatchObject([
    {
      id,
      lease: expect.stringMatching(/^[0-9a-f-]{36}$/),
      attempt: 1,
      kind: "refresh-token-replayed",
      recipient: { address: cast.user.email, verified: true },
      clientName: "Wiki",
      occurredAt: NOW,
    },
  ]);
});

test("a nameless client is called by its id, a deleted one by nothing", async () => {
  const [nameless] = await promise(1);
  const [gone] = await promise(1, { clientId: "deleted-client" });
  const claimed = await opened.storage.outbox.claimDue(10, NOW, LEASE);
  const names = new Map(claimed.map(({ id, clientName }) => [id, clientName]));
  expect(names).toEqual(
    new Map([
      [nameless, cast.client.id],
      [gone, undefined],
    ]),
  );
});

test("mail for a user who was deleted is forgotten with them", async () => {
  const user = makeUserRow();
  await opened.storage.users.createLocal(user, "hash", "local", ACTOR);
  await promise(1, { userId: user.id });
  await opened.query("DELETE FROM app_user WHERE id = $1", [user.id]);
  expect(await opened.storage.outbox.listDue(10, NOW)).toEqual([]);
});

test("of many callers who claim at once each row goes to exactly one, and nobody waits", async () => {
  const ids = await promise(40);
  const [first = ""] = ids;
  const claims = await Promise.all([
    ...Array.from({ length: 12 }, () => opened.storage.outbox.claimDue(5, NOW, LEASE)),
    ...Array.from({ length: 5 }, async () => {
      const one = await opened.storage.outbox.claim(first, NOW, LEASE);
      return one === undefined ? [] : [one];
    }),
  ]);
  const claimed = claims.flat().map(({ id }) => id);
  expect(new Set(claimed).size).toBe(claimed.length);
  const rest = await opened.storage.outbox.claimDue(100, NOW, LEASE);
  expect([...claimed, ...rest.map(({ id }) => id)].toSorted()).toEqual(ids.toSorted());
});

test("a row that another transaction is claiming is passed over, not waited for", async () => {
  const [first = "", second] = await promise(2);
  const blocker = opened.query(
    `WITH claimed AS MATERIALIZED (SELECT id FROM outbox WHERE id = $1 FOR UPDATE) SELECT pg_sleep(1) FROM claimed`,
    [first],
  );
  const sleeper = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
  await expect.poll(() => opened.query(sleeper)).toHaveLength(1);
  const claimed = await opened.storage.outbox.claimDue(10, NOW, LEASE);
  expect(claimed.map(({ id }) => id)).toEqual([second]);
  expect(await opened.storage.outbox.claim(first, NOW, LEASE)).toBeUndefined();
  await blocker;
  expect(await opened.storage.outbox.claim(first, NOW, LEASE)).toBeDefined();
});

test("the longest waiting are listed and claimed first", async () => {
  const ids = await promise(4);
  expect((await opened.storage.outbox.listDue(2, NOW)).map(({ id }) => id)).toEqual(ids.slice(0, 2));
  const claimed = await opened.storage.outbox.claimDue(2, NOW, LEASE);
  expect(claimed.map(({ id }) => id).toSorted()).toEqual(ids.slice(0, 2).toSorted());
});

test("what is no mail is somebody else's a minute after whoever claimed it died", async () => {
  const [id = ""] = await promise(1);
  await opened.query("UPDATE outbox SET payload = '{}' WHERE id = $1", [id]);
  expect(await opened.storage.outbox.claim(id, NOW, LEASE)).toBeDefined();
  expect(await opened.storage.outbox.claimDue(1, after(59), LEASE)).toEqual([]);
  expect(await opened.storage.outbox.claimDue(1, after(60), LEASE)).toMatchObject([{ id, attempt: 2 }]);
});

test("a claimed row is nobody's before its lease ends, then the next one's, and the first lease is worthless", async () => {
  const [id = ""] = await promise(1);
  const first = await opened.storage.outbox.claim(id, NOW, LEASE);
  expect(await opened.storage.outbox.claim(id, after(LEASE - 1), LEASE)).toBeUndefined();
  expect(await opened.storage.outbox.listDue(10, after(LEASE - 1))).toEqual([]);
  const second = await opened.storage.outbox.claim(id, after(LEASE), LEASE);
  expect(second).toMatchObject({ id, attempt: 2 });
  expect(await opened.storage.outbox.markSent(id, first?.lease ?? "", after(LEASE + 1))).toBe(false);
  const next = { kind: "dead" } as const;
  expect(await opened.storage.outbox.markFailed(id, first?.lease ?? "", "x", next, after(LEASE + 1))).toBe(false);
  expect(await opened.storage.outbox.markSent(id, second?.lease ?? "", after(LEASE + 1))).toBe(true);
});

test("a sent mail is never due again, and saying so twice is harmless", async () => {
  const [id = ""] = await promise(1);
  const { lease = "" } = (await opened.storage.outbox.claim(id, NOW, LEASE)) ?? {};
  expect(await opened.storage.outbox.markSent(id, lease, after(1))).toBe(true);
  expect(await opened.storage.outbox.markSent(id, lease, after(5))).toBe(true);
  expect(await opened.storage.outbox.markFailed(id, lease, "x", { kind: "retry", at: NOW }, after(6))).toBe(false);
  expect(await opened.storage.outbox.claimDue(10, after(86_400), LEASE)).toEqual([]);
  expect(await rowsOf(id)).toMatchObject([{ sent_at: after(1), dead_at: null, attempts: 1 }]);
});

test("a failed mail is due again when it was said, with its reason", async () => {
  const [id = ""] = await promise(1);
  const { lease = "" } = (await opened.storage.outbox.claim(id, NOW, LEASE)) ?? {};
  const next = { kind: "retry", at: after(30) } as const;
  expect(await opened.storage.outbox.markFailed(id, lease, "EENVELOPE 450", next, after(1))).toBe(true);
  expect(await opened.storage.outbox.claim(id, after(29), LEASE)).toBeUndefined();
  expect(await rowsOf(id)).toMatchObject([{ last_error: "EENVELOPE 450", sent_at: null, dead_at: null }]);
  expect(await opened.storage.outbox.claim(id, after(30), LEASE)).toMatchObject({ attempt: 2 });
});

test("a mail that was given up stays, with its reason, and is never due again", async () => {
  const [id = ""] = await promise(1);
  const { lease = "" } = (await opened.storage.outbox.claim(id, NOW, LEASE)) ?? {};
  expect(await opened.storage.outbox.markFailed(id, lease, "x".repeat(5000), { kind: "dead" }, after(1))).toBe(true);
  expect(await opened.storage.outbox.claimDue(10, after(86_400), LEASE)).toEqual([]);
  expect(await rowsOf(id)).toMatchObject([{ last_error: "x".repeat(200), dead_at: after(1), sent_at: null }]);
});

test("what is no id claims nothing", async () => {
  expect(await opened.storage.outbox.claim("' OR true --", NOW, LEASE)).toBeUndefined();
});

test("every method is one statement", async () => {
  const { outbox } = opened.storage;
  opened.takeStatements();
  const [id = ""] = await promise(1);
  await outbox.listDue(10, NOW);
  const { lease = "" } = (await outbox.claim(id, NOW, LEASE)) ?? {};
  await outbox.claimDue(10, NOW, LEASE);
  await outbox.markFailed(id, lease, "x", { kind: "dead" }, NOW);
  await outbox.markSent(id, lease, NOW);
  expect(opened.takeStatements()).toEqual([
    "outbox.listDue",
    "outbox.claim",
    "outbox.claimDue",
    "outbox.markFailed",
    "outbox.markSent",
  ]);
});

test("a sent mail is collected after 30 days, one given up after 90, one that waits never", async () => {
  const [sent = "", dead = "", waits = ""] = await promise(3);
  const { outbox, garbage } = opened.storage;
  const claimed = await outbox.claimDue(10, NOW, LEASE);
  const leases = new Map(claimed.map(({ id, lease }) => [id, lease]));
  await outbox.markSent(sent, leases.get(sent) ?? "", NOW);
  await outbox.markFailed(dead, leases.get(dead) ?? "", "x", { kind: "dead" }, NOW);
  const [{ fence } = { fence: -1 }] = await opened.query<{ fence: number }>("SELECT fence::int FROM leadership");
  const leftAfter = async (days: number) => {
    await garbage.collect(after(days * 86_400), 1000, fence);
    return (await opened.query<{ id: string }>("SELECT id FROM outbox ORDER BY id")).map(({ id }) => id);
  };
  expect(await leftAfter(29)).toEqual([sent, dead, waits]);
  expect(await leftAfter(31)).toEqual([dead, waits]);
  expect(await leftAfter(91)).toEqual([waits]);
});

/** A row as its cause writes it; `more` are further columns. */
async function promiseKind(kind: string, more: Readonly<Record<string, unknown>>): Promise<string> {
  const id = freshUuid();
  const row = Object.entries({ id, kind, cause: id, occurred_at: NOW, due_at: NOW, ...more });
  await opened.query(
    `INSERT INTO outbox (${row.map(([name]) => name)}) VALUES (${row.map((_, index) => `$${index + 1}`)})`,
    row.map(([, value]) => value),
  );
  return id;
}

test("a mail to somebody who is no user is claimed too, with what its link is to remember (ACC-2)", async () => {
  const id = await promiseKind("password-reset", {
    email: "nobody@example.com",
    client_id: cast.client.id,
    redirect_uri: "https://rp.example/cb",
    flow_id: "flow",
    locale: "de-CH",
  });
  expect(await opened.storage.outbox.claimDue(10, NOW, LEASE)).toMatchObject([
    {
      id,
      recipient: { address: "nobody@example.com", verified: false },
      addressTaken: false,
      link: undefined,
      origin: { clientId: cast.client.id, redirectUri: "https://rp.example/cb", flowId: "flow", locale: "de-CH" },
    },
  ]);
});

test("a mail to an address of the row's own goes there, and counts as verified only where its user confirmed it", async () => {
  const { id: user_id, email } = cast.user;
  const old = await promiseKind("email-changed", { user_id, email: "old@example.com" });
  const same = await promiseKind("email-changed", { user_id, email });
  const { outbox } = opened.storage;
  expect((await outbox.claim(old, NOW, LEASE))?.recipient).toEqual({ address: "old@example.com", verified: false });
  expect((await outbox.claim(same, NOW, LEASE))?.recipient).toEqual({ address: email, verified: true });
});

test("the mail of a registration tells whether it still stands and whether the address has a user by now (ACC-2)", async () => {
  const { outbox } = opened.storage;
  const register = async (email: string, expiresAt: Date) => {
    const link_id = freshUuid();
    await opened.query(
      `INSERT INTO registration (id, email, connector_id, password_hash, browser_hash, created_at, expires_at)
      VALUES ($1, $2, 'local', 'hash', $3, $4, $5)`,
      [link_id, email, sha256("browser"), NOW, expiresAt],
    );
    return { link_id, email };
  };
  const claimed = async (row: Readonly<Record<string, unknown>>) => {
    const mail = await outbox.claim(await promiseKind("confirm-registration", row), NOW, LEASE);
    return { live: mail?.link?.live, taken: mail?.addressTaken };
  };
  expect(await claimed(await register("new@example.com", after(1)))).toEqual({ live: true, taken: false });
  expect(await claimed(await register(cast.user.email, after(1)))).toEqual({ live: true, taken: true });
  expect(await claimed(await register("late@example.com", NOW))).toEqual({ live: false, taken: false });
  expect(await claimed({ link_id: freshUuid(), email: "gone@example.com" })).toEqual({ live: false, taken: false });
});

const LINK_KINDS = [
  { kind: "verify-email", purpose: "verify email" },
  { kind: "invitation", purpose: "invitation" },
  { kind: "confirm-email-change", purpose: "change email" },
];
test.each(LINK_KINDS)(
  "the link of $kind is live until it is gone, expired, of another address or its user disabled (ACC-8, ACC-11)",
  async ({ kind, purpose }) => {
    const user = makeUserRow();
    await opened.storage.users.createLocal(user, "$argon2id$hash", "local", ACTOR);
    const link_id = freshUuid();
    await opened.query(
      `INSERT INTO account_link (id, purpose, user_id, email, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
      [link_id, purpose, user.id, user.email, NOW, after(10)],
    );
    const live = async (row: Readonly<Record<string, unknown>> = {}, now = NOW) => {
      const id = await promiseKind(kind, { user_id: user.id, link_id, ...row });
      return (await opened.storage.outbox.claim(id, now, LEASE))?.link?.live;
    };
    expect(await live()).toBe(true);
    expect(await live({ email: user.email })).toBe(true);
    expect(await live({}, after(10))).toBe(false);
    expect(await live({ email: "another@example.com" })).toBe(false);
    expect(await live({ link_id: freshUuid() })).toBe(false);
    expect(await live({ user_id: cast.user.id })).toBe(false);
    expect(await live({ kind: kind === "invitation" ? "verify-email" : "invitation" })).toBe(false);
    await opened.query("UPDATE app_user SET disabled = true WHERE id = $1", [user.id]);
    expect(await live()).toBe(false);
    await opened.query("DELETE FROM account_link WHERE id = $1", [link_id]);
    expect(await live()).toBe(false);
  },
);

test("a discarded mail is never due again, and collected after a day (ACC-2)", async () => {
  const [id = ""] = await promise(1);
  const { outbox, garbage } = opened.storage;
  const { lease = "" } = (await outbox.claim(id, NOW, LEASE)) ?? {};
  expect(await outbox.markDiscarded(id, freshUuid(), "nobody has this address", NOW)).toBe(false);
  expect(await outbox.markDiscarded(id, lease, "nobody has this address", NOW)).toBe(true);
  expect(await outbox.markSent(id, lease, NOW)).toBe(false);
  expect(await outbox.claimDue(10, after(86_000), LEASE)).toEqual([]);
  const [{ fence } = { fence: -1 }] = await opened.query<{ fence: number }>("SELECT fence::int FROM leadership");
  await garbage.collect(after(86_399), 1000, fence);
  expect(await rowsOf(id)).toMatchObject([{ discarded: true, last_error: "nobody has this address" }]);
  await garbage.collect(after(86_401), 1000, fence);
  expect(await rowsOf(id)).toEqual([]);
});
