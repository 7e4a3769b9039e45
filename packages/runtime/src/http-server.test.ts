import { connect } from "node:net";
import { connect as connectTls, type SecureVersion } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { openHttpServer } from "./http-server.ts";
import { readRequestBody } from "./request-body.ts";

async function open(handler: Parameters<typeof openHttpServer>[0]["handler"]) {
  const server = await openHttpServer({ handler, listen: new URL("http://127.0.0.1:0") });
  onTestFinished(() => server.close(0));
  return server;
}

/** Sends raw bytes and returns the first line of the answer. */
function exchange(url: URL, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname, () => socket.write(bytes));
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    socket.on("close", () => resolve(answer.split("\r\n")[0] ?? ""));
    socket.on("error", reject);
    setTimeout(() => socket.destroy(), 1500).unref();
  });
}

test("a port in use is told in one sentence", async () => {
  const first = await open((_request, response) => void response.end());
  await expect(openHttpServer({ handler: () => {}, listen: first.url })).rejects.toThrow(
    /^port \d+ on 127\.0\.0\.1 is in use by another program: stop it or choose another port$/,
  );
});

test.each([
  { what: "both Content-Length and Transfer-Encoding", headers: "Content-Length: 3\r\nTransfer-Encoding: chunked" },
  { what: "two different lengths", headers: "Content-Length: 3\r\nContent-Length: 4" },
  { what: "a header above 16 KiB", headers: `X-Big: ${"a".repeat(17_000)}` },
  { what: "a header without a name", headers: ": x" },
])("$what is refused with 4xx (NET-5)", async ({ headers }) => {
  const server = await open((_request, response) => void response.end("reached"));
  const status = await exchange(server.url, `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n\r\nabc`);
  expect(status).toMatch(/^HTTP\/1\.1 4\d\d /);
});

test("closing lets a request under way finish and does not wait for idle connections", async () => {
  let finish = () => {};
  const reached = Promise.withResolvers<void>();
  const server = await openHttpServer({
    listen: new URL("http://127.0.0.1:0"),
    handler: (request, response) => {
      if (request.url === "/idle") return void response.end();
      finish = () => response.end("done");
      reached.resolve();
    },
  });
  await fetch(new URL("/idle", server.url));
  const slow = fetch(new URL("/slow", server.url));
  await reached.promise;
  const closed = server.close(5);
  finish();
  expect(await (await slow).text()).toBe("done");
  await closed;
});

test("a body of a megabyte is refused with an answer, not with a reset (NET-6)", async () => {
  const server = await open(async (request, response) => {
    const body = await readRequestBody(request);
    response.writeHead(body.kind === "too large" ? 413 : 200, { Connection: "close" }).end();
  });
  for (let round = 0; round < 10; round++) {
    const answer = await fetch(server.url, { method: "POST", body: "x".repeat(1024 * 1024) });
    expect(answer.status).toBe(413);
  }
});

test("a peer that never finishes its headers is cut (NET-10)", async () => {
  const server = await openHttpServer({
    listen: new URL("http://127.0.0.1:0"),
    handler: (_request, response) => void response.end(),
    limits: { headersTimeout: 50, requestTimeout: 100, connectionsCheckingInterval: 20 },
  });
  onTestFinished(() => server.close(0));
  expect(await exchange(server.url, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")).toBe("HTTP/1.1 408 Request Timeout");
});

test("a peer that never finishes its body is cut (NET-10)", async () => {
  const server = await openHttpServer({
    listen: new URL("http://127.0.0.1:0"),
    handler: (request) => void request.resume(),
    limits: { headersTimeout: 50, requestTimeout: 100, connectionsCheckingInterval: 20 },
  });
  onTestFinished(() => server.close(0));
  const slow = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc";
  expect(await exchange(server.url, slow)).toBe("HTTP/1.1 408 Request Timeout");
});

describe("TLS served by us (NET-3)", () => {
  /** The version that a client which speaks only `version` comes to, or the code of its error. */
  async function negotiate(version: SecureVersion): Promise<string> {
    const server = await openHttpServer({
      listen: new URL("https://127.0.0.1:0"),
      handler: (_request, response) => void response.end(),
      tls: { cert: Buffer.from(TEST_CERTIFICATE), key: Buffer.from(TEST_KEY) },
    });
    onTestFinished(() => server.close(0));
    return new Promise((resolve) => {
      const socket = connectTls({
        host: "127.0.0.1",
        port: Number(server.url.port),
        ca: TEST_CERTIFICATE,
        servername: "localhost",
        minVersion: version,
        maxVersion: version,
        ciphers: "DEFAULT@SECLEVEL=0", // this client would speak even the oldest
      });
      socket.on("secureConnect", () => {
        resolve(socket.getProtocol() ?? "");
        socket.destroy();
      });
      socket.on("error", () => resolve("refused"));
    });
  }

  test.each(["TLSv1.2", "TLSv1.3"] as const)("%s is spoken", async (version) => {
    expect(await negotiate(version)).toBe(version);
  });

  test.each(["TLSv1", "TLSv1.1"] as const)("%s is refused (NET-3)", async (version) => {
    expect(await negotiate(version)).toBe("refused");
  });
});

// Made for this test, for the name localhost; used nowhere else.
const TEST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUctcrxYQuVUx2941XAGIho72hxSowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTAyMzgyMloYDzIxMjYxMDI4
MDIzODIyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASWJl8EWB8dbD9Ma0wmG4aOG35b1FAvmAlT06qr0Q0TgowqBzgnEIYr
gYEqXlWNV/jILkrKVQjm0z6sAYMA/2qyo1MwUTAdBgNVHQ4EFgQUkxCosvGNlk/U
mgLixUAuMYLSOHUwHwYDVR0jBBgwFoAUkxCosvGNlk/UmgLixUAuMYLSOHUwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA/eDzwxXITRCsM0bC9FXl
lPzE10cIUmS+M0b1UunXsXcCIQD1HC53jXEOf7FdoZU3pO+VxzLm7DWhUT2Z0t+d
te7x6A==
-----END CERTIFICATE-----`;
const TEST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPU3M0RqDwCDrvs4H
TXoJTnhsk5VA+HjjZGjAtirL2OGhRANCAASWJl8EWB8dbD9Ma0wmG4aOG35b1FAv
mAlT06qr0Q0TgowqBzgnEIYrgYEqXlWNV/jILkrKVQjm0z6sAYMA/2qy
-----END PRIVATE KEY-----`;
