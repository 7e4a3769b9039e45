// A private Kerberos for tests: Debian's krb5kdc as an ordinary process with two realms, EXAMPLE.COM and OTHER.COM, of which
// the first trusts the second. No system service and no system file is touched.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePorts } from "./fleet/free-ports.ts";
import { waitUntilOpen } from "./wait-until-open.ts";

const REALMS = ["EXAMPLE.COM", "OTHER.COM"] as const;

export interface RunningKdc {
  /** What whoever uses it must find in their environment. */
  readonly environment: Readonly<Record<"KRB5_CONFIG", string>>;
  /** Keys of HTTP/localhost and HTTP/127.0.0.1, both of EXAMPLE.COM. */
  readonly keytabPath: string;
  /** Makes somebody of a realm and logs them in; returns what to set as KRB5CCNAME. */
  login(principal: string): string;
  close(): Promise<void>;
}

export async function startKdc(): Promise<RunningKdc> {
  const directory = await mkdtemp(join(tmpdir(), "dex-kdc-"));
  const path = (name: string) => join(directory, name);
  const ports = await findFreePorts(REALMS.length);
  await writeFile(path("krb5.conf"), clientConfiguration(ports));
  await writeFile(path("kdc.conf"), serverConfiguration(directory, ports));
  const environment = { KRB5_CONFIG: path("krb5.conf") };
  const env = { ...process.env, ...environment, KRB5_KDC_PROFILE: path("kdc.conf"), LC_ALL: "C" };
  const run = (program: string, args: readonly string[], input?: string) =>
    execFileSync(program, args, { env, stdio: ["pipe", "ignore", "pipe"], ...(input === undefined ? {} : { input }) });
  const administer = (realm: string, query: string) => run("/usr/sbin/kadmin.local", ["-r", realm, "-q", query]);
  for (const realm of REALMS) {
    await mkdir(path(realm));
    run("/usr/sbin/kdb5_util", ["create", "-s", "-r", realm, "-P", `master of ${realm}`, "-W"]);
    // The same key on both sides: whoever is of the other realm may ask for tickets of this one.
    administer(realm, "addprinc -pw shared krbtgt/EXAMPLE.COM@OTHER.COM");
  }
  const keytabPath = path("http.keytab");
  for (const service of ["HTTP/localhost", "HTTP/127.0.0.1"]) {
    administer("EXAMPLE.COM", `addprinc -randkey ${service}`);
    administer("EXAMPLE.COM", `ktadd -k ${keytabPath} ${service}`);
  }

  const args = ["-n", ...REALMS.flatMap((realm) => ["-r", realm]), "-P", path("kdc.pid")];
  const server: ChildProcess = spawn("/usr/sbin/krb5kdc", args, { env, stdio: "ignore" });
  let logins = 0;
  const running: RunningKdc = {
    environment,
    keytabPath,
    login(principal) {
      const password = `secret of ${principal}`;
      administer(principal.split("@")[1] ?? "", `addprinc -pw "${password}" ${principal}`);
      logins += 1;
      const cache = `FILE:${path(`cache-${logins}`)}`;
      run("kinit", ["-c", cache, principal], `${password}\n`);
      return cache;
    },
    async close() {
      if (server.exitCode === null) {
        const ended = once(server, "exit");
        server.kill("SIGKILL");
        await ended;
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    for (const port of ports) await waitUntilOpen(port, "krb5kdc");
    return running;
  } catch (error) {
    await running.close();
    throw error;
  }
}

function clientConfiguration(ports: readonly number[]): string {
  const realms = REALMS.map((realm, n) => `  ${realm} = {\n    kdc = 127.0.0.1:${ports[n]}\n  }`);
  return `[libdefaults]
  default_realm = EXAMPLE.COM
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
${realms.join("\n")}
[domain_realm]
  localhost = EXAMPLE.COM
[capaths]
  OTHER.COM = {
    EXAMPLE.COM = .
  }
`;
}

function serverConfiguration(directory: string, ports: readonly number[]): string {
  const realms = REALMS.map(
    (realm, n) => `  ${realm} = {
    database_name = ${directory}/${realm}/principal
    key_stash_file = ${directory}/${realm}/stash
    kdc_listen = 127.0.0.1:${ports[n]}
    kdc_tcp_listen = 127.0.0.1:${ports[n]}
  }`,
  );
  return `[realms]\n${realms.join("\n")}\n[logging]\n  kdc = FILE:${directory}/kdc.log\n`;
}
