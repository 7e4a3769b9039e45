import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";

/** Limits against slow and greedy peers (NET-10), and the header size of section 0 of the requirements. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  // Above the idle time of the load balancers in deploy/, so that it is they who close an idle connection.
  keepAliveTimeout: 75_000,
  maxHeaderSize: 16 * 1024,
  // How often Node looks whether a limit has passed; its own default would let a slow peer stay for half a minute.
  connectionsCheckingInterval: 1_000,
} as const;

/** The limits of a server, in milliseconds and bytes. */
export type HttpLimits = { readonly [Name in keyof typeof LIMITS]: number };
/** RFC 9325 §3.1.1 and §4.2, which FAPI 2.0 §5.2.1 demands: 1.3, and of 1.2 what has forward secrecy and authenticated encryption. */
const TLS = {
  minVersion: "TLSv1.2",
  ciphers: [
    ...["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
    ...["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
    ...["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
  ].join(":"),
} as const;
const MAX_CONNECTIONS = 10_000;
const IDLE_SWEEP_MILLISECONDS = 50;

export interface HttpServer {
  /** The address in use: the port is the real one, also where 0 was asked for. */
  readonly url: URL;
  /** Stops accepting, lets requests under way finish for at most `graceSeconds`, then closes what is left. */
  close(graceSeconds: number): Promise<void>;
}

/**
 * Serves `handler` at the host and port of `listen`; https needs `tls`.
 * Throws an Error with one plain sentence when the address cannot be bound.
 */
export async function openHttpServer(parts: {
  handler: RequestListener;
  listen: URL;
  tls?: { cert: Buffer; key: Buffer } | undefined;
  /** Asks each peer for a certificate over TLS. Whatever it shows, or nothing, it is let in: the handler looks at it. */
  requestClientCertificates?: boolean;
  /** Several processes share the port and the kernel spreads connections over them (SO_REUSEPORT). */
  reusePort?: boolean;
  /** Other limits than those of every server of ours. */
  limits?: Partial<HttpLimits>;
}): Promise<HttpServer> {
  const { handler, listen, reusePort = false } = parts;
  const server = makeServer(parts, { ...LIMITS, ...parts.limits });
  server.maxConnections = MAX_CONNECTIONS;
  server.on("checkContinue", (request, response) => {
    response.writeContinue();
    handler(request, response);
  });
  const host = listen.hostname.replace(/^\[|\]$/g, "");
  const port = listen.port === "" ? (listen.protocol === "https:" ? 443 : 80) : Number(listen.port);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(new Error(whyNotBound(error, host, port))));
    server.listen({ host, port, backlog: 1024, reusePort }, resolve);
  });
  const address = server.address();
  const url = new URL(listen);
  if (typeof address === "object" && address !== null) url.port = String(address.port);
  return {
    url,
    close: (graceSeconds) =>
      new Promise((resolve, reject) => {
        const force = setTimeout(() => server.closeAllConnections(), graceSeconds * 1000);
        // A connection whose last request is still being answered becomes idle later.
        const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MILLISECONDS);
        server.close((error) => {
          clearTimeout(force);
          clearInterval(sweep);
          if (error === undefined) resolve();
          else reject(error);
        });
        server.closeIdleConnections();
      }),
  };
}

function makeServer(
  { handler, listen, tls, requestClientCertificates: requestCert = false }: Parameters<typeof openHttpServer>[0],
  limits: HttpLimits,
): Server {
  if (listen.protocol === "http:") return createHttpServer(limits, handler);
  if (tls === undefined) throw new Error("an https listen address needs --tls-cert-file and --tls-key-file");
  const asked = { requestCert, rejectUnauthorized: false };
  return createHttpsServer({ ...limits, ...tls, ...asked, ...TLS }, handler);
}

function whyNotBound(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.code === "EADDRINUSE")
    return `port ${port} on ${host} is in use by another program: stop it or choose another port`;
  if (error.code === "EACCES") return `may not bind port ${port} on ${host}: ports below 1024 need a permission`;
  return `cannot bind ${host}:${port}: ${error.message}`;
}
