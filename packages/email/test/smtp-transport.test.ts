import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { type OutgoingMail, parseMailAddress, type SendOutcome } from "../src/index.ts";
import { CERTIFICATE, CERTIFICATE_KEY } from "./certificate.ts";
import { findFreePort, type MailServer, startMailServer } from "./mail-server.ts";
import { openSmtp } from "./outbox-world.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function addressOf(text: string) {
  const address = parseMailAddress(text);
  if (address === undefined) throw new Error(`${text} is not an address`);
  return address;
}

const mail: OutgoingMail = {
  id: "0b7e9f3c-1111-4222-8333-444455556666",
  kind: "refresh-token-replayed",
  from: addressOf("noreply@example.com"),
  fromName: "Example Accounts",
  to: addressOf("jane@example.com"),
  subject: "one of your sign-ins was ended",
  text: "Grüße, in text\n",
  html: "<p>Grüße, in HTML</p>\n",
};

async function server(options: Parameters<typeof startMailServer>[0] = {}): Promise<MailServer> {
  const started = await startMailServer(options);
  closing.push(() => started.close());
  return started;
}

async function send(url: string, changes: Partial<OutgoingMail> = {}): Promise<SendOutcome> {
  const transport = openSmtp(url);
  closing.push(() => transport.close());
  return transport.send({ ...mail, ...changes });
}

test("a mail arrives with a text and an HTML part, a fixed Message-ID and as an automatic mail (RFC 3834 §5)", async () => {
  const { url, received } = await server();
  expect(await send(url)).toEqual({ kind: "accepted" });
  const [one] = received;
  expect(one).toMatchObject({ from: "noreply@example.com", to: ["jane@example.com"] });
  expect(one?.parsed).toMatchObject({
    from: { name: "Example Accounts", address: "noreply@example.com" },
    to: [{ address: "jane@example.com" }],
    subject: "one of your sign-ins was ended",
    messageId: "<0b7e9f3c-1111-4222-8333-444455556666@example.com>",
  });
  expect(one?.parsed.text?.trim()).toBe("Grüße, in text");
  expect(one?.parsed.html?.trim()).toBe("<p>Grüße, in HTML</p>");
  expect(one?.raw).toMatch(/^Auto-Submitted: auto-generated\r$/m);
});

const injections = [
  { what: "a header in the subject", changes: { subject: "Hello\r\nBcc: eve@evil.example\r\n\r\nbody" } },
  { what: "a header in the sender's name", changes: { fromName: 'Dex"\r\nBcc: eve@evil.example' } },
  { what: "a second address in the sender's name", changes: { fromName: "Dex <eve@evil.example>," } },
  { what: "the end of the mail in its text", changes: { text: "Hello\r\n.\r\nMAIL FROM:<eve@evil.example>\r\n" } },
  { what: "an encoded word in the subject", changes: { subject: "=?utf-8?q?a=0D=0ABcc:=20eve@evil.example?=" } },
];
test.each(injections)("$what adds no recipient, header or mail (ACC-10)", async ({ changes }) => {
  const { url, received } = await server();
  expect(await send(url, changes)).toEqual({ kind: "accepted" });
  expect(received).toHaveLength(1);
  expect(received[0]).toMatchObject({ from: "noreply@example.com", to: ["jane@example.com"] });
  const headers = received[0]?.parsed.headers.map(({ key }) => key) ?? [];
  expect(headers).not.toContain("bcc");
  expect(received[0]?.parsed.from?.address).toBe("noreply@example.com");
});

const refusals = [
  { stage: "rcpt to", code: 550, kind: "refused" },
  { stage: "rcpt to", code: 450, kind: "failed" },
  { stage: "data", code: 554, kind: "refused" },
  { stage: "data", code: 451, kind: "failed" },
  { stage: "mail from", code: 553, kind: "failed" },
  { stage: "mail from", code: 421, kind: "failed" },
  { stage: "connect", code: 554, kind: "failed" },
] as const;
test.each(refusals)("$code at $stage is $kind (RFC 5321 §4.2.1)", async ({ stage, code, kind }) => {
  const { url, answers } = await server();
  answers[stage] = code;
  const outcome = await send(url);
  expect(outcome.kind).toBe(kind);
  expect(outcome).toMatchObject({ error: expect.stringContaining(String(code)) });
  expect(JSON.stringify(outcome), "a reply that repeats the address (LOG-2)").not.toContain("jane");
});

test("a mail whose final answer is lost counts as perhaps delivered", async () => {
  const { url, answers, received } = await server();
  answers.data = "drop";
  expect(await send(url)).toMatchObject({ kind: "unknown" });
  expect(received).toHaveLength(1);
});

test("a connection lost before the mail was handed over counts as not delivered", async () => {
  const { url, answers } = await server();
  answers["rcpt to"] = "drop";
  expect(await send(url)).toMatchObject({ kind: "failed" });
});

test("a server that never answers is given up within 10 seconds (NET-9)", async () => {
  const { url, answers } = await server();
  answers["mail from"] = "silence";
  const started = performance.now();
  expect(await send(url)).toMatchObject({ kind: "failed" });
  expect(performance.now() - started).toBeLessThan(11_000);
}, 15_000);

test("nobody at the port counts as not delivered", async () => {
  expect(await send(`smtp://127.0.0.1:${await findFreePort()}`)).toMatchObject({ kind: "failed" });
});

const PASSWORD = "canary-smtp-password";
test("a wrong password is worth another try, and is not repeated (LOG-1)", async () => {
  const { url } = await server({
    authOptional: false,
    allowInsecureAuth: true,
    onAuth: (_auth, _session, done) => done(Object.assign(new Error("no"), { responseCode: 535 })),
  });
  const outcome = await send(url.replace("//", `//dex:${PASSWORD}@`));
  expect(outcome).toMatchObject({ kind: "failed", error: expect.stringContaining("535") });
  expect(JSON.stringify(outcome)).not.toContain(PASSWORD);
});

test("user and password of the URL sign us in", async () => {
  const seen: unknown[] = [];
  const { url } = await server({
    authOptional: false,
    allowInsecureAuth: true,
    onAuth(auth, _session, done) {
      seen.push(auth.username, auth.password);
      done(null, { user: "dex" });
    },
  });
  expect(await send(url.replace("//", `//dex:${PASSWORD}@`))).toEqual({ kind: "accepted" });
  expect(seen).toEqual(["dex", PASSWORD]);
});

const withTls = { key: CERTIFICATE_KEY, cert: CERTIFICATE, disabledCommands: [] };

test("a server without STARTTLS gets no mail where TLS is required (RFC 8314 §3)", async () => {
  const { url, received } = await server();
  expect(await send(`${url}?tls=required`)).toMatchObject({ kind: "failed" });
  expect(received).toEqual([]);
});

test.each([
  { mode: "smtps", secure: true },
  { mode: "STARTTLS", secure: false },
])("over $mode a mail goes to a server with a certificate we trust, and to no other", async ({ secure }) => {
  const { port, received } = await server({ ...withTls, secure });
  const url = secure ? `smtps://localhost:${port}` : `smtp://localhost:${port}?tls=required`;
  const trusted = getCACertificates("default");
  expect(await send(url)).toMatchObject({ kind: "failed" });
  expect(received).toEqual([]);
  try {
    setDefaultCACertificates([...trusted, CERTIFICATE]);
    expect(await send(url)).toEqual({ kind: "accepted" });
  } finally {
    setDefaultCACertificates(trusted);
  }
});

test("opportunistic TLS takes what the server offers, checks its certificate all the same, and goes without where there is none", async () => {
  const plain = await server();
  expect(await send(`${plain.url}?tls=opportunistic`)).toEqual({ kind: "accepted" });
  const offering = await server(withTls);
  expect(await send(`smtp://localhost:${offering.port}?tls=opportunistic`)).toMatchObject({ kind: "failed" });
  expect(offering.received).toEqual([]);
});

test("a mail of one part arrives with that part alone (v1 E04)", async () => {
  const { url, received } = await server();
  await send(url, { text: undefined });
  await send(url, { html: undefined });
  expect(received.map(({ raw }) => /^content-type: ([\w/]+)/im.exec(raw)?.[1])).toEqual(["text/html", "text/plain"]);
});

test("connections are kept and used again", async () => {
  let connections = 0;
  const { url } = await server({
    onConnect(_session, done) {
      connections++;
      done();
    },
  });
  const transport = openSmtp(url);
  closing.push(() => transport.close());
  for (let count = 0; count < 5; count++) expect(await transport.send(mail)).toEqual({ kind: "accepted" });
  expect(connections).toBe(1);
});
