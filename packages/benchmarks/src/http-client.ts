import { Agent, type IncomingHttpHeaders, request as startRequest } from "node:http";

const ANSWER_MILLISECONDS = 10_000;

export interface HttpRequest {
  readonly method?: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: URLSearchParams;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One exchange over a connection that is kept; no redirect followed, no cookie kept: the least a client can do. */
export interface HttpClient {
  send(request: HttpRequest): Promise<HttpAnswer>;
  close(): void;
}

export function openHttpClient(connections: number): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    send: ({ method = "GET", url, headers = {}, form }) =>
      new Promise((resolve, reject) => {
        const body = form?.toString();
        const type = "application/x-www-form-urlencoded";
        const ofBody = body === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(body) };
        const options = { method, agent, headers: { ...headers, ...ofBody }, timeout: ANSWER_MILLISECONDS };
        const request = startRequest(url, options, (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk) => {
            text += chunk;
          });
          response.once("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
          );
          response.once("error", reject);
        });
        request.once("timeout", () => request.destroy(new Error(`no answer from ${new URL(url).pathname} in time`)));
        request.once("error", reject);
        request.end(body);
      }),
    close: () => agent.destroy(),
  };
}

/** The members of a JSON answer with status 200. Throws otherwise, with the answer: nothing here is secret for long. */
export function jsonOf(answer: HttpAnswer): Readonly<Record<string, unknown>> {
  const value: unknown = answer.status === 200 ? JSON.parse(answer.body) : undefined;
  if (typeof value !== "object" || value === null) {
    throw new Error(`found status ${answer.status}: ${answer.body.slice(0, 300)}`);
  }
  return { ...value };
}

/** The text of a member. Throws when there is none. */
export function textOf(members: Readonly<Record<string, unknown>>, name: string): string {
  const value = members[name];
  if (typeof value !== "string") throw new Error(`the answer has no ${name}`);
  return value;
}
