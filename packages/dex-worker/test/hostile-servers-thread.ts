// The thread of hostile-servers.ts: listens, tells its ports, and misbehaves.
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { parentPort, workerData } from "node:worker_threads";
import {
  GOOD_DISCOVERY,
  HOSTILITIES,
  type HostileThreadData,
  type Hostility,
  PROTOCOLS,
  type Protocol,
} from "./hostile-servers.ts";

const DRIBBLE_MILLISECONDS = 500;
const FLOOD = Buffer.alloc(262_144, " ");

/** What it does with a request, or with the first bytes of a conversation. */
type Answer = (socket: Socket, asked: Buffer) => void;

// CAST: the thread is only ever started with it.
const { certificate, key, connections } = workerData as HostileThreadData;
const count = new Int32Array(connections);

const nothing: Answer = () => undefined;
const nonsense: Answer = (socket) => void socket.write("220 this is a mail server\r\n");
const TLS_ANSWERS = {
  "talks nonsense in place of TLS": nonsense,
  "stops in the middle of the TLS handshake": nothing,
  "shows a certificate nobody vouches for": nothing,
};

const HTTP_ANSWERS: Readonly<Record<Hostility, Answer>> = {
  ...TLS_ANSWERS,
  "never answers": nothing,
  "dribbles a byte at a time": (socket) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n");
    dribble(socket);
  },
  "sends without end": (socket) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n");
    flood(socket, FLOOD);
  },
  "sends ten thousand headers": (socket) => {
    const headers = Array.from({ length: 10_000 }, (_, index) => `x-${index}: ${index}\r\n`);
    socket.end(`HTTP/1.1 200 OK\r\n${headers.join("")}content-length: 2\r\n\r\n{}`);
  },
  "redirects in a loop": (socket, asked) => {
    const [, path = "/"] = asked.toString("latin1").split(" ");
    socket.end(`HTTP/1.1 302 Found\r\nlocation: ${path}\r\ncontent-length: 0\r\n\r\n`);
  },
  "answers that it is broken": (socket) =>
    void socket.end("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\ndown"),
};

// RFC 4511. Requests of less than 128 bytes have their message id in the fifth.
const LDAP_ANSWERS: Readonly<Record<Hostility, Answer>> = {
  ...TLS_ANSWERS,
  "never answers": nothing,
  "dribbles a byte at a time": (socket) => {
    socket.write(Buffer.from([0x30, 0x84, 0x00, 0x00, 0xff, 0xff]));
    dribble(socket);
  },
  "sends without end": (socket) => {
    socket.write(Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]));
    flood(socket, FLOOD);
  },
  // It has no headers: whole messages that nobody asked for, one after the other.
  "sends ten thousand headers": (socket) => {
    const unasked = Buffer.from([0x30, 0x0c, 0x02, 0x01, 0x63, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00]);
    for (let sent = 0; sent < 10_000; sent += 1) socket.write(unasked);
  },
  "redirects in a loop": (socket, asked) => {
    const here = Buffer.from(`ldap://127.0.0.1:${socket.localPort}/`);
    const referral = Buffer.from([0xa3, here.length + 2, 0x04, here.length, ...here]);
    socket.write(bindAnswer(asked, 10, referral));
  },
  "answers that it is broken": (socket, asked) => void socket.write(bindAnswer(asked, 52, Buffer.alloc(0))),
};

function bindAnswer(asked: Buffer, code: number, more: Buffer): Buffer {
  const result = Buffer.concat([Buffer.from([0x0a, 0x01, code, 0x04, 0x00, 0x04, 0x00]), more]);
  const message = Buffer.concat([Buffer.from([0x02, 0x01, asked[4] ?? 0, 0x61, result.length]), result]);
  return Buffer.concat([Buffer.from([0x30, message.length]), message]);
}

function dribble(socket: Socket): void {
  const timer = setInterval(() => socket.write(" "), DRIBBLE_MILLISECONDS);
  socket.on("close", () => clearInterval(timer));
}

function flood(socket: Socket, chunk: Buffer): void {
  const more = () => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on("drain", more);
  more();
}

function discovery({ localPort }: Socket): string {
  const origin = `http://127.0.0.1:${localPort}`;
  const body = JSON.stringify({
    issuer: `${origin}${GOOD_DISCOVERY}`,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    jwks_uri: `${origin}/jwks`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    code_challenge_methods_supported: ["S256"],
  });
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
}

function makeServer(protocol: Protocol, hostility: Hostility): Server {
  const answer = { http: HTTP_ANSWERS, ldap: LDAP_ANSWERS }[protocol][hostility];
  const listener = (socket: Socket) => {
    Atomics.add(count, 0, 1);
    socket.on("close", () => Atomics.sub(count, 0, 1));
    socket.on("error", () => socket.destroy());
    socket.once("data", (asked) => {
      if (asked.toString("latin1").startsWith(`GET ${GOOD_DISCOVERY}/`)) socket.end(discovery(socket));
      else answer(socket, asked);
    });
  };
  return hostility === "shows a certificate nobody vouches for"
    ? createTlsServer({ cert: certificate, key }, listener).on("tlsClientError", () => undefined)
    : createServer(listener);
}

async function listen(protocol: Protocol, hostility: Hostility): Promise<number> {
  const server = makeServer(protocol, hostility);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** By protocol and hostility, in their order. */
const ports = PROTOCOLS.map((protocol) => Promise.all(HOSTILITIES.map((hostility) => listen(protocol, hostility))));
parentPort?.postMessage(await Promise.all(ports));
