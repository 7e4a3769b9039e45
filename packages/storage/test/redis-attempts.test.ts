import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { addSeconds, silentLogger } from "@dex/runtime";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { type Cast, freshUuid, makeCast, makeSessionRow, NOW } from "./rows.ts";

let server: ChildProcess;
let redis: Redis;
let opened: TestStorage;
let cast: Cast;
beforeAll(async () => {
  const port = await freePort();
  server = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
  await once(server, "spawn");
  redis = new Redis({ port, host: "127.0.0.1", retryStrategy: () => 50, maxRetriesPerRequest: 1 });
  redis.on("error", () => undefined);
  // Not events.once, which takes a refused connection for the end of it.
  await new Promise<void>((resolve) => void redis.once("ready", resolve));
  opened = await openTestStorage({ redis, logger: silentLogger });
  cast = await makeCast(opened);
}, 20_000);
afterAll(async () => {
  await opened.close();
  redis.disconnect();
  server.kill("SIGKILL");
});

const attempt = (email: string) => opened.storage.passwords.beginAttempt(email, "192.0.2.7", 60, NOW);
const counts = () => opened.query("SELECT 1 FROM attempt_count");

test("100 simultaneous guesses get a hundred different counts, and none is a row (ACC-5)", async () => {
  const attempts = await Promise.all(Array.from({ length: 100 }, () => attempt("guessed@example.com")));
  const seen = attempts.map(({ accountAttempts }) => accountAttempts).toSorted((left, right) => left - right);
  expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  expect(await counts()).toEqual([]);
  const { windowEndsAt } = await attempt("guessed@example.com");
  expect(windowEndsAt.getTime() - NOW.getTime()).toBeGreaterThan(50_000);
  expect(windowEndsAt.getTime() - NOW.getTime()).toBeLessThanOrEqual(60_000);
});

test("a sign-in forgets the account's attempts and takes its own back from the source's", async () => {
  const { email } = cast.user;
  await attempt(email);
  const before = await attempt(email);
  expect(before).toMatchObject({ accountAttempts: 2, candidate: { user: { email } } });
  const input = { session: makeSessionRow(cast), code: undefined, replaces: undefined };
  await opened.storage.signIns.signIn({ ...input, rightPassword: { account: email, source: "192.0.2.7" } });
  expect(await attempt(email)).toMatchObject({ accountAttempts: 1, sourceAttempts: before.sourceAttempts });
});

test.each(["reset password", "invitation"] as const)(
  "a used link (%s) forgets the account's attempts and takes none back from the source's (ACC-3)",
  async (purpose) => {
    const { email, id: userId } = cast.user;
    await attempt(email);
    const before = await attempt(email);
    const id = freshUuid();
    await opened.query(
      "INSERT INTO account_link (id, purpose, user_id, email, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
      [id, purpose, userId, email, NOW, addSeconds(NOW, 1800)],
    );
    const { accountLinks } = opened.storage;
    const use = purpose === "invitation" ? accountLinks.acceptInvitation : accountLinks.resetPassword;
    expect(await use(id, "$new", { kind: "user", id: userId, address: "192.0.2.7" }, NOW)).toBe("done");
    const after = await attempt(email);
    expect(after).toMatchObject({ accountAttempts: 1, sourceAttempts: before.sourceAttempts + 1 });
  },
);

test("wrong guesses are beside the hash here too, and no loss of Redis forgets them (ACC-3)", async () => {
  const { email, id } = cast.user;
  await Promise.all(Array.from({ length: 3 }, () => opened.storage.passwords.countWrongGuess(id)));
  await redis.flushall();
  expect(await attempt(email)).toMatchObject({ accountAttempts: 1, candidate: { wrongGuesses: 3 } });
  const input = { session: makeSessionRow(cast), code: undefined, replaces: undefined };
  await opened.storage.signIns.signIn({ ...input, rightPassword: { account: email, source: "192.0.2.7" } });
  expect(await attempt(email)).toMatchObject({ candidate: { wrongGuesses: 0 } });
});

test("while Redis hangs, and when it is gone, Postgres counts within 200 ms more (ACC-3)", async () => {
  server.kill("SIGSTOP");
  const start = performance.now();
  expect(await attempt("hanging@example.com")).toMatchObject({ accountAttempts: 1 });
  expect(await opened.storage.failures.count("client", 60, NOW)).toMatchObject({ failures: 1 });
  expect((performance.now() - start) / 2).toBeLessThan(300);
  server.kill("SIGCONT");
  server.kill("SIGKILL");
  await expect.poll(() => redis.status).not.toBe("ready");
  expect(await attempt("hanging@example.com")).toMatchObject({ accountAttempts: 2 });
  expect(await counts()).not.toEqual([]);
}, 20_000);

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject(address)));
    });
  });
}
