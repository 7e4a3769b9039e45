import { createServer, type Server } from "node:net";
import { type JsonObject, systemClock } from "@dex/runtime";
import { type RunningSlapd, startSlapd } from "@dex/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { UpstreamUnreachable } from "../src/bounded-fetch.ts";
import { openLdapSettings } from "../src/ldap/config.ts";
import { openLdapConnection } from "../src/ldap/connection.ts";
import { openDirectory } from "../src/ldap/directory.ts";
import { makePasswordLogin } from "../src/ldap/password-login.ts";
import { JANE, LDIF, openLdap, PEOPLE, SERVICE, v2, verify } from "./ldap-login.ts";

let slapd: RunningSlapd;
const opened: { close: () => void }[] = [];
beforeAll(async () => {
  slapd = await startSlapd({ ldif: LDIF });
});
afterAll(() => slapd?.close());
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

function open(config: JsonObject) {
  const one = openLdap(config);
  opened.push(one);
  return one.login;
}
const signIn = (config: JsonObject, { login, password } = JANE) => verify(open(config), login, password);

describe("over TLS (v1 N10)", () => {
  const tls = (change: JsonObject) => ({ ...v2(slapd), insecureNoSSL: false, ...change });
  const ldaps = (change: JsonObject) => tls({ host: `localhost:${slapd.tlsPort}`, ...change });
  const startTls = (change: JsonObject) => tls({ host: `localhost:${slapd.port}`, startTLS: true, ...change });

  test("LDAPS and StartTLS work with the right authority, also in the words of dex v1 (C 56)", async () => {
    expect(await signIn(ldaps({ rootCA: slapd.files.ca }))).toMatchObject({ kind: "identity" });
    expect(await signIn(startTls({ rootCA: slapd.files.ca }))).toMatchObject({ kind: "identity" });
    const v1 = { baseDN: PEOPLE, caFile: slapd.files.ca };
    expect(await signIn({ ...v1, host: `localhost:${slapd.port}`, useTLS: true })).toMatchObject({ kind: "identity" });
    const keys = { certFile: slapd.files.clientCert, keyFile: slapd.files.clientKey };
    expect(await signIn({ ...v1, ...keys, host: `localhost:${slapd.tlsPort}`, useSSL: true })).toMatchObject({
      kind: "identity",
    });
  });

  test("another authority, or another name, is not a directory (LDA-4) (C 56)", async () => {
    for (const make of [ldaps, startTls]) {
      expect(await signIn(make({ rootCA: slapd.files.otherCa }))).toMatchObject({ kind: "unavailable" });
      expect(await signIn(make({}))).toMatchObject({ kind: "unavailable" });
      const port = make === ldaps ? slapd.tlsPort : slapd.port;
      const byAddress = make({ rootCA: slapd.files.ca, host: `127.0.0.1:${port}` });
      expect(await signIn(byAddress)).toMatchObject({ kind: "unavailable" });
      expect(await signIn(make({ insecureSkipVerify: true }))).toMatchObject({ kind: "identity" });
    }
  });

  test("a client certificate is presented where the directory demands one", async () => {
    const strict = await startSlapd({ ldif: LDIF, clientCertificate: "demand" });
    const config = {
      ...v2(strict),
      insecureNoSSL: false,
      host: `localhost:${strict.tlsPort}`,
      rootCA: strict.files.ca,
    };
    const { clientCert, clientKey } = strict.files;
    expect(await signIn(config)).toMatchObject({ kind: "unavailable" });
    expect(await signIn({ ...config, clientCert: clientCert, clientKey })).toMatchObject({ kind: "identity" });
    await strict.close();
  });

  test("a connection that was lost after StartTLS is not opened again in clear text (LDA-4)", async () => {
    const parsed = openLdapSettings(startTls({ rootCA: slapd.files.ca }));
    if (parsed.kind === "refused") throw new Error(parsed.reason);
    const connection = await openLdapConnection(parsed.settings.server);
    expect(await connection.bind(SERVICE.dn, SERVICE.password)).toEqual({ kind: "bound" });
    await slapd.kill();
    await slapd.start();
    // The library notices with the first, and would open another one with the second.
    for (const _ of [1, 2]) {
      await expect(connection.bind(SERVICE.dn, SERVICE.password)).rejects.toBeInstanceOf(UpstreamUnreachable);
    }
    expect(connection.alive()).toBe(false);
  });

  test("where StartTLS is refused, no password is sent in clear text (LDA-4)", async () => {
    const heard: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (data) => {
        heard.push(data);
        // RFC 4511: an extended response with protocolError, and from then on success to everything.
        const id = data[4] ?? 0;
        socket.write(Buffer.from([0x30, 0x0c, 0x02, 0x01, id, 0x78, 0x07, 0x0a, 0x01, 0x02, 0x04, 0x00, 0x04, 0x00]));
      });
    });
    const port = await listen(server);
    expect(await signIn(startTls({ host: `127.0.0.1:${port}` }))).toMatchObject({ kind: "unavailable" });
    expect(Buffer.concat(heard).toString("latin1")).not.toContain(SERVICE.password);
    server.close();
  });
});

describe("many people and a directory in trouble", () => {
  function openWithPool(change: JsonObject) {
    const parsed = openLdapSettings(v2(slapd, change));
    if (parsed.kind === "refused") throw new Error(parsed.reason);
    const { settings } = parsed;
    const pool = openDirectory(settings, systemClock);
    opened.push(pool);
    const admitAttempt = async () => ({ kind: "try" as const });
    const login = makePasswordLogin({ connectorId: "dir", settings, directory: pool, admitAttempt, trace: undefined });
    return { pool, login };
  }
  const numbered = (count: number) => Array.from({ length: count }, (_, n) => n);

  test("40 at once share 30 connections, which stay for the next ones (v1 N11)", async () => {
    const before = slapd.connections();
    const { pool, login } = openWithPool({ maxIdleConn: 30 });
    const outcomes = await Promise.all(numbered(40).map((n) => verify(login, `user${n}`, `password ${n}`)));
    const ids = outcomes.map((outcome) => (outcome.kind === "identity" ? outcome.identity.remoteId : outcome));
    expect(ids).toEqual(numbered(40).map((n) => `user${n}`));
    expect(pool.count()).toEqual({ idle: 30, busy: 0 });
    expect(slapd.connections() - before).toBe(30);
    const again = await Promise.all(numbered(40).map((n) => verify(login, `user${n}`, `password ${(n + 1) % 40}`)));
    expect(new Set(again.map((one) => ("reason" in one ? one.reason : one.kind)))).toEqual(
      new Set(["invalid credentials"]),
    );
    expect(pool.count()).toEqual({ idle: 30, busy: 0 });
    pool.close();
    await expect.poll(() => slapd.connections()).toBe(before);
  });

  test("a killed directory is told as unavailable, and once it is back people sign in again (v1 N10)", async () => {
    const { pool, login } = openWithPool({});
    expect(await verify(login, JANE.login, JANE.password)).toMatchObject({ kind: "identity" });
    await slapd.kill();
    expect(await verify(login, JANE.login, JANE.password)).toMatchObject({ kind: "unavailable" });
    await slapd.start();
    expect(await verify(login, JANE.login, JANE.password)).toMatchObject({ kind: "identity" });
    expect(pool.count()).toEqual({ idle: 1, busy: 0 });
  });

  test.each([
    { what: "nobody listens", behave: undefined },
    { what: "it closes at once", behave: (socket: import("node:net").Socket) => socket.destroy() },
    { what: "it never answers", behave: () => undefined },
    {
      what: "it answers without end",
      behave: (socket: import("node:net").Socket) => {
        // A search entry that claims two gigabytes, and then gets going.
        socket.write(Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]));
        const more = () => void (socket.writable && socket.write(Buffer.alloc(262_144), more));
        more();
      },
    },
    {
      what: "it answers a byte at a time",
      behave: (socket: import("node:net").Socket) => {
        socket.write(Buffer.from([0x30, 0x84, 0x00, 0x00, 0xff, 0xff]));
        const drip = setInterval(() => (socket.writable ? socket.write(Buffer.alloc(1)) : clearInterval(drip)), 200);
      },
    },
    {
      what: "it talks of something else",
      behave: (socket: import("node:net").Socket) => socket.write("HTTP/1.1 400\r\n\r\n"),
    },
  ])("it is unavailable, in time, when $what (C 23)", async ({ behave }) => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => behave?.(socket));
    });
    const port = await listen(server);
    if (behave === undefined) server.close();
    const started = performance.now();
    expect(await signIn({ ...v2(slapd), host: `127.0.0.1:${port}` })).toMatchObject({ kind: "unavailable" });
    expect(performance.now() - started).toBeLessThan(11_000);
    server.close();
  });

  test("after five failures it is left alone and the answer comes at once", async () => {
    const login = open({ ...v2(slapd), host: "127.0.0.1:1" });
    for (let n = 0; n < 5; n += 1) await verify(login, JANE.login, JANE.password);
    expect(await verify(login, JANE.login, JANE.password)).toEqual({ kind: "unavailable", detail: "circuit is open" });
  });
});

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
