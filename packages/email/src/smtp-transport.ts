import type { Readable } from "node:stream";
import { createTransport, type NodemailerError, type SMTPPoolOptions } from "nodemailer";
import type { SmtpServer } from "./smtp-url.ts";
import { type MailTransport, messageIdOf, type OutgoingMail, type SendOutcome } from "./transport.ts";

const CONNECT_MILLISECONDS = 3000;
const TOTAL_MILLISECONDS = 10_000;
/** Twice what one deliverer sends at once: the queue in Redis and the look into the database may both be at work. */
const MAX_CONNECTIONS = 10;

/** A pool of connections to one mail server; opens none before the first mail. */
export function openSmtpTransport(server: SmtpServer): MailTransport {
  const pool = createTransport(poolOptions(server));
  const handedOver = new WeakSet<AbortSignal>();
  // Notes the moment at which the last byte of a mail went to the connection: from then on the server may have taken it.
  pool.use("stream", (mail, done) => {
    const { signal } = mail.data;
    mail.message.processFunc((content: Readable) => {
      content.once("end", () => signal && handedOver.add(signal));
      return content;
    });
    done();
  });
  return {
    async send(mail) {
      const signal = AbortSignal.timeout(TOTAL_MILLISECONDS);
      try {
        await pool.sendMail({ ...toMailOptions(mail), signal });
        return { kind: "accepted" };
      } catch (error) {
        return decideFailure(error, handedOver.has(signal));
      }
    },
    async close() {
      pool.close({ force: true });
    },
  };
}

function poolOptions(server: SmtpServer): SMTPPoolOptions & { pool: true } {
  const credentials = server.credentials?.reveal();
  return {
    pool: true,
    host: server.host,
    port: server.port,
    secure: server.tls === "implicit",
    requireTLS: server.tls === "starttls",
    ignoreTLS: server.tls === "off",
    tls: { minVersion: "TLSv1.2" },
    ...(credentials === undefined ? {} : { auth: { user: credentials.user, pass: credentials.password } }),
    maxConnections: MAX_CONNECTIONS,
    // A kept connection that the server has dropped meanwhile: once more, as long as no byte of the mail was read.
    maxRequeues: 1,
    idleTimeout: 5000,
    dnsTimeout: CONNECT_MILLISECONDS,
    connectionTimeout: CONNECT_MILLISECONDS,
    greetingTimeout: TOTAL_MILLISECONDS,
    socketTimeout: TOTAL_MILLISECONDS,
    maxResponseSize: 16_384,
    // Nothing in a mail may make us open a file or a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function toMailOptions(mail: OutgoingMail) {
  return {
    // Objects, never strings: nobody parses an address but parseMailAddress (ACC-10).
    from: { name: mail.fromName, address: mail.from.address },
    to: { name: "", address: mail.to.address },
    envelope: { from: mail.from.address, to: [mail.to.address] },
    subject: mail.subject,
    ...(mail.text === undefined ? {} : { text: mail.text }),
    ...(mail.html === undefined ? {} : { html: mail.html }),
    // The same at every try, so that a receiver can drop a second copy.
    messageId: messageIdOf(mail),
    headers: { "Auto-Submitted": "auto-generated" }, // RFC 3834 §5: no out-of-office replies, please
  };
}

/** Sorts what went wrong. `handedOver`: the whole mail had been written to the connection. */
function decideFailure(error: unknown, handedOver: boolean): SendOutcome {
  if (!(error instanceof Error)) return { kind: "failed", error: "the mail library failed" };
  const failure: NodemailerError = error;
  const reason = describeFailure(failure);
  // A 5yz about this recipient or this mail will be said again (RFC 5321 §4.2.1). The same number at the greeting, the
  // login or MAIL FROM is about us, which an operator can mend: worth another try.
  const aboutThisMail = failure.command === "RCPT TO" || failure.command === "DATA";
  if (aboutThisMail && failure.permanent === true) return { kind: "refused", error: reason };
  return { kind: handedOver && failure.responseCode === undefined ? "unknown" : "failed", error: reason };
}

/** Codes only, since the text of a reply often repeats the address and may hold anything (LOG-1, LOG-2). */
function describeFailure(failure: NodemailerError): string {
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(failure.response ?? "")?.[1];
  const parts = [failure.code, failure.originalCode, failure.command, failure.responseCode, enhanced];
  return parts.filter((part) => part !== undefined).join(" ") || "no code";
}
