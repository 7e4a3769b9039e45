// A dry run: whatever of a directory can be tried without a person.
import type { CheckStep } from "../connector.ts";
import { LoginRefused } from "../login-refused.ts";
import { type LdapConnection, openLdapConnection } from "./connection.ts";
import { becomeService } from "./directory.ts";
import type { LdapSettings } from "./settings.ts";

const SECURITY = { ldaps: "LDAPS", starttls: "StartTLS", none: "clear text" } as const;

/** Ends at the first step that fails, but for bases that cannot be read: each of them is worth knowing. */
export async function checkDirectory(settings: LdapSettings): Promise<readonly CheckStep[]> {
  const steps: CheckStep[] = [];
  async function step<Result>(name: string, work: () => Promise<Result>, found: (result: Result) => string) {
    try {
      const result = await work();
      steps.push({ name, ok: true, detail: found(result) });
      return result;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      steps.push({ name, ok: false, detail: error.message });
      return undefined;
    }
  }

  const { server, service, find, groups } = settings;
  const connected = `${SECURITY[server.security]} to ${server.host}:${server.port}`;
  const certificate =
    server.security === "none"
      ? ""
      : server.verifyCertificate
        ? ", certificate verified"
        : ", certificate not verified";
  const connection = await step(
    "connect",
    () => openLdapConnection(server),
    () => `${connected}${certificate}`,
  );
  if (connection === undefined) return steps;
  try {
    const bound = await step(
      "bind",
      async () => {
        await becomeService(connection, settings);
        return true;
      },
      () => (service === undefined ? "as nobody: no service account is configured" : "as the service account"),
    );
    if (bound === undefined) return steps;
    if (find.kind === "search") {
      await step(
        "user search",
        () => readBase(connection, find.baseDn),
        (dn) => `${dn} can be read`,
      );
    }
    if (groups !== undefined) {
      await step(
        "group search",
        () => readBase(connection, groups.baseDn),
        (dn) => `${dn} can be read`,
      );
    }
    return steps;
  } finally {
    connection.close();
  }
}

async function readBase(connection: LdapConnection, baseDn: string): Promise<string> {
  const search = { baseDn, scope: "base", filter: "(objectClass=*)", attributes: [], limit: 1 } as const;
  const [entry] = await connection.search(search);
  if (entry === undefined) {
    const detail = `${baseDn} is not there, or may not be read by whom we bind as`;
    throw new LoginRefused({ kind: "unavailable", detail });
  }
  return entry.dn;
}
