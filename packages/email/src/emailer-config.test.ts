import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { parseEmailerConfig, readEmailerConfig } from "./emailer-config.ts";
import { parseMailAddress } from "./mail-address.ts";

const flag = parseMailAddress("flag@example.com");
const smtp = { type: "smtp", from: "file@example.com" };
const mailgun = {
  type: "mailgun",
  from: "file@example.com",
  privateAPIKey: "key-1",
  publicAPIKey: "pub-1",
  domain: "mg.example.com",
};
const PASSWORD = "canary-password";
const signsIn = { username: "dex", password: PASSWORD };

function read(config: unknown, emailFrom = flag) {
  const result = parseEmailerConfig(JSON.stringify(config), emailFrom);
  if (result.kind === "refused") throw new Error(result.problem);
  return result.emailer;
}

function problemOf(config: unknown, emailFrom = flag): string {
  const result = parseEmailerConfig(typeof config === "string" ? config : JSON.stringify(config), emailFrom);
  return result.kind === "refused" ? result.problem : "none";
}

const servers = [
  {
    what: "host and port",
    config: { host: "mail.example.com", port: 587 },
    server: { host: "mail.example.com", port: 587, tls: "opportunistic" },
  },
  {
    what: "host:port",
    config: { host: "mail.example.com:25" },
    server: { host: "mail.example.com", port: 25, tls: "opportunistic" },
  },
  {
    what: "port 465, which is TLS from the start",
    config: { host: "mail.example.com", port: 465 },
    server: { port: 465, tls: "implicit" },
  },
  { what: "host:465", config: { host: "mail.example.com:465", ...signsIn }, server: { port: 465, tls: "implicit" } },
  { what: "the same port twice", config: { host: "mail.example.com:25", port: 25 }, server: { port: 25 } },
  {
    what: "a password, which demands TLS",
    config: { host: "mail.example.com", port: 25, ...signsIn },
    server: { tls: "starttls" },
  },
  {
    what: "a password on this machine",
    config: { host: "127.0.0.1", port: 25, ...signsIn },
    server: { tls: "opportunistic" },
  },
  { what: "an IPv6 address", config: { host: "[::1]:1025" }, server: { host: "::1", port: 1025 } },
  { what: "TLS demanded", config: { host: "mail.example.com:25", tls: "required" }, server: { tls: "starttls" } },
  { what: "TLS given up", config: { host: "mail.example.com:25", tls: "off" }, server: { tls: "off" } },
  {
    what: "a password in the clear, allowed by name",
    config: { host: "mail.example.com:25", tls: "off", insecureAuth: true, ...signsIn },
    server: { tls: "off" },
  },
  {
    what: "what dex v1 ignored",
    config: { host: "mail.example.com:25", auth: "plain", id: "emailer" },
    server: { credentials: undefined },
  },
  {
    what: "empty texts, which count as missing",
    config: { host: "mail.example.com:25", username: "", password: "" },
    server: { credentials: undefined },
  },
];
test.each(servers)("type smtp with $what is read (v1 E01)", ({ config, server }) => {
  expect(read({ ...smtp, ...config })).toMatchObject({ type: "smtp", from: { address: "file@example.com" }, server });
});

test("user and password come from the file or from a file that it names, and print as secrets (LOG-1)", () => {
  const path = join(mkdtempSync(join(tmpdir(), "dex-emailer-")), "password");
  writeFileSync(path, `${PASSWORD}\n`);
  for (const secret of [{ password: PASSWORD }, { passwordFile: path }]) {
    const emailer = read({ ...smtp, host: "mail.example.com:25", username: "dex", ...secret });
    expect(emailer.type === "smtp" && emailer.server.credentials?.reveal()).toEqual({
      user: "dex",
      password: PASSWORD,
    });
    expect(inspect(emailer, { depth: 9 }) + JSON.stringify(emailer)).not.toContain(PASSWORD);
  }
  const emailer = read({ ...mailgun, privateAPIKey: undefined, privateAPIKeyFile: path });
  expect(emailer.type === "mailgun" && emailer.account.apiKey.reveal()).toBe(PASSWORD);
  expect(inspect(emailer, { depth: 9 }) + JSON.stringify(emailer)).not.toContain(PASSWORD);
});

test("a complete mailgun account is read, and elsewhere than in the US where it says so (v1 E03)", () => {
  expect(read(mailgun)).toMatchObject({
    type: "mailgun",
    account: { domain: "mg.example.com", apiBase: new URL("https://api.mailgun.net") },
  });
  expect(read({ ...mailgun, apiBase: "https://api.eu.mailgun.net/" })).toMatchObject({
    account: { apiBase: new URL("https://api.eu.mailgun.net") },
  });
});

test.each([smtp, mailgun])(
  "the sender in the file of type $type beats the flag, which stands in for it (v1 E02)",
  (config) => {
    const complete = config.type === "smtp" ? { ...config, host: "mail.example.com:25" } : config;
    expect(read(complete).from).toEqual({ address: "file@example.com" });
    expect(read({ ...complete, from: "" }).from).toEqual(flag);
    expect(parseEmailerConfig(JSON.stringify({ ...complete, from: undefined }), undefined)).toMatchObject({
      kind: "refused",
      problem: expect.stringContaining('"from" is missing'),
    });
  },
);

test("type fake needs no sender", () => {
  expect(parseEmailerConfig('{"type":"fake"}', undefined)).toMatchObject({
    emailer: { type: "fake", from: { address: "noreply@example.com" } },
  });
});

const refusals = [
  { what: "what is no JSON", config: `{"type":"smtp","password":"${PASSWORD}"`, says: "expected JSON" },
  { what: "a list", config: [], says: "expected a JSON object" },
  { what: "no type", config: {}, says: '"type": found none' },
  { what: "a type that is no text", config: { type: 1 }, says: '"type": found none' },
  { what: "an unknown type", config: { type: "pigeon" }, says: 'found "pigeon"' },
  { what: "another case of a type", config: { type: "SMTP" }, says: 'found "SMTP"' },
  { what: "an unknown key", config: { ...smtp, host: "a.example:25", pasword: PASSWORD }, says: '"pasword" is no key' },
  { what: "no host", config: { ...smtp, port: 25 }, says: '"host" is missing' },
  { what: "no port anywhere (v1 E02)", config: { ...smtp, host: "a.example" }, says: '"port" is missing' },
  { what: "port 0 (v1 E02)", config: { ...smtp, host: "a.example", port: 0 }, says: '"port": expected' },
  { what: "a port that is text", config: { ...smtp, host: "a.example", port: "25" }, says: '"port": expected' },
  { what: "two ports", config: { ...smtp, host: "a.example:25", port: 26 }, says: "two different ports" },
  { what: "a URL for a host", config: { ...smtp, host: "smtp://a.example:25" }, says: '"host": expected' },
  { what: "a line break in a host", config: { ...smtp, host: "a.example\r\n:25" }, says: '"host": expected' },
  {
    what: "a password without a user (v1 E02)",
    config: { ...smtp, host: "a.example:25", password: PASSWORD },
    says: "together or not at all",
  },
  {
    what: "a user without a password (v1 E02)",
    config: { ...smtp, host: "a.example:25", username: "dex" },
    says: "together or not at all",
  },
  {
    what: "a password in the clear",
    config: { ...smtp, host: "a.example:25", tls: "off", ...signsIn },
    says: "could be read on the way",
  },
  {
    what: "a password where TLS is only hoped for",
    config: { ...smtp, host: "a.example:25", tls: "opportunistic", ...signsIn },
    says: "could be read on the way",
  },
  { what: "an unknown kind of TLS", config: { ...smtp, host: "a.example:25", tls: "maybe" }, says: '"tls": expected' },
  { what: "port 465 without TLS", config: { ...smtp, host: "a.example:465", tls: "off" }, says: "465 is always TLS" },
  {
    what: "a secret twice",
    config: { ...smtp, host: "a.example:25", ...signsIn, passwordFile: "x" },
    says: "both given",
  },
  {
    what: "a secret in no file",
    config: { ...smtp, host: "a.example:25", username: "dex", passwordFile: "/no/such" },
    says: "ENOENT",
  },
  {
    what: "a sender with a name",
    config: { ...smtp, host: "a.example:25", from: "Dex <dex@a.example>" },
    says: '"from": expected',
  },
  {
    what: "no privateAPIKey (v1 E03)",
    config: { ...mailgun, privateAPIKey: undefined },
    says: '"privateAPIKey" is missing',
  },
  { what: "no publicAPIKey (v1 E03)", config: { ...mailgun, publicAPIKey: "" }, says: '"publicAPIKey" is missing' },
  { what: "no domain (v1 E03)", config: { ...mailgun, domain: undefined }, says: '"domain" is missing' },
  { what: "a path for a domain", config: { ...mailgun, domain: "a/../b" }, says: '"domain": expected' },
  { what: "an API over http", config: { ...mailgun, apiBase: "http://api.example" }, says: '"apiBase": expected' },
  {
    what: "an API with a password in its address",
    config: { ...mailgun, apiBase: "https://u:p@api.example" },
    says: '"apiBase": expected',
  },
];
test.each(refusals)("$what is refused in one sentence that repeats no secret", ({ config, says }) => {
  const problem = problemOf(config);
  expect(problem).toContain(says);
  expect(problem).not.toContain("\n");
  expect(problem).not.toContain(PASSWORD);
});

test("a file that cannot be read is refused", () => {
  expect(readEmailerConfig("/no/such/emailer.json", flag)).toEqual({
    kind: "refused",
    problem: "cannot be read (ENOENT)",
  });
});
