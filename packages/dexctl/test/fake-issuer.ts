import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly body: string;
}

type Reply = { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> };
export type Behaviour = (request: SeenRequest, issuer: string) => Reply | "silence";

export interface FakeIssuer extends AsyncDisposable {
  readonly issuer: string;
  readonly seen: readonly SeenRequest[];
}

/** An issuer at `/dex` that accepts any client; `overrides` answers first, and undefined leaves it to the default. */
export async function startFakeIssuer(
  overrides: (request: SeenRequest, issuer: string) => Reply | "silence" | undefined = () => undefined,
): Promise<FakeIssuer> {
  const seen: SeenRequest[] = [];
  const server = createServer(async (request, response) => {
    const one = await toSeen(request);
    seen.push(one);
    const reply = overrides(one, issuer) ?? answerAsIssuer(one, issuer);
    if (reply !== "silence") send(response, reply);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A listening TCP server always has an address and port.
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dex`;
  return {
    issuer,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const answerAsIssuer: Behaviour = ({ method, path }, issuer) => {
  if (path === "/dex/.well-known/openid-configuration") {
    return { status: 200, body: { issuer, token_endpoint: `${issuer}/token` } };
  }
  if (path === "/dex/token") {
    return { status: 200, body: { access_token: "canary-access-token", token_type: "Bearer", expires_in: 60 } };
  }
  if (method === "GET" && path === "/dex/api/v1/clients") return { status: 200, body: { clients: [] } };
  if (method === "GET" && path === "/dex/api/v1/connectors") {
    return { status: 200, body: { connectors: [{ id: "local", type: "local" }] } };
  }
  return { status: 404, body: { error: "resource_not_found", error_description: "there is nothing at this address" } };
};

async function toSeen(request: IncomingMessage): Promise<SeenRequest> {
  let body = "";
  for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString("utf8");
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    authorization: request.headers.authorization,
    contentType: request.headers["content-type"],
    body,
  };
}

function send(response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status, { "Content-Type": "application/json", ...reply.headers });
  response.end(reply.body === undefined ? undefined : JSON.stringify(reply.body));
}
