// One connection to a directory: opened with TLS as configured, and never by itself. ldapts would open a connection again
// when it was lost, as nobody and, after StartTLS, in clear text: it is handed one socket and no second one (LDA-4).
import { isIP, type Socket, connect as tcpConnect } from "node:net";
import { type ConnectionOptions, connect as tlsConnect } from "node:tls";
import { Client, ResultCodeError } from "ldapts";
import { OUTBOUND_LIMITS, UpstreamUnreachable } from "../bounded-fetch.ts";
import { unavailable } from "../login-refused.ts";
import { describeBindRefusal } from "./bind-refusal.ts";
import type { LdapServer, SearchScope } from "./settings.ts";

export interface LdapEntry {
  readonly dn: string;
  /** Values by attribute in lower case, as text. */
  readonly attributes: ReadonlyMap<string, readonly string[]>;
}

export interface LdapSearch {
  readonly baseDn: string;
  readonly scope: SearchScope;
  readonly filter: string;
  readonly attributes: readonly string[];
  /** At most so many entries are returned, whatever there is. */
  readonly limit: number;
}

/** `why` is for operators. */
export type BindOutcome = { readonly kind: "bound" } | { readonly kind: "refused"; readonly why: string };

/** All of it throws UpstreamUnreachable when the connection fails, after which it is not alive, else LoginRefused. */
export interface LdapConnection {
  alive(): boolean;
  /** An empty password is refused here too: to the server it would be a bind as nobody, which succeeds (LDA-2). */
  bind(dn: string, password: string): Promise<BindOutcome>;
  bindAsNobody(): Promise<void>;
  /** An empty list where the base does not exist. Referrals are not followed (LDA-3). */
  search(search: LdapSearch): Promise<readonly LdapEntry[]>;
  close(): void;
}

const OPERATION_MILLISECONDS = 5_000;
const PAGE_SIZE = 500;
const WATCH_MILLISECONDS = 50;
const NO_SUCH_OBJECT = 32;

export async function openLdapConnection(server: LdapServer): Promise<LdapConnection> {
  const socket = await openSocket(server);
  let handedOver = false;
  const client = new Client({
    url: "ldap://directory.invalid", // The socket is open already.
    timeout: OPERATION_MILLISECONDS,
    createConnection: () => {
      if (handedOver) throw new Error("the connection was lost");
      handedOver = true;
      return socket;
    },
  });
  if (server.security === "starttls") await upgrade(client, socket, server);
  return toConnection(client, socket);
}

function tlsOptions({ host, verifyCertificate, rootCa, clientCertificate }: LdapServer): ConnectionOptions {
  return {
    // Whose name the certificate must bear. Left out, it would be compared with "localhost" after StartTLS.
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    minVersion: "TLSv1.2",
    rejectUnauthorized: verifyCertificate,
    ...(rootCa === undefined ? {} : { ca: rootCa }),
    ...clientCertificate,
  };
}

function openSocket(server: LdapServer): Promise<Socket> {
  const { host, port } = server;
  const secure = server.security === "ldaps";
  return new Promise((resolve, reject) => {
    const socket = secure ? tlsConnect({ ...tlsOptions(server), port }) : tcpConnect({ host, port });
    const fail = (why: string) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new UpstreamUnreachable(`${host}: ${why}`));
    };
    const timer = setTimeout(fail, OUTBOUND_LIMITS.connectMilliseconds, "no connection in time");
    const failed = (error: Error) => fail(error.message);
    socket.once("error", failed);
    socket.once(secure ? "secureConnect" : "connect", () => {
      clearTimeout(timer);
      socket.off("error", failed);
      resolve(socket);
    });
  });
}

/** Fails, and closes, when the server will not or its certificate is not good: there is no way back to clear text. */
async function upgrade(client: Client, socket: Socket, server: LdapServer): Promise<void> {
  let inTime = true;
  const timer = setTimeout(() => {
    inTime = false;
    socket.destroy();
  }, OUTBOUND_LIMITS.connectMilliseconds);
  const gone = new Promise<never>((_, reject) => socket.once("close", () => reject(new Error("connection closed"))));
  try {
    await Promise.race([client.startTLS(tlsOptions(server)), gone]);
  } catch (error) {
    socket.destroy();
    const why = inTime ? describe(error) : "no connection in time";
    throw new UpstreamUnreachable(`${server.host}: StartTLS: ${why}`);
  } finally {
    clearTimeout(timer);
    gone.catch(() => undefined);
  }
}

function toConnection(client: Client, socket: Socket): LdapConnection {
  let closed = false;
  const alive = () => !closed && !socket.destroyed && socket.readyState === "open";
  const close = () => {
    if (closed) return;
    closed = true;
    // A farewell for the server's log; nobody waits for it.
    client.unbind().catch(() => undefined);
    setTimeout(() => socket.destroy(), WATCH_MILLISECONDS).unref();
  };

  /** An answer of unbounded size ends the connection. */
  async function bounded<Result>(operation: () => Promise<Result>): Promise<Result> {
    if (!alive()) throw new UpstreamUnreachable("the connection was lost");
    const start = socket.bytesRead;
    const watch = setInterval(() => {
      if (socket.bytesRead - start > OUTBOUND_LIMITS.answerBytes) socket.destroy();
    }, WATCH_MILLISECONDS);
    try {
      return await operation();
    } catch (error) {
      if (error instanceof ResultCodeError) throw error;
      close();
      throw new UpstreamUnreachable(describe(error));
    } finally {
      clearInterval(watch);
    }
  }

  return {
    alive,
    close,
    async bind(dn, password) {
      if (dn === "" || password === "") return { kind: "refused", why: "a name or a password that is empty" };
      try {
        await bounded(() => client.bind(dn, password));
        return { kind: "bound" };
      } catch (error) {
        if (!(error instanceof ResultCodeError)) throw error;
        const why = describeBindRefusal(error.code, error.message);
        if (why === undefined) throw unavailable(`bind: ${describe(error)}`);
        return { kind: "refused", why };
      }
    },
    async bindAsNobody() {
      try {
        await bounded(() => client.bind("", ""));
      } catch (error) {
        throw error instanceof ResultCodeError ? unavailable(`anonymous bind: ${describe(error)}`) : error;
      }
    },
    async search({ baseDn, scope, filter, attributes, limit }) {
      const paged = limit > PAGE_SIZE ? { paged: { pageSize: PAGE_SIZE } } : { sizeLimit: limit };
      try {
        // "1.1", RFC 4511 §4.5.1.8: no attributes. An empty list would mean all of them.
        const wanted = attributes.length === 0 ? ["1.1"] : [...new Set(attributes)];
        const timeLimit = OPERATION_MILLISECONDS / 1000;
        const options = { scope, filter, attributes: wanted, timeLimit, ...paged };
        const { searchEntries } = await bounded(() => client.search(baseDn, options));
        return searchEntries.slice(0, limit).map(toEntry);
      } catch (error) {
        if (!(error instanceof ResultCodeError)) throw error;
        if (error.code === NO_SUCH_OBJECT) return [];
        throw unavailable(`search: ${describe(error)}`);
      }
    },
  };
}

function toEntry({ dn, ...values }: { dn: string; [name: string]: unknown }): LdapEntry {
  const attributes = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(values)) {
    const members: readonly unknown[] = Array.isArray(value) ? value : [value];
    // Values that are no text arrive as bytes; nothing we map is one.
    attributes.set(
      name.toLowerCase(),
      members.filter((member) => typeof member === "string"),
    );
  }
  return { dn, attributes };
}

/** The server's words, shortened: they hold names of entries at most, never a password. */
function describe(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\s+/g, " ").slice(0, 200) : "failed";
}
