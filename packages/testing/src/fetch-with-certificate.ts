import { request as sendRequest } from "node:https";

export interface TlsPeer {
  /** Whose certificates servers may have, PEM. */
  readonly ca: string;
  /** What is shown to a server that asks, PEM; nothing when left out. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
}

/** Like fetch, and over https without redirects, on a connection of its own that shows this certificate (RFC 8705). */
export function fetchWithCertificate({ ca, certificate }: TlsPeer) {
  return async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    const request = new Request(url, init);
    if (new URL(url).protocol === "http:") return fetch(request);
    const body = Buffer.from(await request.arrayBuffer());
    return new Promise((resolve, reject) => {
      const options = { method: request.method, headers: Object.fromEntries(request.headers), ca, ...certificate };
      const sent = sendRequest(url, { ...options, agent: false }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.once("error", reject);
        answer.once("end", () => {
          const status = answer.statusCode ?? 0;
          const answered = new Response(status === 204 || status === 304 ? null : Buffer.concat(chunks), { status });
          for (let at = 0; at + 1 < answer.rawHeaders.length; at += 2) {
            answered.headers.append(answer.rawHeaders[at] ?? "", answer.rawHeaders[at + 1] ?? "");
          }
          resolve(answered);
        });
      });
      sent.setTimeout(40_000, () => sent.destroy(new Error("no answer in time")));
      sent.once("error", reject);
      sent.end(body);
    });
  };
}
