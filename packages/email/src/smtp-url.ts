import { Secret, type ValueKind } from "@dex/runtime";

/** How to reach a mail server. */
export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** `implicit`: TLS from the first byte. `starttls`: upgraded before anything is said, or not at all. */
  readonly tls: "implicit" | "starttls" | "off";
  readonly credentials: Secret<{ readonly user: string; readonly password: string }> | undefined;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Reads `smtps://` (TLS from the start, port 465) or `smtp://` (STARTTLS, port 587). Off this machine STARTTLS is demanded,
 * not hoped for: an attacker on the way can hide that a server offers it. `?tls=off` gives it up for a relay inside a
 * trusted network, but never together with a password. Undefined when it is anything else.
 */
export function parseSmtpUrl(text: string): SmtpServer | undefined {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "smtp:" && url.protocol !== "smtps:")) return undefined;
  if (url.hostname === "" || !/^\/?$/.test(url.pathname) || url.hash !== "") return undefined;
  const user = decode(url.username);
  const password = decode(url.password);
  if (user === undefined || password === undefined || (user === "") !== (password === "")) return undefined;
  const tls = readTls(url);
  if (tls === undefined || (tls === "off" && user !== "" && !LOOPBACK.test(url.hostname))) return undefined;
  const usualPort = tls === "implicit" ? 465 : 587;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? usualPort : Number(url.port),
    tls,
    credentials: user === "" ? undefined : new Secret({ user, password }),
  };
}

/** For settings: where mail is handed in. Its password makes it a secret. */
export const smtpUrl: ValueKind<Secret<string>> = {
  expected: "smtp://host:port or smtps://host:port, with user:password@ or ?tls=off but not both",
  secret: true,
  parse: (text) => (parseSmtpUrl(text) === undefined ? undefined : new Secret(text)),
};

function readTls(url: URL): SmtpServer["tls"] | undefined {
  const options = [...url.searchParams];
  const [name, value] = options[0] ?? [];
  if (options.length > 1 || (name !== undefined && name !== "tls")) return undefined;
  if (url.protocol === "smtps:") return value === undefined ? "implicit" : undefined;
  if (value === undefined) return LOOPBACK.test(url.hostname) ? "off" : "starttls";
  return value === "off" ? "off" : value === "required" ? "starttls" : undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // a % that begins no escape
  }
}
