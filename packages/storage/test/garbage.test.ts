import { addSeconds, silentLogger } from "@dex/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Leadership, openLeadership } from "../src/index.ts";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { type Cast, makeCast, NOW, redemptionOf, signIn } from "./rows.ts";

let opened: TestStorage;
let cast: Cast;
let leader: Leadership;
beforeAll(async () => {
  opened = await openTestStorage();
  cast = await makeCast(opened);
  const leadership = await openLeadership({ url: opened.url, logger: silentLogger }).tryAcquire();
  if (leadership === undefined) throw new Error("somebody else leads");
  leader = leadership;
});
afterAll(async () => {
  await leader.release();
  await opened.close();
});

const collect = (now: Date, batchSize = 1_000) => opened.storage.garbage.collect(now, batchSize, leader.fence);
const DAY = 86_400;

test("evidence of a replay is kept as long as the family could live, and then goes (TOK-1, REF-2)", async () => {
  const code = await signIn(opened, cast);
  const redemption = redemptionOf(code);
  await opened.storage.codes.redeem(redemption, NOW);
  await collect(addSeconds(NOW, 89 * DAY));
  expect(await opened.storage.codes.find(code.hash)).toMatchObject({ familyId: redemption.family.id });
  expect(await opened.storage.families.find(redemption.family.id)).toBeDefined();
  await collect(addSeconds(NOW, 90 * DAY));
  expect(await opened.storage.codes.find(code.hash)).toBeUndefined();
  expect(await opened.storage.families.find(redemption.family.id)).toBeUndefined();
});

test("a code nobody redeemed keeps its login state from a second one until that has expired too (BRO-6)", async () => {
  const code = await signIn(opened, cast);
  await collect(addSeconds(NOW, 60 + 600));
  expect(await opened.storage.codes.find(code.hash)).toBeDefined();
  await expect(signIn(opened, cast, { loginStateId: code.loginStateId })).rejects.toThrow("flow used");
  await collect(addSeconds(NOW, 60 + 900));
  expect(await opened.storage.codes.find(code.hash)).toBeUndefined();
});

test("batches are bounded, skip what somebody holds, and leave every live row (v1 B01)", async () => {
  await opened.query("TRUNCATE session, attempt_count, authorization_code, token_family");
  const insert = `INSERT INTO session (hash, user_id, connector_id, auth_time, amr, idle_expires_at, expires_at)
    SELECT sha256(($2 || n)::bytea), $1, 'local', $3, '{}', $3, $3 FROM generate_series(1, $4::int) AS n`;
  await opened.query(insert, [cast.user.id, "dead", NOW, 2_500]);
  await opened.query(insert, [cast.user.id, "live", addSeconds(NOW, 1), 50]);
  await opened.storage.failures.count("over", 60, addSeconds(NOW, -60));
  await opened.storage.failures.count("running", 60, NOW);
  expect(await collect(NOW, 100_000)).toMatchObject({
    session: 1_000,
    attempt_count: 1,
    authorization_code: 0,
    token_family: 0,
  });
  const [left, right] = await Promise.all([collect(NOW), collect(NOW)]);
  expect((left?.session ?? 0) + (right?.session ?? 0)).toBe(1_500);
  expect(await collect(NOW)).toMatchObject({ session: 0 });
  expect(await opened.query("SELECT 1 FROM session")).toHaveLength(50);
  expect(await opened.query("SELECT 1 FROM attempt_count")).toHaveLength(1);
});

test("registrations that nobody confirmed go when their link is dead (ACC-8)", async () => {
  const insert = `INSERT INTO registration (id, email, connector_id, password_hash, browser_hash, created_at, expires_at)
    VALUES (gen_random_uuid(), $1, 'local', 'hash', sha256('browser'), $2, $3)`;
  await opened.query(insert, ["old@example.com", addSeconds(NOW, -DAY), NOW]);
  await opened.query(insert, ["live@example.com", NOW, addSeconds(NOW, 1)]);
  expect(await collect(NOW)).toMatchObject({ registration: 1 });
  expect(await opened.query("SELECT email FROM registration")).toEqual([{ email: "live@example.com" }]);
});
