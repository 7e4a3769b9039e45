import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailCatcher, openMailCatcher } from "./mail-catcher.ts";
import { makeMailPage } from "./mail-page.ts";

const receivedAt = new Date("2026-01-02T03:04:05Z");
let catcher: MailCatcher;
let smtpPort: number;

beforeAll(async () => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  smtpPort = typeof address === "object" && address !== null ? address.port : 0;
  probe.close();
  catcher = await openMailCatcher(smtpPort, () => receivedAt);
});
afterAll(() => catcher.close());

async function send(message: string): Promise<void> {
  const socket = connect(smtpPort, "127.0.0.1").setEncoding("utf8");
  const lines = [
    "EHLO test",
    "MAIL FROM:<dex@example.com>",
    "RCPT TO:<kim@example.com>",
    "DATA",
    `${message}\r\n.`,
    "QUIT",
  ];
  for (const line of lines) {
    await once(socket, "data");
    socket.write(`${line}\r\n`);
  }
  await once(socket, "close");
}

async function read(path: string): Promise<{ status: number; body: string }> {
  const server = createServer(makeMailPage(catcher)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  const body = await response.text();
  server.close();
  return { status: response.status, body };
}

test("a mail is caught and shown, its link can be followed, and its HTML is only text (BRO-11)", async () => {
  await send(
    [
      "Subject: Hello <script>alert(1)</script>",
      "MIME-Version: 1.0",
      'Content-Type: multipart/alternative; boundary="b"',
      "",
      "--b",
      "Content-Type: text/plain",
      "",
      "Open http://127.0.0.1:5556/dex/verify?t=1&u=2 now",
      "--b",
      "Content-Type: text/html",
      "",
      "<script>alert(2)</script>",
      "--b--",
    ].join("\r\n"),
  );
  expect((await read("/")).body).toContain('<a href="/messages/1"><b>Hello &lt;script&gt;');
  const { status, body } = await read("/messages/1");
  expect(status).toBe(200);
  expect(body).toContain('<a href="http://127.0.0.1:5556/dex/verify?t=1&amp;u=2" rel="noopener noreferrer">');
  expect(body).toContain("&lt;script&gt;alert(2)&lt;/script&gt;");
  expect(body).toContain("kim@example.com");
  expect(body).not.toContain("<script>");
});

test("a mail that is not there is a page, not a crash", async () => {
  expect((await read("/messages/99")).status).toBe(404);
  expect((await read("/messages/__proto__")).status).toBe(404);
});
