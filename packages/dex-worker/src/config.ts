import { mailAddress, smtpUrl } from "@dex/email";
import { ACR_VALUES, CLIENT_ID_DOCUMENTS, REGISTRATION_PROFILES, SHARING_DEFAULTS, SUBJECT_FORMATS } from "@dex/oidc";
import {
  base64Secrets,
  commaList,
  httpUrl,
  integer,
  isLoopback,
  oneOf,
  optionalSetting,
  type Program,
  postgresUrl,
  readSettings,
  redisUrl,
  requiredSetting,
  type SettingsOf,
  type SettingsResult,
  seconds,
  setting,
  text,
  toggle,
  VERSION,
} from "@dex/runtime";
import { hostList } from "./host-list.ts";
import { type MailSetup, readMailSetup } from "./mail-setup.ts";
import { type MutualTlsSetup, readMutualTlsSetup } from "./mutual-tls-setup.ts";
import { readTls } from "./tls-setup.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;

/** Every setting of dex-worker: flag, form, meaning and default. Caps are those no deployment may exceed. */
const SETTINGS = {
  listen: setting(
    "listen",
    httpUrl,
    "Address to serve; the scheme picks HTTP or TLS.",
    new URL("http://127.0.0.1:5556"),
  ),
  listenReusePort: setting("listen-reuse-port", toggle, "Share the port with other workers on this host.", false),
  issuer: setting(
    "issuer",
    httpUrl,
    "The issuer in every token and the base of every link. Must not change once in use.",
    new URL("http://127.0.0.1:5556/dex"),
  ),
  insecureHttpIssuer: setting("insecure-http-issuer", toggle, "Allow an http issuer that is not loopback.", false),
  tlsCertFile: optionalSetting("tls-cert-file", text, "Server certificate, PEM; needed to listen on https."),
  tlsKeyFile: optionalSetting("tls-key-file", text, "Server key, PEM; needed to listen on https."),
  trustedProxies: setting(
    "trusted-proxies",
    commaList,
    "Addresses or CIDR ranges of load balancers whose X-Forwarded-For is believed.",
    [],
  ),
  clientCertificateHeader: optionalSetting(
    "client-certificate-header",
    text,
    "Header in which --trusted-proxies, which end TLS, say what certificate a client has (RFC 8705): Client-Cert of RFC 9440, $ssl_client_escaped_cert of nginx or base64 of DER.",
  ),
  clientCertificateCa: optionalSetting(
    "client-certificate-ca",
    text,
    "Authorities whose certificates authenticate clients as tls_client_auth, PEM. Each is trusted by itself: name those in between that issue them.",
  ),
  requestClientCertificates: setting(
    "request-client-certificates",
    toggle,
    "Ask who connects to this worker over TLS for a certificate, and let in who has none. Browsers may ask people for one then.",
    false,
  ),
  mtlsUrl: optionalSetting(
    "mtls-url",
    httpUrl,
    "The issuer's address on the host where clients are asked for certificates, for discovery (RFC 8705 section 5).",
  ),
  issuerName: setting("issuer-name", text, "Product name on pages and in mail.", "dex"),
  issuerLogoUrl: optionalSetting("issuer-logo-url", httpUrl, "Logo in the page header."),
  dbUrl: requiredSetting("db-url", postgresUrl, "The database."),
  dbMaxOpenConns: setting("db-max-open-conns", integer(2, 1000), "Database connections of this process, at most.", 10),
  dbNamedStatements: setting(
    "db-named-statements",
    toggle,
    "Use named prepared statements; turn off behind a pooler that cannot keep them.",
    true,
  ),
  keySecrets: requiredSetting(
    "key-secrets",
    base64Secrets(32),
    "Secrets that protect signing keys at rest and sealed browser state. The first seals, all open.",
  ),
  redisUrl: optionalSetting("redis-url", redisUrl, "Redis for mail delivery and shared limits. May be left out."),
  smtpUrl: optionalSetting("smtp-url", smtpUrl, "Mail server; without it and without --email-cfg mail is only logged."),
  emailFrom: optionalSetting(
    "email-from",
    mailAddress,
    "Sender of mail; needed with --smtp-url. A sender in the file of --email-cfg beats it.",
  ),
  emailCfg: optionalSetting(
    "email-cfg",
    text,
    "File that says how mail is sent, in the format of dex v1: type smtp, mailgun or fake. Instead of --smtp-url.",
  ),
  emailTemplates: setting(
    "email-templates",
    commaList,
    "Directories with mail texts that replace the built-in ones; later ones win.",
    [],
  ),
  emailLocale: setting("email-locale", text, "Language of mail whose reader's language is not known.", "en"),
  enableRegistration: setting("enable-registration", toggle, "Let people make themselves an account.", false),
  registrationEmailDomains: setting(
    "registration-email-domains",
    commaList,
    "Only addresses of these domains may be registered; empty allows all.",
    [],
  ),
  enableClientRegistration: setting(
    "enable-client-registration",
    toggle,
    "Let clients register themselves (RFC 7591) with one of --client-registration-tokens.",
    false,
  ),
  clientRegistrationTokens: setting(
    "client-registration-tokens",
    base64Secrets(32),
    "Initial access tokens for client registration, RFC 7591 section 3: base64 of 32 bytes each.",
    [],
  ),
  insecureOpenClientRegistration: setting(
    "insecure-open-client-registration",
    toggle,
    "Let anybody register a client without a token, as dex v1 did.",
    false,
  ),
  registrationProfile: optionalSetting(
    "registration-profile",
    oneOf(REGISTRATION_PROFILES),
    "Hold every client that registers or describes itself to this profile: it is the default, and what contradicts it is refused.",
  ),
  clientIdDocuments: setting(
    "client-id-documents",
    oneOf(CLIENT_ID_DOCUMENTS),
    "Take clients whose id is the https address of a document that describes them: off, of listed hosts, or any.",
    "off",
  ),
  clientIdDocumentHosts: setting(
    "client-id-document-hosts",
    hostList,
    "Hosts, or *. and a domain, whose clients describe themselves so; clients of other hosts may send people there too.",
    [],
  ),
  blockedClientIdDocumentHosts: setting(
    "blocked-client-id-document-hosts",
    hostList,
    "Hosts, or *. and a domain, whose clients are not taken, whatever is listed; those that were taken are refused from then on.",
    [],
  ),
  insecureRememberRegisteredClients: setting(
    "insecure-remember-registered-clients",
    toggle,
    "Ask people once about a client that registered itself, as about every other, and not each time.",
    false,
  ),
  insecureMockConnectors: setting(
    "insecure-mock-connectors",
    toggle,
    "Let connectors of type mockCallback and mockPassword open: anybody can sign in through them.",
    false,
  ),
  insecurePrivateClientAddresses: setting(
    "insecure-private-client-addresses",
    toggle,
    "Also use http and private addresses that clients register (keys, request objects, logout), for closed test networks.",
    false,
  ),
  enableAutomaticRegistration: setting(
    "enable-automatic-registration",
    toggle,
    "Create a user at the first sign-in through a connector.",
    false,
  ),
  apiUseClientCredentials: setting(
    "api-use-client-credentials",
    toggle,
    "Admin clients may call the management API with a client_credentials token.",
    false,
  ),
  managementApiMaxAuthAge: setting(
    "management-api-max-auth-age",
    seconds({ max: 30 * DAY }),
    "People who use the API must have signed in within this time (RFC 9470); 0s does not ask.",
    0,
  ),
  managementApiAcr: optionalSetting(
    "management-api-acr",
    oneOf(ACR_VALUES),
    "People who use the API must have signed in this surely: 2 is by several proofs.",
  ),
  enableBackchannelDecisionsByAdministrators: setting(
    "enable-backchannel-decisions-by-administrators",
    toggle,
    "Let the management API answer in a person's place what clients ask of them by name (CIBA): an administrator can sign in as anybody then.",
    false,
  ),
  enableFrontChannelTokens: setting(
    "enable-front-channel-tokens",
    toggle,
    "Serve clients that are registered for other response types than code: tokens then travel with the browser.",
    false,
  ),
  subjectFormat: setting(
    "subject-format",
    oneOf(SUBJECT_FORMATS),
    "What clients are told people are called: uuid, or dex-v2 as in the installation of it that moved here. Must not change.",
    "uuid",
  ),
  passwordGrantConnectors: setting(
    "password-grant-connectors",
    commaList,
    "Connectors whose passwords clients with the grant password may send (RFC 6749 section 4.3); without one nobody may.",
    [],
  ),
  requirePkce: setting("require-pkce", toggle, "Refuse every client's authorization request without PKCE.", false),
  requirePushedAuthorizationRequests: setting(
    "require-pushed-authorization-requests",
    toggle,
    "Refuse authorization requests that the client did not push beforehand (RFC 9126).",
    false,
  ),
  requireDpopNonce: setting(
    "require-dpop-nonce",
    toggle,
    "Take DPoP proofs only with a nonce that a worker gave within the last five minutes (RFC 9449 section 8).",
    false,
  ),
  accessTokenLifetime: setting(
    "access-token-lifetime",
    seconds({ min: 10, max: HOUR }),
    "Life of an access token.",
    600,
  ),
  idTokenLifetime: setting("id-token-lifetime", seconds({ min: 10, max: DAY }), "Life of an ID token.", HOUR),
  refreshTokenIdleLifetime: setting(
    "refresh-token-idle-lifetime",
    seconds({ min: 60, max: 90 * DAY }),
    "A refresh token unused for this long is dead.",
    30 * DAY,
  ),
  refreshTokenAbsoluteLifetime: setting(
    "refresh-token-absolute-lifetime",
    seconds({ min: 60, max: 365 * DAY }),
    "A refresh token family ends this long after sign-in.",
    90 * DAY,
  ),
  refreshTokenGrace: setting(
    "refresh-token-grace",
    seconds({ min: 0, max: 60 }),
    "A replaced refresh token still answers with its successor for this long.",
    10,
  ),
  upstreamRefreshInterval: setting(
    "upstream-refresh-interval",
    seconds({ min: 0, max: DAY }),
    "At a refresh the upstream is asked again about the user when its last answer is older than this; 0s asks each time.",
    0,
  ),
  sessionIdleLifetime: setting(
    "session-idle-lifetime",
    seconds({ min: 60, max: 30 * DAY }),
    "Idle limit of a session.",
    HOUR,
  ),
  sessionAbsoluteLifetime: setting(
    "session-absolute-lifetime",
    seconds({ min: 60, max: 90 * DAY }),
    "A session ends this long after sign-in.",
    12 * HOUR,
  ),
  sessionRememberLifetime: setting(
    "session-remember-lifetime",
    seconds({ max: 30 * DAY }),
    "Offer to keep people signed in for this long, used or not; others until the browser is closed. 0s offers nothing.",
    0,
  ),
  sessionRememberByDefault: setting(
    "session-remember-by-default",
    toggle,
    "Tick the box at first, and keep people signed in who come through a connector without a form of ours.",
    false,
  ),
  ssoSharedWithDefault: setting(
    "sso-shared-with-default",
    oneOf(SHARING_DEFAULTS),
    "Whether a sign-in to a client that does not say whom it shares it with counts for the others: all or none.",
    "all",
  ),
  passwordThreads: setting("password-threads", integer(0, 64), "Threads that hash passwords; 0 means cores - 1.", 0),
  shutdownDelay: setting(
    "shutdown-delay",
    seconds({ max: 300 }),
    "How long to stay open after SIGTERM while load balancers take notice.",
    0,
  ),
  logDebug: setting("log-debug", toggle, "Log debug lines.", false),
  logTimestamps: setting("log-timestamps", toggle, "Begin each log line with the time.", false),
} as const;

export type WorkerConfig = SettingsOf<typeof SETTINGS> & {
  readonly tls: { cert: Buffer; key: Buffer } | undefined;
  /** What the settings about certificates of clients come to. */
  readonly mutualTls: MutualTlsSetup;
  /** What the settings about mail come to. */
  readonly mail: MailSetup;
  /** The issuer exactly as it stands in tokens. */
  readonly issuerText: string;
};

const PROGRAM: Program = {
  name: "dex-worker",
  prefix: "DEX_WORKER",
  summary: "the stateless OpenID Connect provider; run any number behind a load balancer",
  version: VERSION,
};

/** Reads the settings and checks what concerns more than one of them. */
export function readWorkerConfig(argv: readonly string[], env: NodeJS.ProcessEnv): SettingsResult<WorkerConfig> {
  const result = readSettings(PROGRAM, SETTINGS, argv, env);
  if (result.kind === "exit") return result;
  const { values } = result;
  const problems = [...issuerProblems(values.issuer, values.insecureHttpIssuer)];
  const mail = readMailSetup(values);
  if ("problems" in mail) problems.push(...mail.problems);
  const mutualTls = readMutualTlsSetup(values);
  if ("problems" in mutualTls) problems.push(...mutualTls.problems);
  if (
    values.enableClientRegistration &&
    values.clientRegistrationTokens.length === 0 &&
    !values.insecureOpenClientRegistration
  ) {
    problems.push(
      "--enable-client-registration needs --client-registration-tokens (DEX_WORKER_CLIENT_REGISTRATION_TOKENS) with at least one token, or --insecure-open-client-registration to let anybody register",
    );
  }
  if (values.clientIdDocuments === "listed" && values.clientIdDocumentHosts.length === 0) {
    problems.push("--client-id-documents=listed needs --client-id-document-hosts: whose documents are read");
  }
  problems.push(...rememberProblems(values));
  if (values.enableRegistration && values.enableAutomaticRegistration) {
    problems.push("--enable-registration and --enable-automatic-registration exclude each other: choose one");
  }
  const tls = readTls(values.listen, values.tlsCertFile, values.tlsKeyFile);
  if (typeof tls === "string") problems.push(tls);
  if (problems.length > 0 || typeof tls === "string" || "problems" in mail || "problems" in mutualTls) {
    return { kind: "exit", code: 1, message: problems.map((problem) => `FATAL: ${problem}`).join("\n") };
  }
  return {
    kind: "settings",
    values: Object.freeze({ ...values, tls, mail, mutualTls, issuerText: issuerText(values.issuer) }),
  };
}

// `new URL` adds a slash to a bare origin. An issuer without a path is meant without it: OIDC Discovery §4 appends to it.
function issuerText(issuer: URL): string {
  return issuer.pathname === "/" ? issuer.origin : issuer.href;
}

function rememberProblems(values: {
  readonly sessionRememberLifetime: number;
  readonly sessionRememberByDefault: boolean;
  readonly sessionAbsoluteLifetime: number;
}): readonly string[] {
  if (values.sessionRememberLifetime === 0) {
    return values.sessionRememberByDefault
      ? ["--session-remember-by-default needs --session-remember-lifetime: how long to keep people signed in"]
      : [];
  }
  return values.sessionRememberLifetime < values.sessionAbsoluteLifetime
    ? ["--session-remember-lifetime: expected no less than --session-absolute-lifetime"]
    : [];
}

function issuerProblems(issuer: URL, insecureHttp: boolean): readonly string[] {
  const problems: string[] = [];
  if (issuer.search !== "" || issuer.hash !== "" || issuer.username !== "" || issuer.password !== "") {
    problems.push("--issuer: expected a URL without query, fragment and user (OIDC Core §2)");
  }
  if (issuer.protocol === "http:" && !isLoopback(issuer) && !insecureHttp) {
    problems.push(
      "--issuer: found http on a host that is not loopback, expected https; --insecure-http-issuer allows it for a closed test network",
    );
  }
  return problems;
}
