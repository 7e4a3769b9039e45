import { addSeconds } from "@dex/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { type Cast, freshUuid, makeCast, makeCodeRow, makeSessionRow, NOW, redemptionOf } from "./rows.ts";

let opened: TestStorage;
let cast: Cast;
beforeAll(async () => {
  opened = await openTestStorage();
  cast = await makeCast(opened);
});
afterAll(() => opened.close());

const rest = { replaces: undefined, rightPassword: undefined };
const newFamily = () => ({ id: freshUuid(), expiresAt: addSeconds(NOW, 600) });
const live = (id: string, now = NOW) => opened.storage.families.findLive(id, now);

async function openSession() {
  const session = makeSessionRow(cast);
  await opened.storage.signIns.signIn({ session, code: undefined, ...rest });
  return session;
}

const ways = [
  {
    way: "with a sign-in",
    statement: "signIn.signIn",
    async issue(more: Parameters<typeof makeCodeRow>[1]) {
      const session = makeSessionRow(cast);
      const code = makeCodeRow(cast, { sessionHash: session.hash, ...more });
      opened.takeStatements();
      return { code, outcome: await opened.storage.signIns.signIn({ session, code, ...rest }) };
    },
  },
  {
    way: "for a session",
    statement: "signIn.issueCode",
    async issue(more: Parameters<typeof makeCodeRow>[1]) {
      const session = await openSession();
      const code = makeCodeRow(cast, { sessionHash: session.hash, ...more });
      opened.takeStatements();
      return { code, outcome: await opened.storage.signIns.issueCode({ code, consent: undefined }) };
    },
  },
];

test.each(ways)(
  "$way the family of an access token is opened in the code's statement, for that token's life",
  async (row) => {
    const frontChannelFamily = newFamily();
    const { code, outcome } = await row.issue({ frontChannelFamily });
    expect(outcome).toBe("issued");
    expect(opened.takeStatements()).toEqual([row.statement]);
    expect(await live(frontChannelFamily.id)).toMatchObject({
      familyId: frontChannelFamily.id,
      clientId: cast.client.id,
      user: {
        id: cast.user.id,
        email: cast.user.email,
        emailVerified: true,
        displayName: "Jane",
        preferredUsername: "jane",
        groups: ["staff", "a,b\"'"],
      },
      connectorId: "local",
      scope: code.scope,
      nonce: code.nonce,
      authTime: NOW,
      amr: ["pwd"],
    });
    expect(await live(frontChannelFamily.id, frontChannelFamily.expiresAt)).toBeUndefined();
  },
);

test.each(ways)("$way a login state that was answered opens no second family (BRO-6)", async ({ issue }) => {
  const { code } = await issue({ frontChannelFamily: newFamily() });
  const frontChannelFamily = newFamily();
  const again = await issue({ loginStateId: code.loginStateId, frontChannelFamily });
  expect(again.outcome).toBe("flow used");
  expect(await live(frontChannelFamily.id)).toBeUndefined();
});

test.each(ways)("$way an answer without a code leaves none to redeem, and is given once (BRO-6)", async ({ issue }) => {
  const { code, outcome } = await issue({ spentAt: NOW });
  expect(outcome).toBe("issued");
  expect(await opened.storage.codes.redeem(redemptionOf(code), NOW)).toBeUndefined();
  expect((await issue({ loginStateId: code.loginStateId })).outcome).toBe("flow used");
});

test("five answers at once to one login state open one family (BRO-6)", async () => {
  const session = await openSession();
  const code = makeCodeRow(cast, { sessionHash: session.hash });
  const families = Array.from({ length: 5 }, newFamily);
  const outcomes = await Promise.all(
    families.map((frontChannelFamily, index) =>
      opened.storage.signIns.issueCode({
        code: { ...code, hash: Buffer.alloc(32, index + 1), frontChannelFamily },
        consent: undefined,
      }),
    ),
  );
  expect(outcomes.filter((outcome) => outcome === "issued")).toHaveLength(1);
  const found = await Promise.all(families.map(({ id }) => live(id)));
  expect(found.filter((grant) => grant !== undefined)).toHaveLength(1);
});

test("a code opens its own family beside the one of the access token, and names both when it is used again (TOK-1)", async () => {
  const frontChannelFamily = newFamily();
  const { code } = await (ways[0] ?? expect.fail()).issue({ frontChannelFamily });
  const redemption = redemptionOf(code);
  expect(await opened.storage.codes.redeem(redemption, NOW)).toMatchObject({ familyId: redemption.family.id });
  const stored = await opened.storage.codes.find(code.hash);
  expect(stored).toMatchObject({ familyId: redemption.family.id, frontChannelFamilyId: frontChannelFamily.id });
  const ids = [redemption.family.id, frontChannelFamily.id];
  opened.takeStatements();
  await opened.storage.families.revokeAll([...ids, "no uuid"], "code replayed", NOW);
  expect(opened.takeStatements()).toEqual(["family.revoke"]);
  for (const id of ids) expect(await live(id)).toBeUndefined();
  const sql = "SELECT detail->>'family' AS family FROM audit_event WHERE event = 'token family revoked'";
  const events = (await opened.query<{ family: string }>(sql)).map(({ family }) => family);
  expect(events.sort()).toEqual(ids.sort());
});
