// A service that takes mail over HTTP as Mailgun documents it, and refuses what is not exactly that.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface MailApi {
  readonly url: string;
  /** The forms of the mails it took, oldest first. */
  readonly taken: Readonly<Record<string, string>>[];
  /** Why it refused what it refused. */
  readonly complaints: string[];
  /** What to do with the next mails, all of which it takes before: a status, or break off without an answer. */
  answer: number | "drop" | "silence";
  close(): Promise<void>;
}

const FIELDS = ["from", "to", "subject", "text", "html", "h:Message-ID", "h:Auto-Submitted", "o:tracking"];

export async function startMailApi({ apiKey, domain }: { apiKey: string; domain: string }): Promise<MailApi> {
  const taken: MailApi["taken"] = [];
  const complaints: string[] = [];
  const expectedAuth = `Basic ${Buffer.from(`api:${apiKey}`).toString("base64")}`;
  const api = { answer: 200 as MailApi["answer"] };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const form = [...new URLSearchParams(Buffer.concat(chunks).toString())];
    const complaint = complain(request, form);
    if (complaint !== undefined) {
      complaints.push(complaint);
      response.writeHead(400).end(complaint);
      return;
    }
    taken.push(Object.fromEntries(form));
    if (api.answer === "drop") request.socket.destroy();
    if (typeof api.answer !== "number") return;
    response.writeHead(api.answer, { location: "http://127.0.0.1:1/elsewhere", "content-type": "application/json" });
    response.end('{"message":"jane@example.com"}');
  }

  function complain(request: IncomingMessage, form: readonly [string, string][]): string | undefined {
    if (request.method !== "POST") return `method ${request.method}`;
    if (request.url !== `/base/v3/${domain}/messages`) return `path ${request.url}`;
    if (request.headers.authorization !== expectedAuth) return "credentials";
    if (!/^application\/x-www-form-urlencoded(;|$)/.test(request.headers["content-type"] ?? "")) return "content type";
    const names = form.map(([name]) => name);
    if (new Set(names).size < names.length) return "a field twice";
    const unknown = names.find((name) => !FIELDS.includes(name));
    if (unknown !== undefined) return `field ${unknown}`;
    const missing = ["from", "to", "subject", "h:Message-ID"].find((name) => !names.includes(name));
    if (missing !== undefined) return `no ${missing}`;
    return names.includes("text") || names.includes("html") ? undefined : "neither text nor html";
  }

  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(api, {
    url: `http://127.0.0.1:${port}/base/`,
    taken,
    complaints,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}
