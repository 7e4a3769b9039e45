import { DEFAULT_MARGIN_SECONDS, DEFAULT_MINIMUM_PUBLISH_SECONDS, type RotationPolicy } from "@dex/keys";
import {
  base64Secrets,
  base64Texts,
  httpUrl,
  KEY_SECRET_BYTES,
  type Program,
  postgresUrl,
  readSettings,
  requiredSetting,
  type SettingsOf,
  type SettingsResult,
  seconds,
  setting,
  text,
  toggle,
  VERSION,
} from "@dex/runtime";

const HOUR = 3600;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
const ADMIN_API_SECRET_BYTES = 32;
/** The longest that an ID token may live. */
const LONGEST_TOKEN_SECONDS = DAY;
/** Workers look for changes every second. */
const FAST_MARGIN_SECONDS = 3;

const SETTINGS = {
  adminListen: setting(
    "admin-listen",
    httpUrl,
    "Address of the admin API, always plain http: keep it on loopback or behind TLS.",
    new URL("http://127.0.0.1:5557"),
  ),
  adminApiSecrets: requiredSetting(
    "admin-api-secret",
    base64Texts(ADMIN_API_SECRET_BYTES),
    "What callers of the admin API send in the Authorization header; any of several is taken, so that one can be replaced. Make one with: openssl rand -base64 32",
  ),
  keySecrets: requiredSetting(
    "key-secrets",
    base64Secrets(KEY_SECRET_BYTES),
    "Secrets that seal signing keys at rest, the same as the workers'. The first seals, all open.",
  ),
  dbUrl: requiredSetting("db-url", postgresUrl, "The database."),
  dbMigrate: setting("db-migrate", toggle, "Bring the schema up to date at start.", true),
  keyPeriod: setting("key-period", seconds({ min: 1, max: YEAR }), "How long a signing key signs.", DAY),
  jwksMaxAge: setting(
    "jwks-max-age",
    seconds({ min: 1, max: HOUR }),
    "For how long verifiers may cache the published keys.",
    300,
  ),
  retiredKeyRetention: setting(
    "retired-key-retention",
    seconds({ min: 1, max: YEAR }),
    "How long a key stays published after it signed for the last time.",
    2 * DAY,
  ),
  insecureFastKeyRotation: setting(
    "insecure-fast-key-rotation",
    toggle,
    "Allow a key period below 1h and a short retention, for tests.",
    false,
  ),
  gcInterval: setting("gc-interval", seconds({ min: 1, max: YEAR }), "Pause between two collections of garbage.", HOUR),
  localConnector: setting(
    "local-connector",
    text,
    "Id of the connector where admins sign in with a password.",
    "local",
  ),
  shutdownGrace: setting(
    "shutdown-grace",
    seconds({ max: 300 }),
    "How long requests may take to finish after SIGTERM.",
    20,
  ),
  logDebug: setting("log-debug", toggle, "Log debug lines.", false),
  logTimestamps: setting("log-timestamps", toggle, "Begin each log line with the time.", false),
} as const;

export type OverlordConfig = SettingsOf<typeof SETTINGS> & { readonly rotationPolicy: RotationPolicy };

const PROGRAM: Program = {
  name: "dex-overlord",
  prefix: "DEX_OVERLORD",
  summary:
    "migrations, signing key rotation, garbage collection and the bootstrap admin API; one leads, others stand by",
  version: VERSION,
};

const HOW_TO_MAKE_A_SECRET = "make one with: openssl rand -base64 32";

/** Reads the settings and checks what concerns more than one of them. */
export function readOverlordConfig(argv: readonly string[], env: NodeJS.ProcessEnv): SettingsResult<OverlordConfig> {
  const result = readSettings(PROGRAM, SETTINGS, argv, env);
  if (result.kind === "exit")
    return { ...result, message: result.code === 1 ? advise(result.message) : result.message };
  const { values } = result;
  const rotationPolicy = toRotationPolicy(values);
  const problems = rotationProblems(values, rotationPolicy);
  if (values.adminListen.protocol !== "http:") {
    problems.push("--admin-listen: expected an http URL, the admin API speaks plain http only");
  }
  if (problems.length > 0) {
    return { kind: "exit", code: 1, message: problems.map((problem) => `FATAL: ${problem}`).join("\n") };
  }
  return { kind: "settings", values: Object.freeze({ ...values, rotationPolicy }) };
}

function toRotationPolicy(values: SettingsOf<typeof SETTINGS>): RotationPolicy {
  const fast = values.insecureFastKeyRotation;
  return {
    periodSeconds: values.keyPeriod,
    jwksMaxAgeSeconds: values.jwksMaxAge,
    retentionSeconds: values.retiredKeyRetention,
    minimumPublishSeconds: fast ? 0 : DEFAULT_MINIMUM_PUBLISH_SECONDS,
    marginSeconds: fast ? FAST_MARGIN_SECONDS : DEFAULT_MARGIN_SECONDS,
    algorithms: ["RS256", "ES256", "EdDSA"],
  };
}

function rotationProblems(values: SettingsOf<typeof SETTINGS>, policy: RotationPolicy): string[] {
  const problems: string[] = [];
  const fast = values.insecureFastKeyRotation;
  const leastPeriod = 2 * policy.jwksMaxAgeSeconds + policy.marginSeconds;
  if (policy.periodSeconds <= leastPeriod) {
    problems.push(
      `--key-period: found ${policy.periodSeconds}s, expected more than ${leastPeriod}s: ` +
        "twice --jwks-max-age and a margin, so that every verifier knows a key before it signs",
    );
  } else if (!fast && policy.periodSeconds < HOUR) {
    problems.push(
      `--key-period: found ${policy.periodSeconds}s, expected at least 1h; ` +
        "--insecure-fast-key-rotation allows less, for tests",
    );
  }
  const leastRetention = LONGEST_TOKEN_SECONDS + policy.jwksMaxAgeSeconds + policy.marginSeconds;
  if (!fast && policy.retentionSeconds < leastRetention) {
    problems.push(
      `--retired-key-retention: found ${policy.retentionSeconds}s, expected at least ${leastRetention}s: ` +
        "the longest life of a token, --jwks-max-age and a margin",
    );
  }
  return problems;
}

/** dex v1 served the admin API to everybody when the secret was forgotten; say at once how to have one. */
function advise(message: string): string {
  return message
    .split("\n")
    .map((line) =>
      /--admin-api-secret|DEX_OVERLORD_ADMIN_API_SECRET/.test(line) ? `${line}; ${HOW_TO_MAKE_A_SECRET}` : line,
    )
    .join("\n");
}
