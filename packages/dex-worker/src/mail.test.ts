import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "@dex/runtime";
import { makeLinkTokens } from "@dex/users";
import { expect, test } from "vitest";
import { readWorkerConfig } from "./config.ts";
import { makeLinkFor } from "./mail.ts";

const KEY = Buffer.alloc(32, 7).toString("base64");

function read(...flags: readonly string[]) {
  return readWorkerConfig(["--db-url=postgres://127.0.0.1/dex", `--key-secrets=${KEY}`, ...flags], {});
}

function file(name: string, content: string): string {
  const directory = mkdtempSync(join(tmpdir(), "dex-mail-"));
  writeFileSync(join(directory, name), content);
  return join(directory, name);
}

const SMTP = "--smtp-url=smtps://mail.example.com";
const complete = '{"type":"smtp","host":"mail.example.com:465","from":"file@example.com"}';

test("without a word about mail it goes into the log", () => {
  expect(read()).toMatchObject({ kind: "settings", values: { mail: { emailer: undefined } } });
});

test("the mail server is that of --smtp-url or of the file of --email-cfg, whose sender beats the flag (v1 E02)", () => {
  expect(read(SMTP, "--email-from=flag@example.com")).toMatchObject({
    values: { mail: { emailer: { type: "smtp", from: { address: "flag@example.com" }, server: { tls: "implicit" } } } },
  });
  expect(read(`--email-cfg=${file("emailer.json", complete)}`, "--email-from=flag@example.com")).toMatchObject({
    values: { mail: { emailer: { type: "smtp", from: { address: "file@example.com" } } } },
  });
});

const refusals = [
  {
    what: "two ways to send",
    flags: () => [SMTP, "--email-from=a@example.com", `--email-cfg=${file("e.json", complete)}`],
    says: "both say how mail is sent",
  },
  {
    what: "no sender with --smtp-url (v1 E02)",
    flags: () => [SMTP],
    says: "--email-from (DEX_WORKER_EMAIL_FROM) is required",
  },
  {
    what: "no sender with a file of type smtp (v1 E02)",
    flags: () => [`--email-cfg=${file("e.json", '{"type":"smtp","host":"a.example:25"}')}`],
    says: 'e.json: "from" is missing',
  },
  {
    what: "an unknown type",
    flags: () => [`--email-cfg=${file("e.json", '{"type":"pigeon"}')}`],
    says: 'e.json: "type": found "pigeon"',
  },
  {
    what: "a file that is not there",
    flags: () => ["--email-cfg=/no/such/emailer.json"],
    says: "--email-cfg: /no/such/emailer.json: cannot be read (ENOENT)",
  },
  {
    what: "a directory that is not there",
    flags: () => ["--email-templates=/no/such/templates"],
    says: "--email-templates: /no/such/templates: cannot be read (ENOENT)",
  },
  {
    what: "a template with a mistake",
    flags: () => [`--email-templates=${join(file("invite.txt", "\n{{ lnik }}"), "..")}`],
    says: "invite.txt:2: unknown variable {{ lnik }}",
  },
  {
    what: "a language that nobody wrote",
    flags: () => ["--email-locale=fr"],
    says: "--email-locale (DEX_WORKER_EMAIL_LOCALE): expected en, de or",
  },
  { what: "a mail server that is none", flags: () => ["--smtp-url=http://mail.example.com"], says: "--smtp-url" },
  { what: "a sender that is none (ACC-10)", flags: () => ["--email-from=Dex <dex@example.com>"], says: "--email-from" },
];
test.each(refusals)("$what ends the start with one sentence", ({ flags, says }) => {
  const result = read(...flags());
  expect(result).toMatchObject({ kind: "exit", code: 1 });
  const message = result.kind === "exit" ? result.message : "";
  expect(message).toContain(says);
  expect(message.split("\n")).toHaveLength(1);
});

test("a language is known when operators wrote it", () => {
  const directory = mkdtempSync(join(tmpdir(), "dex-mail-"));
  mkdirSync(join(directory, "fr"));
  writeFileSync(join(directory, "fr", "no-password.txt"), "Bonjour");
  expect(read(`--email-templates=${directory}`, "--email-locale=fr-CA").kind).toBe("settings");
});

const ID = "00000000-0000-4000-8000-000000000001";
const tokens = makeLinkTokens({ secrets: [new Secret(randomBytes(32))], salt: randomBytes(16) });
const places = [
  { purpose: "registration", path: "verify-email" },
  { purpose: "verify email", path: "verify-email" },
  { purpose: "reset password", path: "reset-password" },
  { purpose: "invitation", path: "accept-invitation" },
  { purpose: "change email", path: "change-email" },
] as const;
test.each(places)(
  "a link to $purpose leads below the configured issuer, with a token for that alone (ACC-8, ACC-9)",
  ({ purpose, path }) => {
    for (const issuer of ["https://id.example.com", "https://id.example.com/dex", "https://id.example.com/dex/"]) {
      const link = makeLinkFor(new URL(issuer), tokens)(purpose, ID);
      expect(link.origin + link.pathname).toBe(`${issuer.replace(/\/$/, "")}/${path}`);
      const token = link.searchParams.get("token") ?? "";
      for (const other of places)
        expect(tokens.read(other.purpose, token)).toBe(other.purpose === purpose ? ID : undefined);
    }
  },
);
