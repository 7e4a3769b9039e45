// Real relying parties for tests: Debian's Apache with mod_auth_openidc as an ordinary process on free ports of 127.0.0.1,
// with its own configuration, pages and data. No system service is touched.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitUntilOpen } from "./wait-until-open.ts";

const MODULES = "/usr/lib/apache2/modules";
/** Who Debian's Apache works as when root starts it. */
const WORKS_AS = "www-data";

/** One application that lets people in who have signed in. */
export interface OpenIdSite {
  /** Of a free port; it listens there on 127.0.0.1, whatever the host is called. */
  readonly origin: string;
  /** Unique among the sites of one Apache. */
  readonly name: string;
  /** Directives of the module, each with its arguments. `OIDCRedirectURI` is `openIdSitePlaces(site).redirectUri`. */
  readonly directives: Readonly<Record<string, string | readonly string[]>>;
  /** Files for `OIDCMetadataDir`, by name; the directory is set when there are some, and the module may write to it. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** PEM of what an https origin is served with. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** Where things are on a site. */
export interface OpenIdSitePlaces {
  /** A page for those who have signed in, which shows the environment of its request in `#environment`. */
  readonly page: string;
  /** The module's one address: of its answers, its signing out, its refreshing and its keys. */
  readonly redirectUri: string;
  /** The same page for programs that bring an access token, where `OIDCOAuth...` says how the module looks into it. */
  readonly api: string;
  /** A page for everybody, with an `#everybody`. */
  readonly everybody: string;
}

export interface RunningApache {
  /** What it wrote to its log, the module's messages among it. */
  log(): Promise<string>;
  close(): Promise<void>;
}

export function openIdSitePlaces(origin: string): OpenIdSitePlaces {
  return {
    page: `${origin}/protected/index.shtml`,
    redirectUri: `${origin}/protected/redirect_uri`,
    api: `${origin}/api/index.shtml`,
    everybody: `${origin}/everybody.html`,
  };
}

/** Starts one in the foreground that serves all the sites. */
export async function startApache(sites: readonly OpenIdSite[]): Promise<RunningApache> {
  const directory = await mkdtemp(join(tmpdir(), "dex-apache-"));
  const path = (...names: readonly string[]) => join(directory, ...names);
  for (const place of ["protected", "api"]) await mkdir(path("pages", place), { recursive: true });
  await writeFile(path("pages", "everybody.html"), "<!doctype html><h1 id=everybody>Everybody may read this</h1>\n");
  const shown = "<!doctype html><h1>Protected</h1><pre id=environment><!--#printenv --></pre>\n";
  for (const place of ["protected", "api"]) await writeFile(path("pages", place, "index.shtml"), shown);
  for (const { name, metadata = {}, tls } of sites) {
    if (tls !== undefined) await writeFile(path(`${name}.pem`), tls.cert + tls.key);
    await mkdir(path(`metadata-${name}`));
    for (const [file, text] of Object.entries(metadata)) await writeFile(path(`metadata-${name}`, file), text);
    await giveAway(path(`metadata-${name}`));
  }
  await writeFile(path("apache.conf"), configuration(directory, sites));
  await chmod(directory, 0o711);
  const program = existsSync("/usr/sbin/apache2") ? "/usr/sbin/apache2" : "apache2";
  const server = spawn(program, ["-d", directory, "-f", path("apache.conf"), "-DFOREGROUND"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  // What it finds wrong with its configuration, before it has a log.
  let complaints = "";
  server.stderr.on("data", (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const ended = once(server, "close");
  const log = async () => complaints + (await readFile(path("error.log"), "utf8").catch(() => ""));
  const close = async () => {
    server.kill("SIGTERM"); // which ends its children too
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const open = sites.map(({ origin }) => waitUntilOpen(Number(new URL(origin).port), "Apache"));
    await Promise.race([Promise.all(open), ended.then(() => Promise.reject(new Error("it ended at once")))]);
  } catch (error) {
    const lines = await log();
    await close();
    throw new Error(`Apache did not start:\n${lines}`, { cause: error });
  }
  return { log, close };
}

/** Its children, who are somebody else when root starts it, write here. */
async function giveAway(directory: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const id = (flag: string) => Number(execFileSync("id", [flag, WORKS_AS], { encoding: "utf8" }));
  await chown(directory, id("-u"), id("-g"));
}

function configuration(directory: string, sites: readonly OpenIdSite[]): string {
  const modules = ["mpm_event", "authn_core", "authz_core", "authz_user", "mime", "include", "auth_openidc"];
  if (sites.some(({ tls }) => tls !== undefined)) modules.push("ssl");
  return `ServerName 127.0.0.1
${sites.map(({ origin }) => `Listen 127.0.0.1:${new URL(origin).port}`).join("\n")}
${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join("\n")}
${process.getuid?.() === 0 ? `User ${WORKS_AS}\nGroup ${WORKS_AS}` : ""}
DefaultRuntimeDir ${directory}
PidFile ${directory}/pid
ErrorLog ${directory}/error.log
LogLevel warn auth_openidc:info
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MinSpareThreads 1
MaxSpareThreads 17
MaxRequestWorkers 16
KeepAlive Off
TypesConfig /dev/null
AddType text/html .html .shtml
AddOutputFilter INCLUDES .shtml
<Directory ${directory}/pages>
  Options +Includes
</Directory>
${sites.map((site) => renderSite(directory, site)).join("\n")}
`;
}

function renderSite(directory: string, { origin, name, directives, metadata, tls }: OpenIdSite): string {
  const all = {
    OIDCRedirectURI: openIdSitePlaces(origin).redirectUri,
    OIDCCryptoPassphrase: `of the site ${name}`,
    ...(metadata === undefined ? {} : { OIDCMetadataDir: `${directory}/metadata-${name}` }),
    ...directives,
  };
  return `<VirtualHost 127.0.0.1:${new URL(origin).port}>
  ServerName ${origin}
  DocumentRoot ${directory}/pages
  ${tls === undefined ? "" : `SSLEngine on\n  SSLCertificateFile ${directory}/${name}.pem`}
${Object.entries(all)
  .map(([directive, values]) => `  ${directive} ${[values].flat().map(quoted).join(" ")}`)
  .join("\n")}
  <Location /protected>
    AuthType openid-connect
    Require valid-user
  </Location>
  <Location /api>
    AuthType oauth20
    Require valid-user
  </Location>
</VirtualHost>`;
}

function quoted(value: string): string {
  return `"${value.replace(/[\\"]/g, "\\$&")}"`;
}
