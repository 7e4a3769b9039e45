// A real SMTP server that refuses, hangs or hides TLS on demand.
import { type AddressInfo, createServer } from "node:net";
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
  readonly parsed: Email;
}

export type Stage = "connect" | "mail from" | "rcpt to" | "data";

export interface MailServer {
  readonly port: number;
  readonly url: string;
  readonly received: ReceivedMail[];
  /** What to answer at a stage, until removed: a reply code, or silence. */
  readonly answers: Partial<Record<Stage, number | "silence" | "drop">>;
  /** Resolves when so many mails have arrived. */
  waitFor(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function startMailServer(options: SMTPServerOptions & { port?: number } = {}): Promise<MailServer> {
  const { port: wantedPort = 0, ...given } = options;
  const received: ReceivedMail[] = [];
  const answers: MailServer["answers"] = {};
  const waiting = new Set<() => void>();
  const answer = (stage: Stage, done: (error?: Error | null) => void): boolean => {
    const code = answers[stage];
    if (code === undefined) return false;
    if (typeof code === "number") done(Object.assign(new Error("jane@example.com is refused"), { responseCode: code }));
    if (code === "drop") for (const client of server.connections) client.close();
    return true;
  };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    disableReverseLookup: true,
    closeTimeout: 10,
    onConnect: (_session, done) => void (answer("connect", done) || done()),
    onMailFrom: (_address, _session, done) => void (answer("mail from", done) || done()),
    onRcptTo: (_address, _session, done) => void (answer("rcpt to", done) || done()),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", async () => {
        const raw = Buffer.concat(chunks);
        const { mailFrom, rcptTo } = session.envelope;
        // A server that never answers may have taken the mail all the same.
        received.push({
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          raw: raw.toString(),
          parsed: await PostalMime.parse(raw),
        });
        if (!answer("data", done)) done();
        for (const look of waiting) look();
      });
    },
    ...given,
  });
  server.on("error", () => undefined); // clients that hang up, or distrust our certificate
  await new Promise<void>((resolve) => server.listen(wantedPort, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    port,
    url: `smtp://127.0.0.1:${port}`,
    received,
    answers,
    waitFor: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (received.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** A port of 127.0.0.1 on which nothing listens at the moment. */
export async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
