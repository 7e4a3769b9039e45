import {
  httpUrl,
  isLoopback,
  optionalSetting,
  type Program,
  postgresUrl,
  readSettings,
  type Secret,
  type SettingsOf,
  secretText,
  setting,
  text,
  toggle,
  VERSION,
} from "@dex/runtime";
import { Failure } from "./failure.ts";

const SETTINGS = {
  dbUrl: optionalSetting("db-url", postgresUrl, "The database, to work on directly."),
  issuer: optionalSetting("issuer", httpUrl, "The issuer whose HTTP API is to be used."),
  clientId: optionalSetting("client-id", text, "The admin client to sign in as at the HTTP API."),
  clientSecret: optionalSetting("client-secret", secretText, "That client's secret."),
  logDebug: setting("log-debug", toggle, "Say on standard error what is being done.", false),
};
type Settings = SettingsOf<typeof SETTINGS>;

const PROGRAM: Program = { name: "dexctl", prefix: "DEXCTL", summary: "the operator's command line", version: VERSION };

/** The global flags as they were typed: name without dashes to value, `true` for one without a value. */
export type GlobalFlags = ReadonlyMap<string, string | true>;

/** What a command works on. */
export type Target =
  | { readonly kind: "database"; readonly url: Secret<string> }
  | {
      readonly kind: "http";
      readonly issuer: string;
      readonly clientId: string;
      readonly clientSecret: Secret<string>;
    };

export interface Config {
  readonly logDebug: boolean;
  /** The target, or why there is none: a command that needs no target never asks. */
  readonly target: Target | Failure;
}

/**
 * The global settings from flags and environment. A value of the wrong form is a usage Failure, whether a flag or a
 * variable carried it. Secrets are removed from `env`.
 */
export function readConfig(flags: GlobalFlags, env: NodeJS.ProcessEnv): Config | Failure {
  const argv = [...flags].map(([name, value]) => (value === true ? `--${name}` : `--${name}=${value}`));
  const result = readSettings(PROGRAM, SETTINGS, argv, env);
  if (result.kind === "exit") return new Failure("usage", result.message.replaceAll("FATAL: ", ""));
  return { logDebug: result.values.logDebug, target: decideTarget(result.values, flags) };
}

/**
 * Which of the two ways is meant. A flag beats the environment, so one way given by flag wins over the other one's
 * variables; both ways at the same level is a question only the caller can answer.
 */
export function decideTarget(values: Settings, flags: GlobalFlags): Target | Failure {
  const database = values.dbUrl !== undefined;
  const http = values.issuer !== undefined;
  const databaseByFlag = flags.has("db-url") || flags.has("db-url-file");
  const httpByFlag = flags.has("issuer");
  if (database && http && databaseByFlag === httpByFlag) {
    return new Failure(
      "refused",
      "found both a database (--db-url, DEXCTL_DB_URL) and an issuer (--issuer, DEXCTL_ISSUER), expected one: " +
        "leave out the one you do not mean",
    );
  }
  if (values.dbUrl !== undefined && !(http && httpByFlag)) return { kind: "database", url: values.dbUrl };
  if (values.issuer !== undefined) return decideHttpTarget(values.issuer, values);
  return new Failure(
    "refused",
    "found neither a database nor an issuer, expected one: give --db-url (DEXCTL_DB_URL), or " +
      "--issuer (DEXCTL_ISSUER) with --client-id and --client-secret",
  );
}

function decideHttpTarget(issuer: URL, values: Pick<Settings, "clientId" | "clientSecret">): Target | Failure {
  if (issuer.username !== "" || issuer.password !== "" || issuer.search !== "" || issuer.hash !== "") {
    return new Failure("usage", "--issuer: expected a URL without user, query and fragment (OIDC Core §2)");
  }
  // The client's secret and all that is read with it would cross the network in clear (RFC 6749 §2.3.1).
  if (issuer.protocol === "http:" && !isLoopback(issuer)) {
    return new Failure("refused", `${issuer.href} is not https: over http, dexctl speaks to loopback addresses only`);
  }
  if (values.clientId === undefined || values.clientSecret === undefined) {
    return new Failure(
      "refused",
      "--issuer needs the credentials of an admin client: give --client-id (DEXCTL_CLIENT_ID) and " +
        "--client-secret-file or DEXCTL_CLIENT_SECRET",
    );
  }
  // An issuer is compared as text, and the URL parser adds a slash to a bare origin.
  const bareOrigin = issuer.pathname === "/";
  return {
    kind: "http",
    issuer: bareOrigin ? issuer.origin : issuer.href,
    clientId: values.clientId,
    clientSecret: values.clientSecret,
  };
}
