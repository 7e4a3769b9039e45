import type { Clock } from "@dex/runtime";
import PostalMime from "postal-mime";
import { SMTPServer } from "smtp-server";

export interface CaughtMail {
  readonly id: number;
  readonly receivedAt: Date;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface MailCatcher {
  /** Newest first; the oldest are dropped when there are many. */
  list(): readonly CaughtMail[];
  find(id: number): CaughtMail | undefined;
  close(): Promise<void>;
}

const MAX_MAILS = 200;
const MAX_BYTES = 1_048_576;

/** Takes every mail on this port of loopback and delivers none. They are kept in memory. */
export async function openMailCatcher(port: number, clock: Clock): Promise<MailCatcher> {
  const mails: CaughtMail[] = [];
  let lastId = 0;
  const server = new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
    size: MAX_BYTES,
    logger: false,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      let size = 0;
      stream.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_BYTES) chunks.push(chunk);
      });
      stream.on("end", () => {
        if (size > MAX_BYTES) return done(new Error("message is too large"));
        const { mailFrom, rcptTo } = session.envelope;
        PostalMime.parse(Buffer.concat(chunks)).then((mail) => {
          mails.unshift({
            id: ++lastId,
            receivedAt: clock(),
            from: mail.from?.address ?? (mailFrom === false ? "" : mailFrom.address),
            to: rcptTo.map(({ address }) => address),
            subject: mail.subject ?? "(no subject)",
            text: mail.text ?? "",
            html: mail.html ?? "",
          });
          mails.splice(MAX_MAILS);
          done();
        }, done);
      });
    },
  });
  server.on("error", () => {}); // a client that broke off; the next one is none the worse for it
  await new Promise<void>((resolve) => {
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    list: () => mails,
    find: (id) => mails.find((mail) => mail.id === id),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
