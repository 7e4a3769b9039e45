import { Secret, type ValueKind } from "@dex/runtime";

/** How to reach a mail server. */
export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /**
   * `implicit`: TLS from the first byte. `starttls`: upgraded before anything is said, or not at all. `opportunistic`:
   * upgraded where the server offers it, which somebody on the way can hide.
   */
  readonly tls: "implicit" | "starttls" | "opportunistic" | "off";
  readonly credentials: Secret<{ readonly user: string; readonly password: string }> | undefined;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

/** Whether this name means this machine. */
export function isLoopbackHost(host: string): boolean {
  return LOOPBACK.test(host);
}

/** Whether a password would surely not be read on the way. */
export function keepsPasswords({ host, tls }: Pick<SmtpServer, "host" | "tls">): boolean {
  return tls === "implicit" || tls === "starttls" || isLoopbackHost(host);
}

/**
 * Reads `smtps://` (TLS from the start, port 465) or `smtp://` (STARTTLS, port 587). Off this machine STARTTLS is demanded,
 * not hoped for: an attacker on the way can hide that a server offers it. `?tls=opportunistic` only hopes, `?tls=off` gives
 * it up, both for a relay inside a trusted network; with a password only together with `&insecure-auth=true`. Undefined
 * when it is anything else.
 */
export function parseSmtpUrl(text: string): SmtpServer | undefined {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "smtp:" && url.protocol !== "smtps:")) return undefined;
  if (url.hostname === "" || !/^\/?$/.test(url.pathname) || url.hash !== "") return undefined;
  const user = decode(url.username);
  const password = decode(url.password);
  if (user === undefined || password === undefined || (user === "") !== (password === "")) return undefined;
  const options = readOptions(url);
  if (options === undefined) return undefined;
  const { tls, insecureAuth } = options;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (user !== "" && !keepsPasswords({ host, tls }) && !insecureAuth) return undefined;
  const usualPort = tls === "implicit" ? 465 : 587;
  return {
    host,
    port: url.port === "" ? usualPort : Number(url.port),
    tls,
    credentials: user === "" ? undefined : new Secret({ user, password }),
  };
}

/** For settings: where mail is handed in. Its password makes it a secret. */
export const smtpUrl: ValueKind<Secret<string>> = {
  expected: "smtp://host:port or smtps://host:port, with user:password@ only where TLS is certain",
  secret: true,
  parse: (text) => (parseSmtpUrl(text) === undefined ? undefined : new Secret(text)),
};

const TLS_OPTIONS: Readonly<Record<string, SmtpServer["tls"]>> = {
  required: "starttls",
  opportunistic: "opportunistic",
  off: "off",
};

function readOptions(url: URL): { tls: SmtpServer["tls"]; insecureAuth: boolean } | undefined {
  const names = [...url.searchParams.keys()];
  if (new Set(names).size < names.length || names.some((name) => name !== "tls" && name !== "insecure-auth")) {
    return undefined;
  }
  const insecureAuth = url.searchParams.get("insecure-auth");
  if (insecureAuth !== null && insecureAuth !== "true") return undefined;
  const option = url.searchParams.get("tls");
  if (url.protocol === "smtps:")
    return option === null && insecureAuth === null ? { tls: "implicit", insecureAuth: false } : undefined;
  const usual = isLoopbackHost(url.hostname) ? "off" : "starttls";
  const tls = option === null ? usual : Object.hasOwn(TLS_OPTIONS, option) ? TLS_OPTIONS[option] : undefined;
  return tls === undefined ? undefined : { tls, insecureAuth: insecureAuth !== null };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // a % that begins no escape
  }
}
