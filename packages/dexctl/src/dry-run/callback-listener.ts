// The place that an upstream sends the browser back to, for as long as one sign-in takes.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { CallbackRequest, UpstreamDeparture } from "@dex/connectors";
import { isLoopback } from "@dex/runtime";
import { Failure } from "../failure.ts";

const MAX_FORM_BYTES = 524_288;
const WAIT_MILLISECONDS = 600_000;
const PAGE = { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store" };

export interface CallbackAnswer {
  readonly query: URLSearchParams;
  readonly state: string;
  readonly request: CallbackRequest;
}

export interface CallbackListener {
  /** The address a browser goes to in order to depart: the upstream's, or one of ours with the form that it posts. */
  lead(departure: UpstreamDeparture): string;
  /** What comes back at the callback's path. */
  next(): Promise<{ readonly request: IncomingMessage; readonly response: ServerResponse }>;
  close(): Promise<void>;
}

/** Listens at a callback address on this machine. Throws a Failure for any other, and when the port is taken. */
export async function listenForCallback(callback: string): Promise<CallbackListener> {
  const url = URL.parse(callback);
  if (url === null || url.protocol !== "http:" || !isLoopback(url)) {
    throw new Failure(
      "usage",
      "--callback: expected an http address of this machine, such as http://127.0.0.1:5555/callback",
    );
  }
  const arrived = Promise.withResolvers<{ request: IncomingMessage; response: ServerResponse }>();
  let departure: string | undefined;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", url.origin);
    if (pathname === url.pathname) arrived.resolve({ request, response });
    else if (pathname === "/begin" && departure !== undefined) response.writeHead(200, PAGE).end(departure);
    else response.writeHead(404, PAGE).end("<p>There is nothing here.</p>");
  });
  await listen(server, url);
  return {
    lead(to) {
      if (to.kind === "redirect") return to.to;
      departure = renderForm(to);
      return new URL("/begin", url.origin).href;
    },
    next: () => arrived.promise,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Waits for the browser, at most ten minutes, and tells the person to come back here. */
export async function awaitCallback(
  listener: CallbackListener,
  expected: { readonly form: boolean; readonly state: string },
): Promise<CallbackAnswer> {
  const tooLate = new Promise<never>((_, reject) => {
    const late = () => reject(new Failure("refused", "nobody came back within ten minutes"));
    setTimeout(late, WAIT_MILLISECONDS).unref();
  });
  const { request, response } = await Promise.race([listener.next(), tooLate]);
  const query =
    expected.form && request.method === "POST"
      ? new URLSearchParams(await readBody(request))
      : new URL(request.url ?? "/", "http://127.0.0.1").searchParams;
  response.writeHead(200, { ...PAGE, Connection: "close" }).end("<p>Done. You can close this window.</p>");
  await once(response, "close");
  return {
    query,
    state: query.get(expected.state) ?? "",
    request: {
      header: (name) => {
        const values = request.headersDistinct[name.toLowerCase()];
        return values?.length === 1 ? values[0] : undefined;
      },
      peer: request.socket.remoteAddress ?? "",
    },
  };
}

async function listen(server: Server, url: URL): Promise<void> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  await new Promise<void>((resolve, reject) => {
    server.once("error", () => reject(new Failure("refused", `--callback: port ${url.port || "80"} is not free here`)));
    server.listen(Number(url.port || 80), host, resolve);
  });
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length; // no encoding is set
    if (size > MAX_FORM_BYTES) throw new Failure("refused", "the answer is too large");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

function renderForm({ to, fields }: Extract<UpstreamDeparture, { kind: "form" }>): string {
  const inputs = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${escapeAttribute(name)}" value="${escapeAttribute(value)}">`,
  );
  return `<form method="post" action="${escapeAttribute(to)}">${inputs.join("")}<button>Continue</button></form>`;
}

function escapeAttribute(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
