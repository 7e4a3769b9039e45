// Mail over HTTP, for services that answer like Mailgun's: POST <base>/v3/<domain>/messages.
import type { Secret } from "@dex/runtime";
import { type MailTransport, messageIdOf, type OutgoingMail, type SendOutcome } from "./transport.ts";

export interface MailgunAccount {
  readonly apiKey: Secret<string>;
  /** The sending domain, part of the address. */
  readonly domain: string;
  readonly apiBase: URL;
}

const TOTAL_MILLISECONDS = 10_000;

/** One request for each mail. Follows no redirect, and reads nothing of an answer but its status. */
export function openMailgunTransport(account: MailgunAccount): MailTransport {
  const { apiBase, domain, apiKey } = account;
  const url = new URL(`${apiBase.href.replace(/\/+$/, "")}/v3/${encodeURIComponent(domain)}/messages`);
  return {
    async send(mail) {
      try {
        const response = await fetch(url, {
          method: "POST",
          headers: { authorization: `Basic ${Buffer.from(`api:${apiKey.reveal()}`).toString("base64")}` },
          body: toForm(mail),
          redirect: "manual",
          signal: AbortSignal.timeout(TOTAL_MILLISECONDS),
        });
        // Its text may repeat the address (LOG-2) and be of any size.
        response.body?.cancel().catch(() => undefined);
        return decideOutcome(response.status);
      } catch (error) {
        return decideFailure(error);
      }
    },
    async close() {},
  };
}

function toForm(mail: OutgoingMail): URLSearchParams {
  const form = new URLSearchParams({
    from: `${quote(mail.fromName)} <${mail.from.address}>`,
    to: mail.to.address,
    subject: toLine(mail.subject),
    "h:Message-ID": messageIdOf(mail),
    "h:Auto-Submitted": "auto-generated", // RFC 3834 §5: no out-of-office replies, please
    // Links in our mail are secrets; they must lead to us, and not through somebody who counts clicks.
    "o:tracking": "no",
  });
  if (mail.text !== undefined) form.set("text", mail.text);
  if (mail.html !== undefined) form.set("html", mail.html);
  return form;
}

/** A display name in quotes, RFC 5322 §3.2.4: nothing in it can end it and begin an address (ACC-10). */
function quote(name: string): string {
  return `"${toLine(name).replace(/[\\"]/g, "\\$&")}"`;
}

function toLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
}

/** 401, 403, 404 and 429 are about us, which an operator can mend or time does: worth another try. */
function decideOutcome(status: number): SendOutcome {
  const error = `HTTP ${status}`;
  if (status >= 200 && status < 300) return { kind: "accepted" };
  if (status === 400 || status === 413 || status === 422) return { kind: "refused", error };
  // Whoever answers for a service behind it does not know what became of the mail there.
  if (status >= 500 && status !== 503) return { kind: "unknown", error };
  return { kind: "failed", error };
}

/** Before these, nothing can have been handed over. */
const NOT_CONNECTED: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function decideFailure(error: unknown): SendOutcome {
  if (error instanceof Error && error.name === "TimeoutError") return { kind: "unknown", error: "timeout" };
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "no code";
  // Certificates are checked before anything is sent.
  const notConnected = NOT_CONNECTED.has(code) || /CERT|SIGNATURE|ALTNAME|ISSUER/.test(code);
  return { kind: notConnected ? "failed" : "unknown", error: code.slice(0, 60) };
}
