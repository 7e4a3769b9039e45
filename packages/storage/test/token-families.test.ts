import { REFRESH_CASES, REFRESH_CASES_NOW, type RefreshCase, type RefreshRotation } from "@dex/oidc";
import { addSeconds, sha256 } from "@dex/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR, type Cast, fresh, makeCast, makeClientRow, makeUserRow, NOW, redemptionOf, signIn } from "./rows.ts";

let opened: TestStorage;
let cast: Cast;
beforeAll(async () => {
  opened = await openTestStorage();
  cast = await makeCast(opened);
});
afterAll(() => opened.close());

/** A family with a refresh token, and its first rotation. */
async function openFamily(of: Cast = cast): Promise<RefreshRotation> {
  const code = await signIn(opened, of);
  const redemption = redemptionOf(code);
  await opened.storage.codes.redeem(redemption, NOW);
  return {
    familyId: redemption.family.id,
    clientId: code.clientId,
    presentedHash: redemption.family.refreshTokenHash ?? Buffer.alloc(0),
    presentedGeneration: 1,
    nextHash: sha256(`next ${fresh()}`),
    sealedNext: Buffer.from("sealed"),
    scope: undefined,
    allowedConnectors: undefined,
    upstreamAskedSince: NOW,
    confirmation: undefined,
    idleExpiresAt: addSeconds(NOW, 30 * 86_400),
  };
}

test("of 20 parallel rotations with one token exactly one gets the grant (REF-4)", async () => {
  const rotation = await openFamily();
  const rotations = Array.from({ length: 20 }, (_, index) => ({ ...rotation, nextHash: sha256(`racer ${index}`) }));
  opened.takeStatements();
  const grants = await Promise.all(rotations.map((one) => opened.storage.families.rotate(one, NOW)));
  expect(opened.takeStatements()).toEqual(new Array(20).fill("family.rotate"));
  const winner = grants.findIndex((grant) => grant !== undefined);
  expect(grants.filter((grant) => grant !== undefined)).toHaveLength(1);
  expect(await opened.storage.families.find(rotation.familyId)).toMatchObject({
    generation: 2,
    currentHash: rotations[winner]?.nextHash,
    previousHash: rotation.presentedHash,
    rotatedAt: NOW,
    sealedCurrent: Buffer.from("sealed"),
  });
});

test("a token that stays keeps its generation, and 20 callers at once all get the grant (FAPI 2.0 section 5.3.2.1)", async () => {
  const rotation = await openFamily();
  const kept = { ...rotation, nextHash: rotation.presentedHash };
  const grants = await Promise.all(Array.from({ length: 20 }, () => opened.storage.families.rotate(kept, NOW)));
  expect(grants.filter((grant) => grant !== undefined)).toHaveLength(20);
  const family = { generation: 1, currentHash: rotation.presentedHash, revokedAt: undefined };
  expect(await opened.storage.families.find(rotation.familyId)).toMatchObject(family);
  expect(await opened.storage.families.rotate(rotation, NOW)).toBeDefined();
  expect(await opened.storage.families.rotate(kept, NOW)).toBeUndefined();
});

test("a rotation with narrower scope leaves the family its whole scope (REF-9)", async () => {
  const rotation = await openFamily();
  const grant = await opened.storage.families.rotate({ ...rotation, scope: ["openid"] }, NOW);
  expect(grant?.scope).toEqual(["openid", "offline_access"]);
});

test("the idle limit never moves beyond the absolute one (REF-14)", async () => {
  const rotation = await openFamily();
  await opened.storage.families.rotate({ ...rotation, idleExpiresAt: addSeconds(NOW, 400 * 86_400) }, NOW);
  const family = await opened.storage.families.find(rotation.familyId);
  expect(family?.idleExpiresAt).toEqual(family?.expiresAt);
});

test("tokens go on telling groups and preferred_username after the session has ended", async () => {
  const { familyId } = await openFamily();
  await opened.query("DELETE FROM session WHERE user_id = $1", [cast.user.id]);
  opened.takeStatements();
  const grant = await opened.storage.families.findLive(familyId, NOW);
  expect(grant?.user).toMatchObject({ groups: ["staff", "a,b\"'"], preferredUsername: "jane" });
  expect(opened.takeStatements()).toEqual(["family.findLive"]);
});

test("revoking ends the family once, with one audit event, and forgets the sealed successor (REF-2, ADM-6)", async () => {
  const rotation = await openFamily();
  const { familyId } = rotation;
  await opened.storage.families.rotate(rotation, NOW);
  const revoke = () => opened.storage.families.revoke(familyId, "refresh token replayed", addSeconds(NOW, 5));
  await Promise.all([revoke(), revoke(), revoke()]);
  expect(await opened.storage.families.findLive(familyId, NOW)).toBeUndefined();
  expect(await opened.storage.families.find(familyId)).toMatchObject({
    revokedAt: addSeconds(NOW, 5),
    sealedCurrent: undefined,
  });
  const events = await opened.query("SELECT event, subject_id, detail FROM audit_event WHERE detail->>'family' = $1", [
    familyId,
  ]);
  const detail = { family: familyId, client: cast.client.id, reason: "refresh token replayed" };
  expect(events).toEqual([{ event: "token family revoked", subject_id: cast.user.id, detail }]);
});

test("a family ends with its client, its connector and its user (TOK-16, C 219)", async () => {
  const client = makeClientRow();
  await opened.storage.clients.create(client, ACTOR);
  const user = makeUserRow();
  await opened.storage.users.createLocal(user, "hash", "local", ACTOR);
  const [ofClient, ofUser, ofConnector] = [
    await openFamily({ ...cast, client }),
    await openFamily({ ...cast, user }),
    await openFamily(),
  ];
  const live = () =>
    Promise.all([ofClient, ofUser, ofConnector].map(({ familyId }) => opened.storage.families.findLive(familyId, NOW)));
  expect((await live()).every((grant) => grant !== undefined)).toBe(true);
  await opened.storage.clients.delete(client.id, ACTOR);
  await opened.query("UPDATE app_user SET disabled = true WHERE id = $1", [user.id]);
  await opened.storage.connectors.replaceAll([], ACTOR);
  expect(await live()).toEqual([undefined, undefined, undefined]);
  expect(await opened.storage.families.rotate(ofConnector, NOW)).toBeUndefined();
  await opened.storage.connectors.replaceAll([{ id: "local", type: "local", config: {} }], ACTOR);
});

describe("the statement agrees with decideRefresh: a refresh token", () => {
  const userId = REFRESH_CASES.find(({ stored }) => stored !== undefined)?.stored?.grant.user.id ?? "";
  beforeAll(async () => {
    for (const id of ["client-a", "client-b"]) await opened.storage.clients.create(makeClientRow({ id }), ACTOR);
    const user = makeUserRow({ id: userId, email: "jane@example.com" });
    await opened.storage.users.createLocal(user, "hash", "local", ACTOR);
  });

  async function store({ stored }: RefreshCase): Promise<void> {
    await opened.query("DELETE FROM token_family WHERE user_id = $1", [userId]);
    await opened.query("DELETE FROM upstream_grant WHERE user_id = $1", [userId]);
    if (stored === undefined) return;
    const { grant, upstream } = stored;
    if (upstream !== undefined) {
      await opened.query(
        `INSERT INTO upstream_grant (user_id, connector_id, remote_id, sealed, asked, outcome, checked_at)
        VALUES ($1, $2, $1, 'sealed', '{}', $3, $4)`,
        [userId, grant.connectorId, upstream.outcome, upstream.checkedAt],
      );
    }
    await opened.query("UPDATE app_user SET disabled = $2 WHERE id = $1", [userId, !stored.ownerActive]);
    await opened.query(
      `INSERT INTO token_family (id, client_id, user_id, connector_id, session_hash, scope, nonce, auth_time, amr,
        created_at, generation, current_hash, previous_hash, sealed_current, rotated_at, idle_expires_at, expires_at,
        revoked_at, terms)
      VALUES ($1, $2, $3, $4, $17, $5, $6, $7, $8, now(), $9, $10, $11, $12, $13, $14, $15, $16, $18)`,
      [
        ...[stored.id, stored.clientId, userId, grant.connectorId, grant.scope, grant.nonce, grant.authTime, grant.amr],
        ...[stored.generation, stored.currentHash, stored.previousHash, stored.sealedCurrent, stored.rotatedAt],
        ...[stored.idleExpiresAt, stored.expiresAt, stored.revokedAt, grant.sessionHash, grant.terms],
      ],
    );
    expect(await opened.storage.families.find(stored.id)).toEqual(stored);
  }

  test.each(REFRESH_CASES)("gives $expected when $when ($by, v1 R02, v1 R03, v1 T23)", async (row) => {
    await store(row);
    const rotation: RefreshRotation = {
      ...row.request,
      nextHash: sha256("next"),
      sealedNext: Buffer.from("sealed next"),
      idleExpiresAt: addSeconds(REFRESH_CASES_NOW, 86_400),
    };
    const grant = await opened.storage.families.rotate(rotation, REFRESH_CASES_NOW);
    const after = await opened.storage.families.find(rotation.familyId);
    await opened.query("UPDATE app_user SET disabled = false WHERE id = $1", [userId]);
    expect(grant).toEqual(row.expected === "rotate" ? row.stored?.grant : undefined);
    if (grant === undefined) expect(after).toEqual(row.stored);
  });
});
