import { Secret, silentLogger } from "@dex/runtime";
import { openStorage, type Storage } from "@dex/storage";
import { openTestDatabase, type TestDatabase } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { query } from "./dex-v1-database.ts";
import { runDexctl } from "./run-dexctl.ts";

let database: TestDatabase;
let storage: Storage;
let userId: string;

beforeAll(async () => {
  database = await openTestDatabase(async (url) => {
    await runDexctl(["migrate", "--db-url", url]);
    await runDexctl(["set-connector-configs", "-", "--db-url", url], { stdin: '[{"id":"local","type":"local"}]' });
  });
  const url = new Secret(database.url);
  storage = openStorage({ url, applicationName: "test", namedStatements: true, logger: silentLogger });
  const { stdout } = await dexctl("create", "jane@example.com", "--name", "Jane");
  userId = /^created user (\S+?),/.exec(stdout)?.[1] ?? expect.fail(stdout);
});
afterAll(async () => {
  await storage.close();
  await database.close();
});

const dexctl = (...args: string[]) => runDexctl(["users", ...args], { env: { DEXCTL_DB_URL: database.url } });
const profile = async () => (await storage.userDirectory.find(userId))?.profile;

test("update changes what is given, takes away what is empty, and leaves the rest", async () => {
  const set = ["given_name=Jane", "nickname=jd", "phone_number=+49 30 1234567", "address.country=DE"];
  const { code, stdout, stderr } = await dexctl("update", "jane@example.com", "--set", ...set, "--phone-verified");
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `changed user ${userId}\n`, stderr: "" });
  const first = {
    ...{ given_name: "Jane", nickname: "jd", address: { country: "DE" }, updated_at: expect.any(Number) },
    ...{ phone_number: "+49 30 1234567", phone_number_verified: true },
  };
  expect(await profile()).toEqual(first);
  await dexctl("update", userId, "--name", "Jane Doe", "--set", "nickname=", "phone_number=+49 30 7654321");
  const { nickname: _taken, ...rest } = first;
  expect(await profile()).toEqual({ ...rest, phone_number: "+49 30 7654321", phone_number_verified: false });
  expect(await storage.userDirectory.find(userId)).toMatchObject({
    displayName: "Jane Doe",
    email: "jane@example.com",
  });
});

test("the audit event tells which members were changed, and not what they say (ADM-6)", async () => {
  await dexctl("update", userId, "--set", "gender=female");
  const events = await query<{ detail: object }>(
    database.url,
    "SELECT detail FROM audit_event WHERE subject_id = $1 AND event = 'user updated' ORDER BY id DESC LIMIT 1",
    [userId],
  );
  expect(events[0]?.detail).toEqual({ profile: ["gender"] });
});

test.each([
  { args: ["--set", "birthdate=yesterday"], says: "profile.birthdate" },
  { args: ["--set", "shoe_size=44"], says: "shoe_size" },
  { args: [], says: "nothing to change" },
])("$args changes nothing", async ({ args, says }) => {
  const before = await profile();
  const { code, stderr } = await dexctl("update", userId, ...args);
  expect(code).not.toBe(0);
  expect(stderr).toContain(says);
  expect(await profile()).toEqual(before);
});
