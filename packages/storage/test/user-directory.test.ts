import type { DirectoryEntry, UserFilter } from "@dex/users";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR, freshUuid, makeCast, makeUserRow, NOW, redemptionOf, signIn } from "./rows.ts";

let opened: TestStorage;
beforeAll(async () => {
  opened = await openTestStorage();
});
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.query("DELETE FROM app_user");
  await opened.query("DELETE FROM audit_event");
});

const ALL: UserFilter = { emailPrefix: undefined, admin: undefined, disabled: undefined, emailVerified: undefined };
const ORIGIN = { clientId: "app", redirectUri: "https://rp.example/cb", flowId: undefined, locale: "de" };

function makeEntry(more: Partial<DirectoryEntry["user"]> = {}, rest: Partial<DirectoryEntry> = {}): DirectoryEntry {
  const user = { ...makeUserRow({ emailVerified: false }), disabled: false, ...more };
  return { user, localConnectorId: "local", passwordHash: undefined, invitation: undefined, ...rest };
}

async function create(more: Partial<DirectoryEntry["user"]> = {}, rest: Partial<DirectoryEntry> = {}) {
  const entry = makeEntry(more, rest);
  expect(await opened.storage.userDirectory.create(entry, ACTOR)).toBe("created");
  return entry.user;
}

const audit = () =>
  opened.query<{ event: string; subject_id: string; actor_kind: string; actor_id: string; detail: unknown }>(
    "SELECT event, subject_id, actor_kind, actor_id, detail FROM audit_event ORDER BY id",
  );
const outbox = () =>
  opened.query<Record<string, unknown>>(
    "SELECT kind, user_id, email, link_id, client_id, redirect_uri, connector_id, locale FROM outbox ORDER BY kind",
  );

describe("creating", () => {
  test("stores user, local identity and password with the given time, and one audit event (v1 U05, v1 U17, ADM-6)", async () => {
    for (const kind of [{}, { admin: true }, { emailVerified: true }, { disabled: true }, { displayName: undefined }]) {
      const user = await create(kind, { passwordHash: "$argon2id$hash" });
      expect(await opened.storage.userDirectory.find(user.id)).toEqual(user);
      expect(await opened.storage.userDirectory.findWithAccess(user.id)).toEqual({ user, accessEndedAt: undefined });
      expect(await opened.storage.userDirectory.identities(user.id)).toEqual([
        { connectorId: "local", remoteId: user.id, createdAt: NOW },
      ]);
    }
    const passwords = await opened.query("SELECT hash, changed_at FROM password");
    expect(passwords).toHaveLength(5);
    expect(passwords[0]).toEqual({ hash: "$argon2id$hash", changed_at: NOW });
    const events = await audit();
    expect(events).toHaveLength(5);
    expect(events[0]).toMatchObject({ event: "user created", actor_kind: "dexctl", actor_id: "root" });
    expect(JSON.stringify(events)).not.toContain("argon2id");
  });

  test("promises the invitation in the same statement (v1 X06)", async () => {
    const id = freshUuid();
    const user = await create({}, { invitation: { id, origin: ORIGIN, expiresAt: new Date("2030-06-08T12:00:00Z") } });
    const [link] = await opened.query("SELECT * FROM account_link");
    expect(link).toMatchObject({ id, purpose: "invitation", user_id: user.id, email: user.email, client_id: "app" });
    expect(await outbox()).toEqual([
      {
        kind: "invitation",
        user_id: user.id,
        email: null,
        link_id: id,
        client_id: "app",
        redirect_uri: "https://rp.example/cb",
        connector_id: null,
        locale: "de",
      },
    ]);
  });

  test("of two callers with one address one succeeds, and nothing of the other is stored (v1 U06)", async () => {
    const one = makeEntry({ email: "same@example.com" });
    const other = makeEntry({ email: "same@example.com" }, { passwordHash: "x" });
    const outcomes = await Promise.all([one, other].map((entry) => opened.storage.userDirectory.create(entry, ACTOR)));
    expect(outcomes.sort()).toEqual(["created", "email taken"]);
    for (const table of ["app_user", "remote_identity", "audit_event"]) {
      expect(await opened.query(`SELECT FROM ${table}`)).toHaveLength(1);
    }
  });
});

describe("paging", () => {
  const emails = ["a-b", "a.b", "a", "ab", "b", "a_b", "z", "m", "ba", "a0"].map((name) => `${name}@example.com`);
  const inOrder = [...emails].sort();

  async function readAll(filter: UserFilter, limit: number) {
    const seen: string[] = [];
    let pages = 0;
    for (let after: string | undefined; ; pages++) {
      const page = await opened.storage.userDirectory.list(filter, { after, limit });
      seen.push(...page.users.map(({ email }) => email));
      if (page.next === undefined) return { seen, pages: pages + 1 };
      after = page.next;
    }
  }

  test("ten users come complete and in order whatever the page size, the last page without a next (v1 U13, v1 X05)", async () => {
    for (const email of emails) await create({ email });
    for (const [limit, pages] of [
      [3, 4],
      [5, 2],
      [9, 2],
      [10, 1],
      [1, 10],
    ] as const) {
      expect(await readAll(ALL, limit)).toEqual({ seen: inOrder, pages });
    }
  });

  test("without users there is an empty page (v1 U14)", async () => {
    expect(await opened.storage.userDirectory.list(ALL, { after: undefined, limit: 20 })).toEqual({
      users: [],
      next: undefined,
    });
  });

  test("a list is narrowed to what was asked for", async () => {
    await create({ email: "ada@example.com", admin: true, emailVerified: true });
    await create({ email: "adam@example.com", disabled: true });
    await create({ email: "bob_%@example.com" });
    const found = async (filter: Partial<UserFilter>) => (await readAll({ ...ALL, ...filter }, 2)).seen;
    expect(await found({ emailPrefix: "ada" })).toEqual(["ada@example.com", "adam@example.com"]);
    expect(await found({ emailPrefix: "ada@" })).toEqual(["ada@example.com"]);
    expect(await found({ emailPrefix: "%" })).toEqual([]);
    expect(await found({ emailPrefix: "bob_%" })).toEqual(["bob_%@example.com"]);
    expect(await found({ admin: true })).toEqual(["ada@example.com"]);
    expect(await found({ disabled: true })).toEqual(["adam@example.com"]);
    expect(await found({ emailVerified: false, disabled: false })).toEqual(["bob_%@example.com"]);
    expect(await found({ admin: false, emailPrefix: "a" })).toEqual(["adam@example.com"]);
  });

  test("a page costs the same at the end of 10,000 users as at the start: it reads only its own rows (ADM-4)", async () => {
    await opened.query(
      `INSERT INTO app_user (id, email, email_verified, admin, disabled, created_at)
      SELECT 'user-' || n, md5(n::text) || '@example.com', n % 2 = 0, n % 3 = 0, n % 5 = 0, now()
      FROM generate_series(1, 10000) n`,
    );
    await opened.query("ANALYZE app_user");
    const times: number[] = [];
    let after: string | undefined;
    for (let page = 0; page < 50; page++) {
      const before = process.hrtime.bigint();
      const { next, users } = await opened.storage.userDirectory.list(ALL, { after, limit: 200 });
      times.push(Number(process.hrtime.bigint() - before) / 1e6);
      expect(users).toHaveLength(200);
      after = next;
    }
    expect(after).toBeUndefined();
    const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
    expect(median(times.slice(-10))).toBeLessThan(median(times.slice(0, 10)) * 2 + 2);
    for (const filter of ["", "AND u.admin", "AND u.disabled", "AND NOT u.email_verified"]) {
      const plan = await opened.query<{ "QUERY PLAN": string }>(
        `EXPLAIN (ANALYZE, TIMING OFF) SELECT u.id FROM app_user u WHERE u.email COLLATE "C" > '4' ${filter}
        ORDER BY u.email COLLATE "C" LIMIT 101`,
      );
      const text = plan.map((row) => row["QUERY PLAN"]).join("\n");
      expect(text).toContain("_order");
      expect(text).not.toContain("Sort");
      expect(text).not.toContain("Seq Scan");
    }
  });
});

describe("updating", () => {
  test("changes only what is given, and tells who changed it (v1 U07, v1 U08, ADM-6)", async () => {
    const user = await create({ emailVerified: true, displayName: "Ada" });
    const { userDirectory } = opened.storage;
    const updated = { kind: "updated", user };
    expect(await userDirectory.update(user.id, {}, ACTOR, NOW)).toEqual(updated);
    expect(await userDirectory.update(user.id, { email: user.email }, ACTOR, NOW)).toEqual(updated);
    expect(await userDirectory.update(user.id, { admin: true }, ACTOR, NOW)).toMatchObject({
      user: { ...user, admin: true },
    });
    expect(await userDirectory.update(user.id, { displayName: undefined }, ACTOR, NOW)).toMatchObject({
      user: { admin: true, displayName: undefined, emailVerified: true },
    });
    expect((await audit()).at(-2)).toMatchObject({ event: "user updated", actor_id: "root", detail: { admin: true } });
    expect(await outbox()).toEqual([]);
  });

  test("another address is unverified, ends sessions, families and links, and the old one is told (ACC-11, REF-12)", async () => {
    const cast = await makeCast(opened);
    const code = await signIn(opened, cast);
    const family = await opened.storage.codes.redeem(redemptionOf(code), NOW);
    const unspent = await signIn(opened, cast);
    await addLink(cast.user.id, cast.user.email);
    const { userDirectory } = opened.storage;
    const outcome = await userDirectory.update(cast.user.id, { email: "new@example.com" }, ACTOR, NOW);
    expect(outcome).toMatchObject({ kind: "updated", user: { email: "new@example.com", emailVerified: false } });
    expect(await opened.query("SELECT FROM session")).toHaveLength(0);
    expect(await opened.query("SELECT FROM account_link")).toHaveLength(0);
    expect(await opened.storage.families.findLive(family?.familyId ?? "", NOW)).toBeUndefined();
    expect(await opened.storage.codes.redeem(redemptionOf(unspent), NOW)).toBeUndefined();
    expect(await outbox()).toMatchObject([{ kind: "email-changed", email: cast.user.email, user_id: cast.user.id }]);
  });

  test("an old address that nobody had confirmed gets no mail: it may be a stranger's (ACC-10)", async () => {
    const cast = await makeCast(opened);
    await opened.query("UPDATE app_user SET email_verified = false WHERE id = $1", [cast.user.id]);
    await opened.storage.userDirectory.update(cast.user.id, { email: "new@example.com" }, ACTOR, NOW);
    expect(await outbox()).toEqual([]);
  });

  test("another address counts as verified where the caller vouches for it", async () => {
    const user = await create();
    const changes = { email: "vouched@example.com", emailVerified: true };
    expect(await opened.storage.userDirectory.update(user.id, changes, ACTOR, NOW)).toMatchObject({
      user: { emailVerified: true },
    });
  });

  test("of two users who get one address one keeps it, and an unknown user is unknown (v1 U07)", async () => {
    const users = [await create(), await create()];
    const { userDirectory } = opened.storage;
    const outcomes = await Promise.all(
      users.map(({ id }) => userDirectory.update(id, { email: "one@example.com" }, ACTOR, NOW)),
    );
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(["email taken", "updated"]);
    for (const id of ["nobody", "", "\0"]) {
      expect(await userDirectory.update(id, { admin: true }, ACTOR, NOW)).toEqual({ kind: "unknown" });
    }
  });
});

async function addLink(userId: string, email: string) {
  await opened.query(
    `INSERT INTO account_link (id, purpose, user_id, email, created_at, expires_at)
    VALUES (gen_random_uuid(), 'reset password', $1, $2, $3::timestamptz, $3::timestamptz + interval '1 day')`,
    [userId, email, NOW],
  );
}

describe("disabling", () => {
  test("ends sessions, codes, families and links at once, and is recorded (REF-12, TOK-16, ADM-6)", async () => {
    const cast = await makeCast(opened);
    const family = await opened.storage.codes.redeem(redemptionOf(await signIn(opened, cast)), NOW);
    const unspent = await signIn(opened, cast);
    await addLink(cast.user.id, cast.user.email);
    const { userDirectory } = opened.storage;
    expect(await userDirectory.setDisabled(cast.user.id, true, ACTOR, NOW)).toMatchObject({ disabled: true });
    expect(await opened.query("SELECT FROM session")).toHaveLength(0);
    expect(await opened.query("SELECT FROM account_link")).toHaveLength(0);
    expect(await opened.query("SELECT revocation_reason FROM token_family")).toEqual([
      { revocation_reason: "user disabled" },
    ]);
    // What has ended stays ended when the user comes back.
    expect(await userDirectory.setDisabled(cast.user.id, false, ACTOR, NOW)).toMatchObject({ disabled: false });
    expect(await opened.storage.families.findLive(family?.familyId ?? "", NOW)).toBeUndefined();
    expect(await opened.storage.codes.redeem(redemptionOf(unspent), NOW)).toBeUndefined();
    expect((await audit()).map(({ event }) => event).slice(-2)).toEqual(["user disabled", "user enabled"]);
  });

  test("the flag follows, also when it is set already; an unknown id is unknown (v1 U09, v1 X09)", async () => {
    const { userDirectory } = opened.storage;
    const user = await create();
    for (const disabled of [true, true, false, false]) {
      expect(await userDirectory.setDisabled(user.id, disabled, ACTOR, NOW)).toEqual({ ...user, disabled });
    }
    for (const id of ["nobody", "", "\0"]) {
      expect(await userDirectory.setDisabled(id, true, ACTOR, NOW)).toBeUndefined();
    }
    expect((await audit()).filter(({ event }) => event === "user disabled")).toHaveLength(1);
  });
});

test("deleting takes everything of the user along, and the id is never given away again (ADM-6, JWT-8)", async () => {
  const cast = await makeCast(opened);
  await signIn(opened, cast);
  const { userDirectory } = opened.storage;
  const outcomes = await Promise.all([1, 2].map(() => userDirectory.delete(cast.user.id, ACTOR)));
  expect(outcomes.sort()).toEqual([false, true]);
  for (const table of ["app_user", "session", "remote_identity", "password"]) {
    expect(await opened.query(`SELECT FROM ${table}`)).toHaveLength(0);
  }
  expect((await audit()).filter(({ event }) => event === "user deleted")).toMatchObject([
    { subject_id: cast.user.id, actor_id: "root" },
  ]);
  expect(await userDirectory.create(makeEntry({ id: cast.user.id }), ACTOR)).toBe("email taken");
  expect(await userDirectory.delete("\0", ACTOR)).toBe(false);
});

describe("identities", () => {
  test("one is unlinked with what it began; another user's is not (v1 U11)", async () => {
    const cast = await makeCast(opened);
    await signIn(opened, cast);
    const { userDirectory } = opened.storage;
    const identity = { connectorId: "local", remoteId: cast.user.id };
    const stranger = await create();
    expect(await userDirectory.unlink(stranger.id, identity, ACTOR, NOW)).toBe(false);
    expect(await userDirectory.unlink("nobody", identity, ACTOR, NOW)).toBe(false);
    const outcomes = await Promise.all([1, 2].map(() => userDirectory.unlink(cast.user.id, identity, ACTOR, NOW)));
    expect(outcomes.sort()).toEqual([false, true]);
    expect(await userDirectory.identities(cast.user.id)).toEqual([]);
    expect(await opened.query("SELECT FROM session")).toHaveLength(0);
    expect(await opened.query("SELECT FROM password")).toHaveLength(0);
    expect(await outbox()).toMatchObject([{ kind: "identity-unlinked", user_id: cast.user.id, connector_id: "local" }]);
    expect((await audit()).at(-1)).toMatchObject({ event: "identity unlinked", detail: { connector: "local" } });
  });

  test("of an unknown user there are none to list", async () => {
    expect(await opened.storage.userDirectory.identities("nobody")).toBeUndefined();
    expect(await opened.storage.userDirectory.identities("\0")).toBeUndefined();
  });
});

describe("refresh clients", () => {
  test("a client is listed once however many tokens it holds, and revoked alone (v1 R04, v1 R05, v1 X11)", async () => {
    const cast = await makeCast(opened);
    const other = { ...(await makeCast(opened)), user: cast.user };
    const { userDirectory, codes, families } = opened.storage;
    for (const one of [cast, cast, other]) await codes.redeem(redemptionOf(await signIn(opened, one)), NOW);
    const ids = async () => (await userDirectory.refreshClients(cast.user.id, NOW))?.map(({ id }) => id);
    expect(await ids()).toEqual([cast.client.id, other.client.id].sort());
    const stranger = await create();
    expect(await userDirectory.revokeRefresh(stranger.id, cast.client.id, ACTOR, NOW)).toBe(0);
    expect(await ids()).toHaveLength(2);
    expect(await userDirectory.revokeRefresh(cast.user.id, cast.client.id, ACTOR, NOW)).toBe(2);
    expect(await ids()).toEqual([other.client.id]);
    expect(await userDirectory.revokeRefresh(cast.user.id, cast.client.id, ACTOR, NOW)).toBe(0);
    expect(families).toBeDefined();
    expect((await audit()).filter(({ event }) => event === "refresh tokens revoked")).toMatchObject([
      { subject_id: cast.user.id, detail: { client: cast.client.id, families: 2 } },
    ]);
  });

  test("each device's token is listed by itself, and ended alone by whom it belongs to", async () => {
    const cast = await makeCast(opened);
    const { userDirectory, codes } = opened.storage;
    for (let device = 0; device < 2; device++) await codes.redeem(redemptionOf(await signIn(opened, cast)), NOW);
    const list = async () => (await userDirectory.refreshTokens(cast.user.id, NOW)) ?? [];
    const [first, second] = await list();
    expect(first).toMatchObject({ clientId: cast.client.id, createdAt: NOW, lastUsedAt: NOW });
    expect(first?.id).not.toBe(second?.id);
    const stranger = await create();
    const revoke = (userId: string, id = "") => userDirectory.revokeRefreshToken(userId, id, ACTOR, NOW);
    expect(await revoke(stranger.id, first?.id)).toBe(false);
    for (const none of ["", "no id", "00000000-0000-4000-8000-000000000000"]) {
      expect(await revoke(cast.user.id, none)).toBe(false);
    }
    expect(await list()).toHaveLength(2);
    const racing = await Promise.all([1, 2, 3].map(() => revoke(cast.user.id, first?.id)));
    expect(racing.sort()).toEqual([false, false, true]);
    expect((await list()).map(({ id }) => id)).toEqual([second?.id]);
    expect((await audit()).filter(({ event }) => event === "refresh tokens revoked")).toMatchObject([
      { subject_id: cast.user.id, detail: { client: cast.client.id, families: 1 } },
    ]);
    expect(await userDirectory.refreshTokens("nobody", NOW)).toBeUndefined();
    expect(await userDirectory.refreshTokens(stranger.id, NOW)).toEqual([]);
  });

  test("of an unknown user there are none to list or revoke", async () => {
    const { userDirectory } = opened.storage;
    expect(await userDirectory.refreshClients("nobody", NOW)).toBeUndefined();
    expect(await userDirectory.revokeRefresh("nobody", "app", ACTOR, NOW)).toBeUndefined();
    expect(await userDirectory.refreshClients("\0", NOW)).toBeUndefined();
    const user = await create();
    expect(await userDirectory.refreshClients(user.id, NOW)).toEqual([]);
    expect(await userDirectory.revokeRefresh(user.id, "\0", ACTOR, NOW)).toBe(0);
  });
});

test("a reset is promised once a minute, to whoever signs in with a password and is not disabled", async () => {
  const { userDirectory } = opened.storage;
  const user = await create({}, { passwordHash: "$argon2id$hash" });
  const promise = (id: string) => userDirectory.promisePasswordReset(id, ORIGIN, ACTOR, NOW);
  expect(await Promise.all([promise(user.id), promise(user.id)])).toEqual(["promised", "promised"]);
  expect(await outbox()).toMatchObject([{ kind: "password-reset", email: user.email, user_id: null }]);
  expect((await audit()).filter(({ event }) => event === "password reset requested")).toHaveLength(1);
  expect(await promise((await create()).id)).toBe("promised");
  const elsewhere = await create();
  await opened.query("UPDATE remote_identity SET connector_id = 'up', remote_id = 'x' WHERE user_id = $1", [
    elsewhere.id,
  ]);
  expect(await promise(elsewhere.id)).toBe("no password");
  expect(await promise((await create({ disabled: true }, { passwordHash: "x" })).id)).toBe("disabled");
  expect(await promise("nobody")).toBe("unknown");
  expect(await promise("\0")).toBe("unknown");
});
