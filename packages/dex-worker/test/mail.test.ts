// The way of a mail through the whole worker: asked for, promised, sent, and its link taken back.
import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LogFields, type Logger, Secret, silentLogger, systemClock } from "@dex/runtime";
import { migrate, openStorage, type Storage } from "@dex/storage";
import { findFreePorts, type MailSink, openTestDatabase, startMailSink } from "@dex/testing";
import { type LinkTokens, makeLinkTokens } from "@dex/users";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readWorkerConfig, type WorkerConfig } from "../src/config.ts";
import { startMail } from "../src/mail.ts";

const ORIGIN = { clientId: undefined, redirectUri: undefined, flowId: undefined, locale: "de-AT" };
const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const lines: string[] = [];
const at = (level: string) => (event: string, fields?: LogFields) =>
  void lines.push(`${level}: ${event} ${JSON.stringify(fields)}`);
const logger: Logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };

let storage: Storage;
let sink: MailSink;
let tokens: LinkTokens;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const database = await openTestDatabase(async (url) => {
    await migrate({ url: new Secret(url), logger: silentLogger });
  });
  storage = openStorage({
    url: new Secret(database.url),
    applicationName: "dex mail test",
    namedStatements: true,
    logger,
  });
  const [port = 0] = await findFreePorts(1);
  sink = await startMailSink(port);
  const config = readConfig(database.url, port);
  const { salt } = await storage.installation.read();
  tokens = makeLinkTokens({ secrets: config.keySecrets, salt });
  const mail = startMail(config, { storage, salt, clock: systemClock, logger });
  closing.push(
    () => mail.close(),
    () => storage.close(),
    () => sink.close(),
    () => database.close(),
  );
});
afterAll(async () => {
  for (const close of closing) await close();
});

function readConfig(databaseUrl: string, port: number): WorkerConfig {
  const emailer = join(mkdtempSync(join(tmpdir(), "dex-mail-")), "emailer.json");
  writeFileSync(emailer, JSON.stringify({ type: "smtp", host: `127.0.0.1:${port}`, from: "noreply@id.example.com" }));
  const argv = [`--email-cfg=${emailer}`, "--issuer=https://id.example.com/dex", "--issuer-name=Example Accounts"];
  const env = { DEX_WORKER_DB_URL: databaseUrl, DEX_WORKER_KEY_SECRETS: randomBytes(32).toString("base64") };
  const result = readWorkerConfig(argv, env);
  if (result.kind === "exit") throw new Error(result.message);
  return result.values;
}

async function createUser(email: string): Promise<string> {
  const id = `user-of-${email}`;
  const user = { id, email, emailVerified: true, displayName: "Jane", admin: false, createdAt: systemClock() };
  await storage.connectors.replaceAll([{ id: "local", type: "local", config: {} }], ACTOR);
  await storage.users.createLocal(user, "$argon2id$hash", "local", ACTOR);
  return id;
}

test("a reset that was asked for arrives in the reader's language, with a live link that no log line holds (v1 E05, ACC-8, LOG-1)", async () => {
  const userId = await createUser("jane@example.com");
  await storage.accountLinks.requestPasswordReset("jane@example.com", ORIGIN, systemClock());
  const mail = await sink.waitFor("jane@example.com", /Passwort/, 10_000);
  expect(mail.link).toMatch(/^https:\/\/id\.example\.com\/dex\/reset-password\?token=dxl_/);
  const token = new URL(mail.link ?? "").searchParams.get("token") ?? "";
  const id = tokens.read("reset password", token) ?? "";
  expect(await storage.accountLinks.find(id, "reset password", systemClock())).toMatchObject({ user: { id: userId } });
  await expect.poll(() => lines.some((line) => line.startsWith("info: mail sent"))).toBe(true);
  expect(lines.join("\n")).not.toContain(token);
  expect(lines.join("\n")).not.toContain("jane@example.com");
});

test("a reset for an address that nobody has sends nothing, and ends as nothing to look at (ACC-2, v1 E05)", async () => {
  await storage.accountLinks.requestPasswordReset("nobody@example.com", ORIGIN, systemClock());
  const discarded = () => storage.mailQueue.list({ state: "discarded", limit: 10, after: undefined });
  await expect.poll(async () => (await discarded())?.mails.length, { timeout: 10_000 }).toBe(1);
  expect(sink.accepted.filter(({ to }) => to === "nobody@example.com")).toEqual([]);
  expect(await storage.mailQueue.list({ state: "dead", limit: 10, after: undefined })).toEqual({
    mails: [],
    next: undefined,
  });
});
