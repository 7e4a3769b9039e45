import type { IncomingMessage, ServerResponse } from "node:http";
import type { Misbehaviour } from "./fake-openid-behaviours.ts";

const HUGE_BYTES = 2 * 1024 * 1024;
const DRIBBLE_MILLISECONDS = 50;

/** Answers a request in the given bad way, or leaves it without an answer. */
export function misbehave(how: Misbehaviour, request: IncomingMessage, response: ServerResponse): void {
  switch (how) {
    case "hang":
      return;
    case "dribble": {
      response.writeHead(200, { "content-type": "application/json" });
      const timer = setInterval(() => response.write(" "), DRIBBLE_MILLISECONDS);
      response.on("close", () => clearInterval(timer));
      return;
    }
    case "status 500":
      response.writeHead(500, { "content-type": "text/plain" }).end("down");
      return;
    case "status 404":
      response.writeHead(404, { "content-type": "text/plain" }).end("not here");
      return;
    case "status 429":
      response
        .writeHead(429, { "content-type": "application/json", "retry-after": "30" })
        .end('{"message":"slow down"}');
      return;
    case "status 502":
    case "status 503":
      response.writeHead(Number(how.slice(-3)), { "content-type": "text/plain" }).end("down");
      return;
    case "html":
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Sign in</title>");
      return;
    case "endless body": {
      response.writeHead(200, { "content-type": "application/json" });
      const chunk = Buffer.alloc(1024 * 1024, " ");
      const more = (left: number): void => {
        if (left === 0) response.end("{}");
        else response.write(chunk, (error) => (error ? undefined : more(left - 1)));
      };
      more(1024);
      return;
    }
    case "huge body":
      response.writeHead(200, { "content-type": "application/json" }).end(`{"x":"${"a".repeat(HUGE_BYTES)}"}`);
      return;
    case "many headers": {
      for (let index = 0; index < 300; index += 1) response.setHeader(`x-padding-${index}`, "a".repeat(100));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
      return;
    }
    case "redirect loop":
      response.writeHead(302, { location: request.url ?? "/" }).end();
      return;
    case "not json":
      response.writeHead(200, { "content-type": "application/json" }).end("<!doctype html>");
      return;
    case "close":
      request.socket.destroy();
      return;
  }
}
