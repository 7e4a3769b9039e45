// The settings of the example app. It reads them by itself: it is an application like any other and shares no code with
// the OpenID provider it signs in at.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

export interface Settings {
  /** Where to serve. */
  readonly listen: URL;
  readonly clientId: string;
  /** Undefined for a public client. */
  readonly clientSecret: string | undefined;
  /** The issuer to sign in at, without the path of its discovery document. */
  readonly issuer: URL;
  /** Our registered redirect_uri; its path is served. */
  readonly redirectUrl: URL;
}

export type SettingsOutcome =
  | { readonly kind: "settings"; readonly settings: Settings }
  | { readonly kind: "exit"; readonly code: 0 | 1 | 2; readonly message: string };

const FLAGS = {
  listen: "where to serve, an http URL (default http://127.0.0.1:5555)",
  "client-id": "the client id (required)",
  "client-secret": "the client secret; better given in the environment or a file; none for a public client",
  "client-secret-file": "a file that holds the client secret",
  discovery: "the issuer's URL (default http://127.0.0.1:5556/dex)",
  "redirect-url": "the registered redirect_uri (default: <listen>/callback)",
} as const;
type FlagName = keyof typeof FLAGS;

/** Reads flags and EXAMPLE_APP_* variables; a flag wins, and an empty variable counts as unset. */
export function readSettings(argv: readonly string[], env: NodeJS.ProcessEnv): SettingsOutcome {
  const flags = parseFlags(argv);
  if (flags instanceof Error) return { kind: "exit", code: 2, message: `example-app: ${flags.message}\n\n${usage()}` };
  if (flags.help === true) return { kind: "exit", code: 0, message: usage() };
  const read = (name: FlagName) => {
    const given = flags[name];
    return typeof given === "string" ? given : env[variableOf(name)] || undefined;
  };
  try {
    const listen = parseUrl("listen", read("listen") ?? "http://127.0.0.1:5555");
    if (listen.protocol !== "http:") throw new Error("--listen: expected an http URL");
    const clientId = read("client-id");
    if (clientId === undefined) throw new Error(`--client-id (${variableOf("client-id")}) is required`);
    const settings: Settings = {
      listen,
      clientId,
      clientSecret: read("client-secret") ?? readSecretFile(read("client-secret-file")),
      issuer: withoutDocument(parseUrl("discovery", read("discovery") ?? "http://127.0.0.1:5556/dex")),
      redirectUrl: parseUrl("redirect-url", read("redirect-url") ?? new URL("/callback", listen).href),
    };
    if (settings.redirectUrl.pathname === "/") throw new Error("--redirect-url: expected a path, such as /callback");
    return { kind: "settings", settings };
  } catch (error) {
    return { kind: "exit", code: 1, message: `FATAL: ${error instanceof Error ? error.message : String(error)}` };
  } finally {
    delete env[variableOf("client-secret")]; // so that no crash report or child process carries it
  }
}

function parseFlags(argv: readonly string[]): Record<string, string | boolean | undefined> | Error {
  // dex v1 took its flags with one dash or two.
  const args = argv.map((argument) => argument.replace(/^-(?=[a-z][a-z-]+)/, "--"));
  const names = Object.keys(FLAGS) as FlagName[];
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  try {
    return parseArgs({ args, options: { ...options, help: { type: "boolean" } } }).values;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function parseUrl(flag: FlagName, value: string): URL {
  const url = URL.parse(value);
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "") return url;
  throw new Error(`--${flag}: expected an http or https URL, found ${JSON.stringify(value.slice(0, 200))}`);
}

function withoutDocument(url: URL): URL {
  return new URL(url.href.replace(/\/\.well-known\/openid-configuration$/, ""));
}

function readSecretFile(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readFileSync(path, "utf8").trim();
}

function variableOf(name: FlagName): string {
  return `EXAMPLE_APP_${name.toUpperCase().replaceAll("-", "_")}`;
}

function usage(): string {
  const lines = Object.entries(FLAGS).map(
    ([name, help]) => `  --${name}  ${variableOf(name as FlagName)}\n      ${help}`,
  );
  return ["example-app: signs in at an OpenID provider and shows what it learned", "", ...lines, "  --help"].join("\n");
}
