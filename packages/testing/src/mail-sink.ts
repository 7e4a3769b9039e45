import { setTimeout as sleep } from "node:timers/promises";
import PostalMime from "postal-mime";
import { SMTPServer } from "smtp-server";

export interface SunkMail {
  readonly messageId: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** The first address in the text that lies below the issuer. */
  readonly link: string | undefined;
}

/** A mail server that keeps what it accepts and can be killed in the middle of anything. */
export interface MailSink {
  readonly url: string;
  /** Every mail it has answered with 250, oldest first, copies included. */
  readonly accepted: readonly SunkMail[];
  /** The newest mail to this address whose subject or text matches, once there is one. Fails when none comes in time. */
  waitFor(to: string, wanted: RegExp, milliseconds: number): Promise<SunkMail>;
  /** Cuts every connection. A mail whose 250 was not sent counts as not accepted, and its sender can see that. */
  kill(): Promise<void>;
  /** Listens again, at the same port. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Longer than a 250 takes over loopback. */
const FLUSH_MILLISECONDS = 50;
const LINK = /\bhttps?:\/\/[^\s<>"]+\?token=[\w-]+/;

/** What becomes of one mail: `refuse` answers 451 and takes nothing, `drop` cuts the connection without an answer. */
export type SinkAnswer = "accept" | "slow" | "refuse" | "drop";

const SLOW_MILLISECONDS = 500;

/** Starts it at a port of 127.0.0.1 that stays its own. `answer` is asked for each mail; without it all are accepted. */
export async function startMailSink(port: number, answer: () => SinkAnswer = () => "accept"): Promise<MailSink> {
  const accepted: SunkMail[] = [];
  let server: SMTPServer | undefined;

  async function restart(): Promise<void> {
    const own = { dying: false };
    const next = new SMTPServer({
      disabledCommands: ["AUTH", "STARTTLS"],
      disableReverseLookup: true,
      closeTimeout: 1,
      logger: false,
      onData(stream, session, done) {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          const [recipient] = session.envelope.rcptTo;
          void PostalMime.parse(Buffer.concat(chunks)).then(async (mail) => {
            const what = answer();
            if (what === "refuse") return done(Object.assign(new Error("try again later"), { responseCode: 451 }));
            if (what === "slow") await sleep(SLOW_MILLISECONDS);
            const connection = [...next.connections].find((one) => one.session === session);
            if (what === "drop") connection?.close();
            // No answer: the sender cannot know, and learns with the broken connection. One that is cut already, by whom
            // ever, cannot carry an answer either.
            if (what === "drop" || own.dying || connection === undefined) return;
            const text = mail.text ?? "";
            accepted.push({
              messageId: mail.messageId ?? "",
              to: recipient?.address ?? "",
              subject: mail.subject ?? "",
              text,
              link: LINK.exec(text)?.[0],
            });
            done();
          }, done);
        });
      },
    });
    next.on("error", () => undefined); // clients that hang up
    await new Promise<void>((resolve, reject) => {
      next.server.once("error", reject);
      next.listen(port, "127.0.0.1", resolve);
    });
    server = next;
    kill = async () => {
      own.dying = true;
      await sleep(FLUSH_MILLISECONDS);
      for (const connection of next.connections) connection.close();
      await new Promise<void>((resolve) => next.close(() => resolve()));
      server = undefined;
    };
  }

  let kill = async (): Promise<void> => undefined;
  await restart();
  return {
    url: `smtp://127.0.0.1:${port}`,
    accepted,
    async waitFor(to, wanted, milliseconds) {
      for (const deadline = performance.now() + milliseconds; ; await sleep(50)) {
        const found = accepted.findLast((mail) => mail.to === to && wanted.test(`${mail.subject}\n${mail.text}`));
        if (found !== undefined) return found;
        if (performance.now() > deadline) throw new Error(`no mail to ${to} that matches ${wanted} came in time`);
      }
    },
    kill: () => kill(),
    restart,
    async close() {
      if (server !== undefined) await kill();
    },
  };
}
