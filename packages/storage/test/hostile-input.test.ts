import { addSeconds, Secret, sha256, silentLogger } from "@dex/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStorage } from "../src/index.ts";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import {
  ACTOR,
  type Cast,
  makeCast,
  makeCodeRow,
  makeSessionRow,
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

const HOSTILE = [
  "' OR '1'='1",
  "'; SELECT pg_sleep(10); --",
  '"; DROP TABLE client; --',
  "\\'; SELECT pg_sleep(10)",
  "$1",
  "?",
  "%",
  "{a,b}",
  "nul\0inside",
  "\0",
  "\uD800 lone surrogate",
  "\u202E reversed",
  "😀".repeat(5_000),
  "",
];

test.each(HOSTILE)("%j finds nothing, breaks nothing and is answered at once (SQL-1)", async (text) => {
  const { clients, administrators, users, passwords, failures, signIns, codes, families } = opened.storage;
  const start = performance.now();
  const identity = {
    ...{ connectorId: text, remoteId: text, email: text, emailVerified: true, displayName: text },
    ...{ preferredUsername: text, groups: [text], authTime: undefined, amr: [] },
  };
  const nobody = { user: undefined, userWithSameEmail: undefined, consentedScope: undefined };
  expect(await clients.find(text)).toBeUndefined();
  expect(await clients.delete(text, ACTOR)).toBe(false);
  expect(await clients.originIsRegistered(text)).toBe(false);
  expect(await administrators.find(text)).toBeUndefined();
  expect(await users.findByIdentity(identity, text)).toEqual(nobody);
  expect(await passwords.beginAttempt(text, text, 60, NOW)).toMatchObject({ accountAttempts: 1, candidate: undefined });
  expect(await failures.count(text, 60, NOW)).toMatchObject({ failures: 1 });
  expect(await signIns.findSession(sha256(text), text, NOW, 60)).toBeUndefined();
  expect(await codes.find(sha256(text))).toBeUndefined();
  expect(await families.find(text)).toBeUndefined();
  expect(await families.findLive(text, NOW)).toBeUndefined();
  await families.revoke(text, "revoked by client", NOW);
  const code = await signIn(opened, cast);
  const redemption = redemptionOf(code);
  for (const wrong of [{ clientId: text }, { redirectUri: text }, { challengeOfVerifier: text }]) {
    expect(await codes.redeem({ ...redemption, ...wrong }, NOW)).toBeUndefined();
  }
  await codes.redeem(redemption, NOW);
  const rotation = {
    ...{ familyId: redemption.family.id, clientId: text, presentedHash: sha256(text), presentedGeneration: 1 },
    ...{ nextHash: sha256(text), sealedNext: sha256(text), scope: [text], idleExpiresAt: NOW },
    ...{ allowedConnectors: [text], upstreamAskedSince: NOW, confirmation: { jkt: text } },
  };
  expect(await families.rotate(rotation, NOW)).toBeUndefined();
  expect(performance.now() - start).toBeLessThan(3_000);
});

test.each(HOSTILE)("%j is stored as it is, but for what Postgres has no place for", async (text) => {
  const stored = text.replaceAll("\0", "\uFFFD").replace("\uD800", "\uFFFD");
  const user = makeUserRow({ displayName: text });
  await opened.storage.users.createLocal(user, "hash", "local", { ...ACTOR, id: text });
  const session = makeSessionRow({ ...cast, user }, { groups: [text], preferredUsername: text });
  const code = makeCodeRow({ ...cast, user }, { nonce: text });
  const input = { session, code, replaces: undefined, rightPassword: { account: text, source: text } };
  expect(await opened.storage.signIns.signIn(input)).toBe("issued");
  expect(await opened.storage.codes.redeem(redemptionOf(code), NOW)).toMatchObject({
    nonce: stored,
    user: { displayName: stored, groups: [stored], preferredUsername: stored },
  });
  const connectors = [
    { id: "local", type: "local", config: {} },
    { id: "z", type: "t", config: { [`k${stored}`]: text } },
  ];
  await opened.storage.connectors.replaceAll(connectors, ACTOR);
  expect((await opened.storage.connectors.list())[1]?.config).toEqual({ [`k${stored}`]: stored });
});

test("a dump of every table holds no code, refresh token, session id or client secret (P4, TOK-17)", async () => {
  const secrets = ["canary-code-7f1c", "canary-refresh-0b44", "canary-session-91aa"];
  const [code, refresh, session] = secrets.map((text) => sha256(text));
  if (code === undefined || refresh === undefined || session === undefined) throw new Error("three secrets are given");
  const row = makeCodeRow(cast, { hash: code, sessionHash: session });
  await opened.storage.signIns.signIn({
    session: makeSessionRow(cast, { hash: session }),
    code: row,
    replaces: undefined,
    rightPassword: undefined,
  });
  const { family, ...redemption } = redemptionOf(row);
  await opened.storage.codes.redeem({ ...redemption, family: { ...family, refreshTokenHash: refresh } }, NOW);
  await opened.storage.passwords.beginAttempt("canary@example.com", "canary-source", 60, addSeconds(NOW, 1));
  const tables = await opened.query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
  );
  expect(tables.length).toBeGreaterThan(15);
  for (const { name } of tables) {
    const [dump] = await opened.query<{ text: string | null }>(
      `SELECT string_agg(t::text, ' ') AS text FROM "${name}" t`,
    );
    for (const secret of [...secrets, "canary@example.com", "canary-source"]) {
      expect(dump?.text ?? "", name).not.toContain(secret);
      expect(dump?.text ?? "", name).not.toContain(Buffer.from(secret).toString("hex"));
    }
  }
});

test("everything works without prepared names, as behind a pooler in transaction mode", async () => {
  const storage = openStorage({
    url: opened.url,
    applicationName: "pooled",
    namedStatements: false,
    logger: silentLogger,
    maxConnections: 1,
  });
  const code = await signIn({ ...opened, storage }, cast);
  expect(await storage.codes.redeem(redemptionOf(code), NOW)).toBeDefined();
  expect(await storage.changes.read()).toBeDefined();
  await storage.close();
});

test("no error and no log of a refused connection shows the password of the database (SEC-1)", async () => {
  const url = new Secret("postgres://dex:canary-password@127.0.0.1:1/dex");
  const storage = openStorage({ url, applicationName: "t", namedStatements: true, logger: silentLogger });
  const error: unknown = await storage.ping().catch((reason: unknown) => reason);
  expect(JSON.stringify(error) + String(error) + String(error instanceof Error && error.cause)).not.toContain("canary");
  await storage.close();
});
