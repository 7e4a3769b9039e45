// A private directory for tests: Debian's slapd as an ordinary process, on free ports of 127.0.0.1, with its own data and
// its own certificate authority. No system service is touched.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePorts } from "./fleet/free-ports.ts";
import { waitUntilOpen } from "./wait-until-open.ts";

export const SLAPD_SUFFIX = "dc=example,dc=org";
const ROOT_DN = `cn=admin,${SLAPD_SUFFIX}`;
const ROOT_PASSWORD = "the directory's admin";

export interface RunningSlapd {
  readonly host: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly suffix: string;
  readonly rootDn: string;
  readonly rootPassword: string;
  /** PEM files. `otherCa` has signed nothing here. */
  readonly files: Readonly<Record<"ca" | "otherCa" | "clientCert" | "clientKey", string>>;
  /** Changes the directory by LDIF with changetype. */
  modify(ldif: string): void;
  /** Connections that the server has open now, its own monitoring left out. */
  connections(): number;
  /** Searches it was asked since it started, each page of a paged one by itself; the question is one too. */
  searches(): number;
  /** Kills it, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same ports with the same data. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** `ldif`: entries below the suffix. `clientCertificate`: whether LDAPS demands one. */
export async function startSlapd(options: {
  readonly ldif: string;
  readonly clientCertificate?: "try" | "demand";
}): Promise<RunningSlapd> {
  const directory = await mkdtemp(join(tmpdir(), "dex-slapd-"));
  const path = (name: string) => join(directory, name);
  const [port = 0, tlsPort = 0] = await findFreePorts(2);
  await mkdir(path("data"));
  makeCertificates(directory);
  await writeFile(path("slapd.conf"), configuration(directory, options.clientCertificate ?? "try"));
  await writeFile(path("start.ldif"), `${rootEntry()}\n\n${options.ldif.trim()}\n`);
  run("slapadd", ["-q", "-f", path("slapd.conf"), "-l", path("start.ldif")]);
  let server: ChildProcess | undefined;
  const ask = (base: string, filter: string, attribute: string) =>
    execFileSync("ldapsearch", [
      ...["-x", "-LLL", "-H", `ldap://127.0.0.1:${port}`, "-D", ROOT_DN, "-w", ROOT_PASSWORD],
      ...["-b", base, filter, attribute],
    ]).toString();

  const running: RunningSlapd = {
    host: "127.0.0.1",
    port,
    tlsPort,
    suffix: SLAPD_SUFFIX,
    rootDn: ROOT_DN,
    rootPassword: ROOT_PASSWORD,
    files: {
      ca: path("ca.pem"),
      otherCa: path("other-ca.pem"),
      clientCert: path("client.pem"),
      clientKey: path("client.key"),
    },
    modify(ldif) {
      const login = ["-x", "-H", `ldap://127.0.0.1:${port}`, "-D", ROOT_DN, "-w", ROOT_PASSWORD];
      execFileSync("ldapmodify", login, { input: ldif, stdio: ["pipe", "ignore", "pipe"] });
    },
    connections() {
      const pid = server?.pid;
      if (pid === undefined) return 0;
      const text = ask("cn=Connections,cn=Monitor", "(monitorConnectionNumber=*)", "monitorConnectionNumber");
      return [...text.matchAll(/^monitorConnectionNumber:/gm)].length - 1;
    },
    searches() {
      const text = ask("cn=Search,cn=Operations,cn=Monitor", "(objectClass=*)", "monitorOpInitiated");
      return Number(/^monitorOpInitiated: (\d+)$/m.exec(text)?.[1]);
    },
    async kill() {
      const { pid } = server ?? {};
      if (server === undefined || pid === undefined) return;
      const ended = once(server, "exit");
      server.kill("SIGKILL");
      await ended;
      server = undefined;
    },
    async start() {
      const urls = `ldap://127.0.0.1:${port}/ ldaps://127.0.0.1:${tlsPort}/`;
      server = spawn(program("slapd"), ["-d", "0", "-f", path("slapd.conf"), "-h", urls], { stdio: "ignore" });
      await waitUntilOpen(port, "slapd");
    },
    async close() {
      await running.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    await running.start();
    return running;
  } catch (error) {
    await running.close();
    throw error;
  }
}

function configuration(directory: string, clientCertificate: "try" | "demand"): string {
  const schemas = ["core", "cosine", "nis", "inetorgperson"].map((name) => `include /etc/ldap/schema/${name}.schema`);
  return `${schemas.join("\n")}
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload back_monitor
moduleload ppolicy
pidfile ${directory}/slapd.pid
TLSCACertificateFile ${directory}/ca.pem
TLSCertificateFile ${directory}/server.pem
TLSCertificateKeyFile ${directory}/server.key
TLSVerifyClient ${clientCertificate}
database mdb
suffix "${SLAPD_SUFFIX}"
rootdn "${ROOT_DN}"
rootpw "${ROOT_PASSWORD}"
directory ${directory}/data
maxsize 16777216
dbnosync
sizelimit size.soft=500 size.hard=500 size.pr=500 size.prtotal=unlimited
overlay ppolicy
access to attrs=userPassword by anonymous auth by * none
access to * by * read
database monitor
access to * by dn.exact="${ROOT_DN}" read
`;
}

function rootEntry(): string {
  return `dn: ${SLAPD_SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example`;
}

/** An authority, a server certificate for localhost, a client certificate, and a second authority that signed none. */
function makeCertificates(directory: string): void {
  const openssl = (...args: string[]) => run("openssl", args, directory);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  for (const ca of ["ca", "other-ca"]) {
    openssl("req", "-x509", ...key, "-days", "2", "-subj", `/CN=${ca}`, "-keyout", `${ca}.key`, "-out", `${ca}.pem`);
  }
  for (const [name, extension] of [
    ["server", "subjectAltName=DNS:localhost"],
    ["client", "extendedKeyUsage=clientAuth"],
  ] as const) {
    const request = ["-subj", `/CN=${name}`, "-addext", extension, "-keyout", `${name}.key`, "-out", `${name}.csr`];
    openssl("req", "-new", ...key, ...request);
    const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copy"];
    openssl("x509", "-req", "-in", `${name}.csr`, ...signed, "-days", "2", "-out", `${name}.pem`);
  }
}

function run(name: string, args: readonly string[], cwd?: string): void {
  execFileSync(program(name), args, { stdio: ["ignore", "ignore", "pipe"], ...(cwd === undefined ? {} : { cwd }) });
}

/** Debian keeps servers where a person's PATH does not look. */
function program(name: string): string {
  return existsSync(`/usr/sbin/${name}`) ? `/usr/sbin/${name}` : name;
}
