import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { openHttpServer } from "./http-server.ts";

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
