// A real identity provider: SimpleSAMLphp of Debian, as an ordinary process on a free port, with its own keys, people and
// data. No system service is touched.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePorts } from "./fleet/free-ports.ts";
import { waitUntilOpen } from "./wait-until-open.ts";

const WWW = "/usr/share/simplesamlphp/www";

export interface SimpleSamlPerson {
  readonly login: string;
  readonly password: string;
  /** By name, as they are released. `uid` becomes the NameID. */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

export interface SimpleSamlClient {
  readonly entityId: string;
  readonly callbackUrl: string;
  /** PEM; assertions are encrypted to it. */
  readonly encryptTo?: string;
  readonly signs?: "response" | "assertion";
  /** Where browsers come back to from being signed out. */
  readonly signedOutUrl?: string;
  /** PEM of what the client signs with: a LogoutRequest that is not signed so is refused. */
  readonly logoutSignedBy?: string;
}

export interface RunningSimpleSaml {
  readonly entityId: string;
  readonly ssoUrl: string;
  readonly sloUrl: string;
  /** PEM of what it signs with. */
  readonly certificate: string;
  /** What it wrote to its log. */
  log(): Promise<string>;
  close(): Promise<void>;
}

/** Served as `localhost`, which to browsers is another site than 127.0.0.1. */
export async function startSimpleSaml(options: {
  readonly people: readonly SimpleSamlPerson[];
  readonly clients: readonly SimpleSamlClient[];
}): Promise<RunningSimpleSaml> {
  const directory = await mkdtemp(join(tmpdir(), "dex-simplesaml-"));
  const [port = 0] = await findFreePorts(1);
  const base = `http://localhost:${port}/`;
  const path = (name: string) => join(directory, name);
  for (const name of ["metadata", "cert", "log", "data", "tmp", "sessions"]) await mkdir(path(name));
  const key = ["-newkey", "rsa:2048", "-keyout", path("cert/idp.key"), "-out", path("cert/idp.pem")];
  execFileSync("openssl", ["req", "-x509", ...key, "-nodes", "-days", "2", "-subj", "/CN=simplesaml"], {
    stdio: "ignore",
  });
  const entityId = `${base}saml2/idp/metadata.php`;
  await writeFile(path("config.php"), configuration(directory, base));
  await writeFile(path("authsources.php"), peopleSource(options.people));
  await writeFile(path("metadata/saml20-idp-hosted.php"), hosted(entityId));
  await writeFile(
    path("metadata/saml20-sp-remote.php"),
    options.clients.map(remote).join("\n").replace(/^/, "<?php\n"),
  );
  const quiet = ["-d", "display_errors=0", "-d", "error_reporting=0", "-d", `session.save_path=${path("sessions")}`];
  const server = spawn("php", [...quiet, "-S", `127.0.0.1:${port}`, "-t", WWW], {
    env: { PATH: process.env.PATH ?? "", SIMPLESAMLPHP_CONFIG_DIR: directory, PHP_CLI_SERVER_WORKERS: "2" },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const output = createWriteStream(path("log/php.log"));
  server.stderr.pipe(output);
  server.stdout.resume();
  async function close() {
    if (server.pid !== undefined && server.exitCode === null && server.signalCode === null) {
      const ended = once(server, "exit");
      process.kill(-server.pid, "SIGKILL"); // with the workers that it forked
      await ended;
    }
    await rm(directory, { recursive: true, force: true });
  }
  try {
    await waitUntilOpen(port, "SimpleSAMLphp");
  } catch (error) {
    await close();
    throw error;
  }
  return {
    entityId,
    ssoUrl: `${base}saml2/idp/SSOService.php`,
    sloUrl: `${base}saml2/idp/SingleLogoutService.php`,
    certificate: await readFile(path("cert/idp.pem"), "utf8"),
    log: async () => `${await readFile(path("log/simplesamlphp.log"), "utf8").catch(() => "")}`,
    close,
  };
}

function configuration(directory: string, base: string): string {
  const values = {
    baseurlpath: base,
    certdir: `${directory}/cert/`,
    loggingdir: `${directory}/log/`,
    datadir: `${directory}/data/`,
    tempdir: `${directory}/tmp`,
    metadatadir: `${directory}/metadata/`,
    attributenamemapdir: "/etc/simplesamlphp/attributemap/",
    secretsalt: "a salt for tests",
    "auth.adminpassword": "nobody knows",
    technicalcontact_email: "nobody@example.org",
    timezone: "UTC",
    showerrors: true,
    errorreporting: false,
    "logging.handler": "file",
    "logging.level": 6,
    "enable.saml20-idp": true,
    "module.enable": { exampleauth: true, core: true, saml: true },
    "session.cookie.secure": false,
    "session.cookie.samesite": "Lax",
    "session.phpsession.savepath": `${directory}/sessions`,
    "session.phpsession.httponly": true,
    "language.cookie.secure": false,
    "language.cookie.samesite": "Lax",
    "language.available": ["en"],
    "language.default": "en",
    "metadata.sources": [{ type: "flatfile" }],
    "store.type": "phpsession",
    production: true,
    "admin.checkforupdates": false,
    "trusted.url.domains": [],
  };
  return `<?php\n$config = ${php(values)};\n`;
}

function peopleSource(people: readonly SimpleSamlPerson[]): string {
  const users = Object.fromEntries(
    people.map(({ login, password, attributes }) => [`${login}:${password}`, attributes]),
  );
  return `<?php\n$config = ${php({ people: { 0: "exampleauth:UserPass", ...users } })};\n`;
}

function hosted(entityId: string): string {
  const metadata = {
    host: "__DEFAULT__",
    privatekey: "idp.key",
    certificate: "idp.pem",
    auth: "people",
    "signature.algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    authproc: {
      3: {
        class: "saml:AttributeNameID",
        attribute: "uid",
        Format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
      },
    },
  };
  return `<?php\n$metadata[${php(entityId)}] = ${php(metadata)};\n`;
}

function remote({ entityId, callbackUrl, signs = "response", ...more }: SimpleSamlClient): string {
  const { encryptTo, signedOutUrl, logoutSignedBy } = more;
  const certData = (encryptTo ?? logoutSignedBy)?.replace(/-----[^-]+-----|\s/g, "");
  const metadata = {
    AssertionConsumerService: callbackUrl,
    "saml20.sign.response": signs === "response",
    "saml20.sign.assertion": signs === "assertion",
    NameIDFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    ...(encryptTo === undefined ? {} : { "assertion.encryption": true }),
    ...(logoutSignedBy === undefined ? {} : { "validate.logout": true }),
    ...(signedOutUrl === undefined ? {} : { SingleLogoutService: signedOutUrl }),
    ...(certData === undefined ? {} : { certData }),
  };
  return `$metadata[${php(entityId)}] = ${php(metadata)};`;
}

type PhpValue = string | number | boolean | readonly PhpValue[] | { readonly [name: string]: PhpValue };

/** A literal of PHP. */
function php(value: PhpValue): string {
  if (typeof value === "string") return `'${value.replace(/[\\']/g, "\\$&")}'`;
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(php).join(", ")}]`;
  return `[${Object.entries(value)
    .map(([name, one]) => `${/^\d+$/.test(name) ? name : php(name)} => ${php(one)}`)
    .join(", ")}]`;
}
