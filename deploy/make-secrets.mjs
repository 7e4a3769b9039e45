// Makes every secret of a trial deployment, once, in the directory given as first argument. A second run keeps what is there.
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// The image's user; the official Postgres image reads its password as root before it steps down.
const DEX_USER = 65532;
const directory = process.argv[2];
if (directory === undefined) {
  console.error("usage: node make-secrets.mjs DIRECTORY");
  process.exit(2);
}

const databasePassword = randomBytes(24).toString("base64url");
const secrets = {
  "postgres-password": databasePassword,
  "database-url": `postgres://dex:${databasePassword}@postgres:5432/dex`,
  "key-secrets": randomBytes(32).toString("base64"),
  "admin-api-secret": randomBytes(128).toString("base64"),
  "client-secret": randomBytes(32).toString("base64url"),
  "user-password": randomBytes(15).toString("base64url"),
};

mkdirSync(directory, { recursive: true });
const asRoot = process.getuid?.() === 0;
chmodSync(directory, 0o700);
if (asRoot) chownSync(directory, DEX_USER, DEX_USER);
const complete = join(directory, "complete");
// The mark comes last: a start that was cut short begins anew, before anybody has used what it made.
if (existsSync(complete)) {
  console.log("the secrets of the first start are kept");
} else {
  for (const [name, value] of Object.entries({ ...secrets, complete: "" })) keep(name, value);
  console.log("made new secrets");
}

function keep(name, value) {
  const path = join(directory, name);
  writeFileSync(`${path}.new`, value, { mode: 0o600 });
  chmodSync(`${path}.new`, 0o600);
  if (asRoot) chownSync(`${path}.new`, DEX_USER, DEX_USER);
  renameSync(`${path}.new`, path);
}
