import type { NewUpstreamGrant } from "@dex/oidc";
import { addSeconds } from "@dex/runtime";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { GrantOwner } from "../src/index.ts";
import type { GrantSettlement } from "../src/upstream-grants.ts";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import {
  ACTOR,
  type Cast,
  freshUuid,
  makeCast,
  makeCodeRow,
  makeSessionRow,
  makeUserRow,
  NOW,
  redemptionOf,
} from "./rows.ts";

let opened: TestStorage;
let cast: Cast;
let owner: GrantOwner;
beforeAll(async () => {
  opened = await openTestStorage({ maxConnections: 25 });
});
afterAll(() => opened.close());
beforeEach(async () => {
  cast = await makeCast(opened);
  owner = { userId: cast.user.id, connectorId: "local" };
});

const later = (seconds: number) => addSeconds(NOW, seconds);
const grantOf = (text: string): NewUpstreamGrant => ({ remoteId: cast.user.id, sealed: Buffer.from(text) });

/** Signs in as a connector that gave `grant`, and redeems the code. Returns the hash of the session, and the family. */
async function signIn(
  grant: NewUpstreamGrant | undefined,
  asked: ("groups" | "offline_access")[] = ["offline_access"],
) {
  const session = makeSessionRow(cast, { asked, groups: ["staff"] });
  const code = makeCodeRow(cast, { sessionHash: session.hash, scope: ["openid", "groups", "offline_access"] });
  const how = { replaces: undefined, rightPassword: undefined, upstreamGrant: grant };
  opened.takeStatements();
  expect(await opened.storage.signIns.signIn({ session, code, ...how })).toBe("issued");
  expect(opened.takeStatements()).toEqual(["signIn.signIn"]);
  const redemption = redemptionOf(code);
  await opened.storage.codes.redeem(redemption, NOW);
  return { hash: session.hash, familyId: redemption.family.id };
}

async function sealedNow(): Promise<string | undefined> {
  const [row] = await opened.query<{ sealed: Buffer | null }>("SELECT sealed FROM upstream_grant WHERE user_id = $1", [
    cast.user.id,
  ]);
  return row?.sealed?.toString();
}

const take = (since: Date, now = since, seconds = 30) =>
  opened.storage.upstreamGrants.lease(owner, { id: freshUuid(), until: addSeconds(now, seconds) }, since, now);
async function mustLease(since: Date, now = since): Promise<string> {
  const id = freshUuid();
  const state = await opened.storage.upstreamGrants.lease(owner, { id, until: addSeconds(now, 30) }, since, now);
  expect(state?.leased).toBeDefined();
  return id;
}

describe("what an upstream gave", () => {
  test("is kept by the statement of the sign-in, and the next takes its place", async () => {
    await signIn(grantOf("one"));
    expect(await sealedNow()).toBe("one");
    await signIn(grantOf("two"));
    expect(await sealedNow()).toBe("two");
  });

  test("stays when a sign-in brings nothing (C 19)", async () => {
    await signIn(grantOf("one"));
    await signIn(undefined);
    expect(await sealedNow()).toBe("one");
  });

  test("stays when a sign-in asked for less, until it is of no use", async () => {
    await signIn(grantOf("with groups"), ["groups", "offline_access"]);
    await signIn(grantOf("without"));
    expect(await sealedNow()).toBe("with groups");
    await opened.storage.upstreamGrants.settle(
      owner,
      await mustLease(later(1)),
      { kind: "refused", gone: false },
      later(1),
    );
    await signIn(grantOf("without"));
    expect(await sealedNow()).toBe("without");
    await signIn(grantOf("with groups again"), ["groups", "offline_access"]);
    expect(await sealedNow()).toBe("with groups again");
  });

  test.each([
    { gone: true, live: [], events: ["token family revoked"] },
    { gone: false, live: ["family"], events: [] },
  ])(
    "ends the families of who is gone for good, and not of who may be welcome again: gone $gone (REF-13, ADM-6)",
    async ({ gone, live, events }) => {
      const { familyId } = await signIn(grantOf("one"));
      await opened.storage.upstreamGrants.settle(owner, await mustLease(later(1)), { kind: "refused", gone }, later(2));
      const family = await opened.storage.families.find(familyId);
      expect(family?.revokedAt === undefined ? ["family"] : []).toEqual(live);
      const audited = await opened.query("SELECT event FROM audit_event WHERE detail->>'family' = $1", [familyId]);
      expect(audited).toEqual(events.map((event) => ({ event })));
    },
  );

  test("is kept for nobody who may not sign in, nor for an identity that was unlinked meanwhile", async () => {
    const session = makeSessionRow(cast, { asked: ["offline_access"] });
    const how = { code: undefined, replaces: undefined, rightPassword: undefined };
    const stranger = { ...grantOf("one"), remoteId: "unlinked" };
    expect(await opened.storage.signIns.signIn({ session, ...how, upstreamGrant: stranger })).toBe("user gone");
    await opened.query("UPDATE app_user SET disabled = true WHERE id = $1", [cast.user.id]);
    expect(await opened.storage.signIns.signIn({ session, ...how, upstreamGrant: grantOf("one") })).toBe("user gone");
    expect(await sealedNow()).toBeUndefined();
  });

  test("goes with its identity and with its user", async () => {
    await signIn(grantOf("one"));
    await opened.query("DELETE FROM remote_identity WHERE user_id = $1", [cast.user.id]);
    expect(await opened.query("SELECT FROM upstream_grant WHERE user_id = $1", [cast.user.id])).toEqual([]);
    const other = makeUserRow();
    await opened.storage.users.createLocal(other, "hash", "local", ACTOR);
    cast = { ...cast, user: other };
    await signIn(grantOf("two"));
    await opened.storage.userDirectory.delete(other.id, ACTOR);
    expect(await opened.query("SELECT FROM upstream_grant WHERE user_id = $1", [other.id])).toEqual([]);
  });

  test("is forgotten with its connector, which does not let the tokens go on that hung on it", async () => {
    const { familyId } = await signIn(grantOf("one"));
    await opened.storage.connectors.replaceAll([{ id: "other", type: "local", config: {} }], ACTOR);
    await opened.storage.connectors.replaceAll([{ id: "local", type: "local", config: {} }], ACTOR);
    expect(await sealedNow()).toBeUndefined();
    expect((await opened.storage.families.find(familyId))?.upstream?.outcome).toBe("refused");
    expect((await take(later(1)))?.leased).toMatchObject({ sealed: undefined, remoteId: cast.user.id });
  });
});

describe("the lease", () => {
  test("is given to one of 20 who ask at once", async () => {
    await signIn(grantOf("one"), ["groups", "offline_access"]);
    const states = await Promise.all(Array.from({ length: 20 }, () => take(later(1))));
    const leased = states.filter((state) => state?.leased !== undefined);
    expect(leased).toHaveLength(1);
    expect(leased[0]).toMatchObject({
      leased: { sealed: Buffer.from("one"), remoteId: cast.user.id, asked: ["groups", "offline_access"] },
      outcome: "good",
      checkedAt: NOW,
    });
  });

  test("ends by itself, and who held it can neither keep nor settle anything then", async () => {
    const { familyId } = await signIn(grantOf("one"));
    const { upstreamGrants } = opened.storage;
    const dead = await mustLease(later(1));
    expect((await take(later(1), later(30)))?.leased).toBeUndefined();
    const next = await mustLease(later(1), later(31));
    expect(await upstreamGrants.keep(owner, dead, Buffer.from("stolen"))).toBe(false);
    for (const settlement of [{ kind: "refused", gone: true }, { kind: "unavailable" }] as const) {
      expect(await upstreamGrants.settle(owner, dead, settlement, later(32))).toBe(false);
    }
    expect(await sealedNow()).toBe("one");
    expect(await upstreamGrants.keep(owner, next, Buffer.from("two"))).toBe(true);
    expect(await sealedNow()).toBe("two");
    expect((await opened.storage.families.find(familyId))?.upstream?.outcome).toBe("good");
  });

  test("is taken from its holder by a sign-in, whose grant is not undone", async () => {
    await signIn(grantOf("one"));
    const lease = await mustLease(later(1));
    await signIn(grantOf("two"));
    const { upstreamGrants } = opened.storage;
    expect(await upstreamGrants.keep(owner, lease, Buffer.from("old"))).toBe(false);
    expect(await upstreamGrants.settle(owner, lease, { kind: "refused", gone: false }, later(2))).toBe(false);
    expect(await sealedNow()).toBe("two");
  });

  const settlements: GrantSettlement[] = [
    { kind: "good", sealed: undefined, claims: undefined },
    { kind: "refused", gone: false },
    { kind: "unavailable" },
  ];
  test.each(settlements)("is not given when an answer came since: $kind", async (settlement) => {
    const { kind } = settlement;
    await signIn(grantOf("one"));
    const { upstreamGrants } = opened.storage;
    expect(await upstreamGrants.settle(owner, await mustLease(later(1)), settlement, later(2))).toBe(true);
    const state = await take(later(2), later(3));
    expect(state?.leased).toBeUndefined();
    if (kind === "unavailable") expect(state).toMatchObject({ unavailableAt: later(2), checkedAt: NOW });
    else expect(state).toMatchObject({ outcome: kind, checkedAt: later(2) });
    expect((await take(later(3)))?.leased).toBeDefined();
  });

  test("is nobody's where there is no grant", async () => {
    expect(await take(later(1))).toBeUndefined();
  });
});

describe("an answer", () => {
  const claims = { groups: ["alumni"], preferredUsername: "j.doe" };

  test("is in live families and sessions of this connector from then on, and in no others", async () => {
    const { familyId, hash } = await signIn(grantOf("one"), ["groups", "offline_access"]);
    const ended = await signIn(undefined);
    await opened.storage.families.revoke(ended.familyId, "revoked by client", NOW);
    const elsewhere = await signIn(undefined);
    await opened.query("UPDATE token_family SET connector_id = 'other' WHERE id = $1", [elsewhere.familyId]);
    const settlement = { kind: "good" as const, sealed: Buffer.from("two"), claims };
    opened.takeStatements();
    await opened.storage.upstreamGrants.settle(owner, await mustLease(later(1)), settlement, later(2));
    expect(opened.takeStatements()).toEqual(["upstreamGrant.lease", "upstreamGrant.settle"]);
    expect(await sealedNow()).toBe("two");
    const told = async (id: string) => (await opened.storage.families.find(id))?.grant.user;
    expect(await told(familyId)).toMatchObject(claims);
    expect(await told(ended.familyId)).toMatchObject({ groups: ["staff"], preferredUsername: "jane" });
    expect(await told(elsewhere.familyId)).toMatchObject({ groups: ["staff"] });
    const session = await opened.storage.signIns.findSession(hash, cast.client.id, NOW, 600);
    expect(session?.user).toMatchObject(claims);
  });

  test("tells no groups that were not asked for, and leaves those of before", async () => {
    const { familyId } = await signIn(grantOf("one"));
    const settlement = { kind: "good" as const, sealed: undefined, claims: { ...claims, groups: undefined } };
    await opened.storage.upstreamGrants.settle(owner, await mustLease(later(1)), settlement, later(2));
    const family = await opened.storage.families.find(familyId);
    expect(family?.grant.user).toMatchObject({ groups: ["staff"], preferredUsername: "j.doe" });
  });

  test("that refuses ends sessions and codes of this connector, and changes nothing of what tokens tell (P5)", async () => {
    const session = makeSessionRow(cast);
    const code = makeCodeRow(cast, { sessionHash: session.hash });
    const how = { replaces: undefined, rightPassword: undefined };
    await opened.storage.signIns.signIn({ session, code, ...how });
    const elsewhere = makeSessionRow({ ...cast, connectorId: "local" });
    await opened.storage.signIns.signIn({ session: elsewhere, code: undefined, ...how });
    await opened.query("UPDATE session SET connector_id = 'other' WHERE hash = $1", [elsewhere.hash]);
    const { familyId } = await signIn(grantOf("one"), ["groups", "offline_access"]);
    await opened.storage.upstreamGrants.settle(
      owner,
      await mustLease(later(1)),
      { kind: "refused", gone: false },
      later(2),
    );
    const family = await opened.storage.families.find(familyId);
    expect(family).toMatchObject({ revokedAt: undefined, upstream: { outcome: "refused", checkedAt: later(2) } });
    expect(family?.grant.user.groups).toEqual(["staff"]);
    expect(await opened.query("SELECT hash FROM session WHERE user_id = $1", [cast.user.id])).toEqual([
      { hash: elsewhere.hash },
    ]);
    expect(await opened.storage.codes.redeem(redemptionOf(code), later(3))).toBeUndefined();
  });

  test("and sign-ins, rotations and unlinking do not wait for each other in a circle", async () => {
    const { familyId } = await signIn(grantOf("one"), ["groups", "offline_access"]);
    const settle = async (second: number) => {
      const id = freshUuid();
      const at = later(second);
      const lease = { id, until: addSeconds(at, 30) };
      if ((await opened.storage.upstreamGrants.lease(owner, lease, at, at))?.leased === undefined) return;
      const now = { ...claims, groups: [`g${second}`] };
      await opened.storage.upstreamGrants.settle(owner, id, { kind: "good", sealed: undefined, claims: now }, at);
    };
    const again = async () => {
      const session = makeSessionRow(cast, { asked: ["groups", "offline_access"] });
      const how = { code: undefined, replaces: undefined, rightPassword: undefined, upstreamGrant: grantOf("x") };
      await opened.storage.signIns.signIn({ session, ...how });
    };
    const rounds = Array.from({ length: 20 }, (_, index) => [
      settle(index + 1),
      again(),
      opened.storage.families.findLive(familyId, NOW),
    ]);
    await Promise.all(rounds.flat());
    await opened.storage.userDirectory.unlink(
      owner.userId,
      { connectorId: "local", remoteId: owner.userId },
      ACTOR,
      NOW,
    );
  });
});
