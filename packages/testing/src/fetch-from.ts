import { request as sendRequest } from "node:http";

/** What a form browser needs of fetch. */
export type Fetch = (url: URL, init: RequestInit & { headers: Headers }) => Promise<Response>;

/** Like fetch without redirects, over plain http, from another address of this machine. */
export function fetchFrom(localAddress: string): Fetch {
  return (url, init) =>
    new Promise((resolve, reject) => {
      const body = init.body instanceof URLSearchParams ? init.body.toString() : "";
      const headers = Object.fromEntries(init.headers);
      if (body !== "") headers["content-type"] = "application/x-www-form-urlencoded;charset=UTF-8";
      const request = sendRequest(
        url,
        { method: init.method ?? "GET", headers, localAddress, agent: false },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on("data", (chunk: Buffer) => chunks.push(chunk));
          answer.once("error", reject);
          answer.once("end", () => {
            const status = answer.statusCode ?? 0;
            const empty = status === 204 || status === 304;
            const answered = new Response(empty ? null : Buffer.concat(chunks), { status });
            for (let at = 0; at + 1 < answer.rawHeaders.length; at += 2) {
              answered.headers.append(answer.rawHeaders[at] ?? "", answer.rawHeaders[at + 1] ?? "");
            }
            resolve(answered);
          });
        },
      );
      request.setTimeout(40_000, () => request.destroy(new Error("no answer in time")));
      request.once("error", reject);
      request.end(body);
    });
}
