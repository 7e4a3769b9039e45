// A sign-in with curl's tickets and a real Kerberos: vitest run --project kerberos. It needs npm's native `kerberos` (NODE_PATH
// counts), curl, and Debian's krb5-kdc, krb5-admin-server and krb5-user, and fails where one of them is missing.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type RunningKdc, type RunningSlapd, startKdc, startSlapd } from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

const PEOPLE = "ou=People,dc=example,dc=org";
const LDIF = `dn: ${PEOPLE}
objectClass: organizationalUnit
ou: People

dn: uid=jdoe,${PEOPLE}
objectClass: inetOrgPerson
uid: jdoe
cn: Jo Doe
sn: Doe
mail: jdoe@example.com
`;

describe("with a real Kerberos", () => {
  let worker: TestWorker;
  let slapd: RunningSlapd;
  let kdc: RunningKdc;
  beforeAll(async () => {
    [worker, slapd, kdc] = await Promise.all([
      openTestWorker(["--enable-automatic-registration"]),
      startSlapd({ ldif: LDIF }),
      startKdc(),
    ]);
    Object.assign(process.env, kdc.environment);
    const config = {
      host: `${slapd.host}:${slapd.port}`,
      insecureNoSSL: true,
      userSearch: { baseDN: PEOPLE, username: "uid", nameAttr: "cn" },
      kerberos: { enabled: true, keytabPath: kdc.keytabPath },
    };
    await worker.setConnectors([{ id: "dir", type: "ldap", config }]);
  });
  afterAll(async () => {
    await worker?.close();
    await slapd?.close();
    await kdc?.close();
    for (const name of ["KRB5_CONFIG", "KRB5_KTNAME"]) delete process.env[name];
  });

  /** Follows redirects until the client's, where nobody listens; returns the address, and all headers on the way. */
  async function curl(environment: Readonly<Record<string, string>>): Promise<{ url: URL; headers: string }> {
    const args = ["-s", "-L", "-D", "-", "-o", "/dev/null", "-c", "/dev/null", "-w", "%{url_effective}"];
    const url = worker.authorizationUrl({ connector_id: "dir" });
    const run = promisify(execFile)("curl", [...args, "--negotiate", "-u", ":", url], {
      env: { ...process.env, ...environment },
    });
    // Nobody listens at the client's address, which curl calls a failure.
    const { stdout } = await run.catch((error: { stdout: string }) => error);
    const lines = stdout.trim().split("\n");
    return { url: new URL(lines.at(-1) ?? ""), headers: lines.slice(0, -1).join("\n") };
  }

  test("curl's ticket ends with a code and a session (C 72, C 81)", async () => {
    const { url, headers } = await curl({ KRB5CCNAME: kdc.login("jdoe@EXAMPLE.COM") });
    expect(url.href.startsWith(REDIRECT_URI)).toBe(true);
    expect(url.searchParams.has("code")).toBe(true);
    // Curl sends its ticket unasked. The answer to it is for curl to check who we are.
    expect(headers).toMatch(/WWW-Authenticate: Negotiate [A-Za-z0-9+/=]{20,}/i);
    expect(headers).toMatch(/Set-Cookie: dex-session/i);
  });

  test("who has no ticket stands before a 401 (C 67)", async () => {
    const { url, headers } = await curl({ KRB5CCNAME: "FILE:/nowhere/cache" });
    expect(url.pathname).toMatch(/\/auth\/dir\/login$/);
    expect(headers).toMatch(/HTTP\/1\.1 401/);
  });
});
