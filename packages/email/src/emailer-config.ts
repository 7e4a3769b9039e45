// The file of --email-cfg, in the format of dex v1: an object whose `type` says how mail leaves.
import { readFileSync } from "node:fs";
import { isLoopback, Secret } from "@dex/runtime";
import { isHostName, type MailAddress, parseMailAddress } from "./mail-address.ts";
import type { MailgunAccount } from "./mailgun-transport.ts";
import { isLoopbackHost, keepsPasswords, type SmtpServer } from "./smtp-url.ts";

/** How mail leaves, and from whom it is. */
export type Emailer =
  /** dex v1's `fake`: into the log only. */
  | { readonly type: "fake"; readonly from: MailAddress }
  | { readonly type: "smtp"; readonly from: MailAddress; readonly server: SmtpServer }
  | { readonly type: "mailgun"; readonly from: MailAddress; readonly account: MailgunAccount };

export type EmailerResult =
  | { readonly kind: "read"; readonly emailer: Emailer }
  /** One sentence about the first mistake. It repeats no value that could be a secret. */
  | { readonly kind: "refused"; readonly problem: string };

/** What a parser of a part finds wrong; stays in this file. */
class Mistake extends Error {}

type Members = Readonly<Record<string, unknown>>;

const KEYS: Readonly<Record<Emailer["type"], readonly string[]>> = {
  fake: [],
  // `auth` chose the mechanism before the server was asked for it; it has been ignored since dex v1.
  smtp: ["host", "port", "username", "password", "passwordFile", "auth", "tls", "insecureAuth"],
  mailgun: ["privateAPIKey", "privateAPIKeyFile", "publicAPIKey", "domain", "apiBase"],
};

/** Reads the file at `path`. Its sender beats `emailFrom`. */
export function readEmailerConfig(path: string, emailFrom: MailAddress | undefined): EmailerResult {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    return { kind: "refused", problem: `cannot be read (${codeOf(error)})` };
  }
  return parseEmailerConfig(text, emailFrom);
}

/** The same for the text of such a file. */
export function parseEmailerConfig(text: string, emailFrom: MailAddress | undefined): EmailerResult {
  try {
    return { kind: "read", emailer: toEmailer(parseObject(text), emailFrom) };
  } catch (error) {
    if (error instanceof Mistake) return { kind: "refused", problem: error.message };
    throw error;
  }
}

function parseObject(text: string): Members {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message repeats what stands around the mistake, which may be a password.
    throw new Mistake("expected JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Mistake("expected a JSON object");
  return Object.fromEntries(Object.entries(value));
}

function toEmailer(members: Members, emailFrom: MailAddress | undefined): Emailer {
  const type = members.type;
  if (type !== "fake" && type !== "smtp" && type !== "mailgun") {
    const found = typeof type === "string" ? `found "${type.slice(0, 40)}"` : "found none";
    throw new Mistake(`"type": ${found}, expected "fake", "smtp" or "mailgun"`);
  }
  const known = ["type", "id", "from", ...KEYS[type]];
  const [unknown] = Object.keys(members).filter((key) => !known.includes(key));
  if (unknown !== undefined) throw new Mistake(`"${unknown.slice(0, 40)}" is no key of type "${type}"`);
  const from = readSender(members, emailFrom);
  if (type === "fake") return { type, from: from ?? senderOfFakeMail() };
  if (from === undefined) throw new Mistake(`"from" is missing, and --email-from names no sender either`);
  if (type === "smtp") return { type, from, server: readServer(members) };
  return { type, from, account: readAccount(members) };
}

/** Never seen by anybody. */
function senderOfFakeMail(): MailAddress {
  const from = parseMailAddress("noreply@example.com");
  if (from === undefined) throw new Error("the sender of mail that is only logged is no address");
  return from;
}

function readSender(members: Members, emailFrom: MailAddress | undefined): MailAddress | undefined {
  const text = readText(members, "from");
  if (text === undefined) return emailFrom;
  const from = parseMailAddress(text);
  if (from === undefined) throw new Mistake('"from": expected one plain mail address such as noreply@example.com');
  return from;
}

/** Port 465 is TLS from the first byte. A password demands TLS; without one it is used where the server offers it. */
function readServer(members: Members): SmtpServer {
  const { host, port } = readHostAndPort(members);
  const user = readText(members, "username");
  const password = readSecret(members, "password");
  if ((user === undefined) !== (password === undefined)) {
    throw new Mistake('"username" and "password" are given together or not at all');
  }
  const tls = readTls(members, { host, port, signsIn: user !== undefined });
  if (user !== undefined && !keepsPasswords({ host, tls }) && members.insecureAuth !== true) {
    throw new Mistake(
      'the password could be read on the way, expected "tls": "required"; "insecureAuth": true allows it',
    );
  }
  const credentials =
    user === undefined || password === undefined ? undefined : new Secret({ user, password: password.reveal() });
  return { host, port, tls, credentials };
}

function readHostAndPort(members: Members): { host: string; port: number } {
  const text = readText(members, "host");
  if (text === undefined) throw new Mistake('"host" is missing');
  const [, host = "", written] = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const bare = host.replace(/^\[|\]$/g, "");
  if (bare === "" || !(host.startsWith("[") || isHostName(host) || /^\d+(\.\d+){3}$/.test(host))) {
    throw new Mistake('"host": expected a host name, or host:port');
  }
  const named = members.port;
  if (named !== undefined && !isPort(named)) throw new Mistake('"port": expected a number from 1 to 65535');
  if (named !== undefined && written !== undefined && Number(written) !== named) {
    throw new Mistake('"host" and "port" name two different ports');
  }
  const port = written === undefined ? named : Number(written);
  if (!isPort(port)) throw new Mistake('"port" is missing');
  return { host: bare, port };
}

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535;
}

const TLS_MODES: Readonly<Record<string, SmtpServer["tls"]>> = {
  required: "starttls",
  opportunistic: "opportunistic",
  off: "off",
};

function readTls(
  members: Members,
  { host, port, signsIn }: { host: string; port: number; signsIn: boolean },
): SmtpServer["tls"] {
  const mode = readText(members, "tls");
  if (mode !== undefined && !Object.hasOwn(TLS_MODES, mode)) {
    throw new Mistake('"tls": expected "required", "opportunistic" or "off"');
  }
  if (port === 465) {
    if (mode !== undefined && mode !== "required") throw new Mistake('"tls": port 465 is always TLS');
    return "implicit";
  }
  const usual = signsIn && !isLoopbackHost(host) ? "starttls" : "opportunistic";
  return (mode === undefined ? undefined : TLS_MODES[mode]) ?? usual;
}

const MAILGUN = new URL("https://api.mailgun.net");

function readAccount(members: Members): MailgunAccount {
  const apiKey = readSecret(members, "privateAPIKey");
  if (apiKey === undefined) throw new Mistake('"privateAPIKey" is missing');
  // Never used, neither by dex v1 nor here: its absence tells that the file is incomplete.
  if (readText(members, "publicAPIKey") === undefined) throw new Mistake('"publicAPIKey" is missing');
  const domain = readText(members, "domain");
  if (domain === undefined) throw new Mistake('"domain" is missing');
  if (!isHostName(domain)) throw new Mistake('"domain": expected a domain such as mg.example.com');
  const base = readText(members, "apiBase");
  const apiBase = base === undefined ? MAILGUN : URL.parse(base);
  if (apiBase === null || !isApiBase(apiBase)) {
    throw new Mistake('"apiBase": expected an https URL without user, query and fragment');
  }
  return { apiKey, domain, apiBase };
}

function isApiBase(url: URL): boolean {
  const secure = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
  return secure && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
}

/** The value of `key`, or what stands in the file that `<key>File` names. */
function readSecret(members: Members, key: string): Secret<string> | undefined {
  const value = readText(members, key);
  const path = readText(members, `${key}File`);
  if (path === undefined) return value === undefined ? undefined : new Secret(value);
  if (value !== undefined) throw new Mistake(`"${key}" and "${key}File" are both given`);
  try {
    const content = readFileSync(path, "utf8").replace(/\r?\n$/, "");
    if (content !== "") return new Secret(content);
  } catch (error) {
    throw new Mistake(`"${key}File": ${path} cannot be read (${codeOf(error)})`);
  }
  throw new Mistake(`"${key}File": ${path} is empty`);
}

/** An empty text counts as missing, as in dex v1. */
function readText(members: Members, key: string): string | undefined {
  const value = members[key];
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw new Mistake(`"${key}": expected text`);
  return value;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "no reason given";
}
