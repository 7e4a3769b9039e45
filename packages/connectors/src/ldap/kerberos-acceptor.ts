// Tickets checked by the system's Kerberos library, through npm's `kerberos`. That is a native package, and needed by few: it
// is not among our dependencies but installed by whoever wants it, beside us or where NODE_PATH says.
import { createRequire } from "node:module";
import * as z from "zod";
import { readKeytab } from "./keytab.ts";
import type { AcceptedTicket, NegotiateAcceptor } from "./negotiate.ts";
import type { KerberosSettings } from "./settings.ts";

export type OpenedAcceptor =
  | { readonly kind: "acceptor"; readonly acceptor: NegotiateAcceptor }
  /** Kerberos stays off, whatever else works. */
  | { readonly kind: "off"; readonly why: string };

/** What is used of the package. */
export interface KerberosPackage {
  initializeServer(service: string): Promise<{
    step(ticket: string): Promise<unknown>;
    readonly username: string | null;
    /** Whom the ticket is for; null where a service was named. */
    readonly targetName: string | null;
    readonly response: string | null;
    readonly contextComplete: boolean;
  }>;
}

const MAX_TICKET_BYTES = 65_536;
const OTHER_KEYTAB = "this process has another keytab already (KRB5_KTNAME): restart it";
const HOW_TO_INSTALL = "the package `kerberos` is not installed: npm install kerberos@7 (needs libkrb5-dev to build)";

export function openAcceptor(
  settings: Pick<KerberosSettings, "keytabPath" | "servicePrincipal">,
  load: () => KerberosPackage | undefined = loadPackage,
): OpenedAcceptor {
  const { keytabPath, servicePrincipal } = settings;
  let principals: ReturnType<typeof readKeytab>;
  try {
    principals = readKeytab(keytabPath);
  } catch (error) {
    return off(`keytabPath: ${error instanceof Error ? error.message : "failed"}`);
  }
  const service = servicePrincipal?.split("@")[0];
  const usable = principals.filter(({ name }) => service === undefined || name.toLowerCase() === service.toLowerCase());
  if (usable.length === 0) return off("the keytab has no key of the service that is named by spn or keytabPrincipal");
  const kerberos = load();
  if (kerberos === undefined) return off(HOW_TO_INSTALL);
  if (!isKeytabFree(keytabPath)) return off(OTHER_KEYTAB);
  const realms = [...new Set(usable.map(({ realm }) => realm))];
  const acceptor: NegotiateAcceptor = {
    realms,
    async accept(ticket) {
      // Only now: a connector that is opened for a dry run must not take the place of the one in use.
      if (!isKeytabFree(keytabPath)) return rejected(OTHER_KEYTAB);
      process.env.KRB5_KTNAME = keytabPath;
      return accept(kerberos, service, ticket);
    },
  };
  return { kind: "acceptor", acceptor };
}

/** The library takes its keytab from the environment of the process: there can be one. */
function isKeytabFree(keytabPath: string): boolean {
  const { KRB5_KTNAME = keytabPath } = process.env;
  return KRB5_KTNAME === keytabPath;
}

async function accept(kerberos: KerberosPackage, service: string | undefined, ticket: Buffer): Promise<AcceptedTicket> {
  if (ticket.length === 0 || ticket.length > MAX_TICKET_BYTES) return rejected("it is empty or too large");
  try {
    // GSS-API's host-based name, RFC 2743 §4.1: HTTP@host.
    const server = await kerberos.initializeServer(service?.replace("/", "@") ?? "");
    await server.step(ticket.toString("base64"));
    const reply = server.response ? Buffer.from(server.response, "base64") : undefined;
    // We keep nothing between two requests, so an exchange of several legs cannot end well.
    if (!server.contextComplete || !server.username) return rejected("the exchange is not complete", reply);
    // A keytab may hold keys of other services of the machine, whose tickets are not for us.
    if (service === undefined && !/^HTTP\//i.test(server.targetName ?? ""))
      return rejected("it is for another service");
    const at = server.username.lastIndexOf("@");
    if (at === -1) return rejected("the ticket names no realm", reply);
    // The library writes a backslash before an @ of the name itself.
    const name = server.username.slice(0, at).replace(/\\(.)/g, "$1");
    return { kind: "accepted", name, realm: server.username.slice(at + 1), reply };
  } catch (error) {
    // The library's own words, such as a clock that is wrong.
    return rejected(error instanceof Error ? error.message.replace(/\s+/g, " ").slice(0, 200) : "failed");
  }
}

const packageSchema = z.object({ initializeServer: z.function() });

function loadPackage(): KerberosPackage | undefined {
  try {
    const loaded: unknown = createRequire(import.meta.url)("kerberos");
    // CAST: what the package documents; the schema has seen that it is there.
    return packageSchema.safeParse(loaded).success ? (loaded as KerberosPackage) : undefined;
  } catch {
    return undefined;
  }
}

function off(why: string): OpenedAcceptor {
  return { kind: "off", why };
}

function rejected(why: string, reply?: Buffer): AcceptedTicket {
  return { kind: "rejected", why, reply };
}
