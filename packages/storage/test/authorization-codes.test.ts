import { CODE_CASES, CODE_CASES_NOW, type CodeCase } from "@dex/oidc";
import { addSeconds, sha256 } from "@dex/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import {
  ACTOR,
  type Cast,
  freshUuid,
  makeCast,
  makeClientRow,
  makeCodeRow,
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
afterAll(() => opened.close());

test("redeeming gives what the session and the request said, in one statement", async () => {
  const code = await signIn(opened, cast);
  const redemption = redemptionOf(code);
  opened.takeStatements();
  expect(await opened.storage.codes.redeem(redemption, NOW)).toEqual({
    familyId: redemption.family.id,
    clientId: cast.client.id,
    sessionHash: code.sessionHash,
    user: {
      id: cast.user.id,
      email: cast.user.email,
      emailVerified: true,
      displayName: "Jane",
      preferredUsername: "jane",
      groups: ["staff", "a,b\"'"],
      remoteId: cast.user.id,
    },
    connectorId: "local",
    scope: ["openid", "offline_access"],
    nonce: "n-0S6",
    authTime: NOW,
    amr: ["pwd"],
  });
  expect(opened.takeStatements()).toEqual(["code.redeem"]);
});

test.each([2, 12, 100])(
  "of %i parallel redemptions of one code exactly one gets the grant (TOK-2)",
  async (callers) => {
    const code = await signIn(opened, cast);
    const redemptions = Array.from({ length: callers }, () => redemptionOf(code));
    const grants = await Promise.all(redemptions.map((one) => opened.storage.codes.redeem(one, NOW)));
    const winners = grants.filter((grant) => grant !== undefined);
    expect(winners).toHaveLength(1);
    const ids = redemptions.map(({ family }) => family.id);
    const families = await opened.query<{ id: string }>("SELECT id FROM token_family WHERE id = ANY ($1)", [ids]);
    expect(families).toEqual([{ id: winners[0]?.familyId }]);
    expect(await opened.storage.codes.find(code.hash)).toMatchObject({ familyId: winners[0]?.familyId, spentAt: NOW });
  },
);

test("a spent code still names its family after the code has expired (TOK-1, v1 S07)", async () => {
  const code = await signIn(opened, cast);
  const redemption = redemptionOf(code);
  await opened.storage.codes.redeem(redemption, NOW);
  expect(await opened.storage.codes.redeem(redemptionOf(code), addSeconds(NOW, 1))).toBeUndefined();
  expect(await opened.storage.codes.find(code.hash)).toMatchObject({ familyId: redemption.family.id });
});

test("without offline_access no refresh token is stored and the family ends with its access token (REF-11)", async () => {
  const code = await signIn(opened, cast, { scope: ["openid"] });
  const redemption = redemptionOf(code);
  await opened.storage.codes.redeem(redemption, NOW);
  expect(await opened.storage.families.find(redemption.family.id)).toMatchObject({
    currentHash: undefined,
    expiresAt: redemption.family.accessExpiresAt,
    idleExpiresAt: redemption.family.accessExpiresAt,
  });
});

test("a code is dead after five wrong verifiers, and no count is lost to a race (PKC-7)", async () => {
  const code = await signIn(opened, cast);
  await Promise.all(Array.from({ length: 4 }, () => opened.storage.codes.countWrongVerifier(code.hash)));
  expect(await opened.storage.codes.find(code.hash)).toMatchObject({ wrongVerifiers: 4 });
  await opened.storage.codes.countWrongVerifier(code.hash);
  expect(await opened.storage.codes.redeem(redemptionOf(code), NOW)).toBeUndefined();
});

test("a code of a connector that was removed, or of a client that was deleted, is no good (TOK-16)", async () => {
  const others = [
    { id: "local", type: "local", config: {} },
    { id: "passing", type: "mock", config: {} },
  ];
  await opened.storage.connectors.replaceAll(others, ACTOR);
  const client = makeClientRow();
  await opened.storage.clients.create(client, ACTOR);
  const ofConnector = await signIn(opened, cast, { connectorId: "passing" });
  const ofClient = await signIn(opened, { ...cast, client });
  await opened.storage.connectors.replaceAll(others.slice(0, 1), ACTOR);
  await opened.storage.clients.delete(client.id, ACTOR);
  expect(await opened.storage.codes.redeem(redemptionOf(ofConnector), NOW)).toBeUndefined();
  expect(await opened.storage.codes.find(ofConnector.hash)).toMatchObject({ ownerActive: false });
  expect(await opened.storage.codes.redeem(redemptionOf(ofClient), NOW)).toBeUndefined();
  expect(await opened.storage.codes.find(ofClient.hash)).toBeUndefined();
});

describe("the statement agrees with decideCode: a code", () => {
  let user: Cast["user"];
  beforeAll(async () => {
    for (const id of ["client-a", "client-b"]) await opened.storage.clients.create(makeClientRow({ id }), ACTOR);
    user = makeUserRow();
    await opened.storage.users.createLocal(user, "hash", "local", ACTOR);
  });

  async function store({ stored, when }: CodeCase): Promise<Buffer> {
    const hash = sha256(`case ${when}`);
    if (stored === undefined) return hash;
    const client = makeClientRow({ id: stored.clientId });
    const { expiresAt, redirectUri, codeChallenge } = stored;
    const code = makeCodeRow(
      { ...cast, user, client },
      {
        ...{ hash, expiresAt, redirectUri, codeChallenge, issuedAt: NOW },
        terms: stored.terms,
      },
    );
    await opened.storage.signIns.signIn({
      session: { ...sessionOf(user), hash: sha256(`session of ${when}`) },
      code,
      replaces: undefined,
      rightPassword: undefined,
    });
    await opened.query(
      "UPDATE authorization_code SET spent_at = $2, wrong_verifiers = $3, family_id = $4 WHERE hash = $1",
      [hash, stored.spentAt, stored.wrongVerifiers, stored.familyId],
    );
    await opened.query("UPDATE app_user SET disabled = $2 WHERE id = $1", [user.id, !stored.ownerActive]);
    expect(await opened.storage.codes.find(hash)).toEqual(stored);
    return hash;
  }

  test.each(CODE_CASES)("gives $expected when $when ($by, v1 S04, v1 S05)", async (row) => {
    const codeHash = await store(row);
    const family = { ...redemptionOf(makeCodeRow(cast)).family, id: freshUuid() };
    const grant = await opened.storage.codes.redeem({ ...row.request, codeHash, family }, CODE_CASES_NOW);
    await opened.query("UPDATE app_user SET disabled = false WHERE id = $1", [user.id]);
    expect(grant !== undefined).toBe(row.expected === "redeem");
  });
});

function sessionOf(user: Cast["user"]) {
  return {
    userId: user.id,
    connectorId: "local",
    authTime: NOW,
    amr: [],
    asked: [],
    groups: undefined,
    preferredUsername: undefined,
    userAgent: undefined,
    createdAt: NOW,
    idleExpiresAt: addSeconds(NOW, 60),
    expiresAt: addSeconds(NOW, 60),
  };
}
