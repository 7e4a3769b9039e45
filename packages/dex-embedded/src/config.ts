import { resolve } from "node:path";
import {
  httpUrl,
  integer,
  isLoopback,
  optionalSetting,
  type Program,
  readSettings,
  type SettingsResult,
  setting,
  text,
  toggle,
  VERSION,
} from "@dex/runtime";

const port = integer(0, 65_535);
const program: Program = {
  name: "npm start --",
  prefix: "DEX_EMBEDDED",
  summary: "runs all of dex on this machine, for trials and development. Ports may be 0: a free one, then kept.",
  version: VERSION,
};
const spec = {
  dataDir: setting("data-dir", text, "Where everything that must outlive a stop is kept.", ".dex"),
  issuer: optionalSetting("issuer", httpUrl, "The issuer; loopback only (default http://127.0.0.1:<issuer-port>/dex)."),
  issuerPort: optionalSetting("issuer-port", port, "Port of the workers (default 5556, or the port of --issuer)."),
  adminPort: setting("admin-port", port, "Port of the overlord's admin API.", 5557),
  exampleAppPort: setting("example-app-port", port, "Port of the example app.", 5555),
  mailPort: setting("mail-port", port, "Port of the page that shows what dex sent.", 5558),
  smtpPort: setting("smtp-port", port, "Port on which mail is caught.", 5559),
  postgresPort: setting("postgres-port", port, "Port of the private Postgres.", 0),
  workers: setting("workers", integer(1, 16), "Number of workers; several share the port.", 1),
  reset: setting("reset", toggle, "Delete the data of earlier starts first, without asking.", false),
};

/** What dex-embedded was asked for; the issuer is loopback and plain http. */
export interface EmbeddedConfig {
  readonly dataDirectory: string;
  readonly issuer: URL | undefined;
  readonly ports: Readonly<Record<PortName, number>>;
  readonly workers: number;
  readonly reset: boolean;
}
export type PortName = "issuer" | "admin" | "example-app" | "mail" | "smtp" | "postgres";

/** Reads flags and environment. Relative paths are below `root`. */
export function readConfig(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  root: string,
): SettingsResult<EmbeddedConfig> {
  const result = readSettings(program, spec, argv, env);
  if (result.kind === "exit") return result;
  const { values } = result;
  if (values.issuer !== undefined && (values.issuer.protocol !== "http:" || !isLoopback(values.issuer))) {
    const message = `FATAL: --issuer: this mode is for trials and serves http on loopback only, found ${values.issuer.origin}; run dex-worker and dex-overlord for anything else`;
    return { kind: "exit", code: 1, message };
  }
  const issuerPort = values.issuerPort ?? Number(values.issuer === undefined ? 5556 : values.issuer.port || 80);
  const ports = {
    issuer: issuerPort,
    admin: values.adminPort,
    "example-app": values.exampleAppPort,
    mail: values.mailPort,
    smtp: values.smtpPort,
    postgres: values.postgresPort,
  };
  const config = {
    dataDirectory: resolve(root, values.dataDir),
    issuer: values.issuer,
    ports,
    workers: values.workers,
    reset: values.reset,
  };
  return { kind: "settings", values: config };
}
