// A server of the Model Context Protocol with one tool, which wants a token of the provider: a protected resource (RFC 9728) that
// asks the provider about every token (RFC 7662). Everything in it is the SDK's, but for what HTTP it speaks itself.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { FleetFacts } from "@dex/testing";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

export const MCP_SCOPES = ["openid", "email", "offline_access"] as const;

/** What the provider said of a token. */
export interface Introspected {
  readonly active: boolean;
  readonly client_id?: string;
  readonly sub?: string;
  readonly aud?: string | readonly string[];
}

export interface OpenedMcpServer {
  /** Where clients speak to it; also the identifier of the resource. */
  readonly url: URL;
  /** What was said of the tokens, in the order in which they came. */
  readonly introspected: readonly Introspected[];
  close(): Promise<void>;
}

export async function openMcpServer({
  issuer,
  client,
}: Pick<FleetFacts, "issuer" | "client">): Promise<OpenedMcpServer> {
  const introspected: Introspected[] = [];
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = new URL(`http://127.0.0.1:${port}/mcp`);
  const metadataUrl = new URL("/.well-known/oauth-protected-resource/mcp", url);

  async function introspect(token: string): Promise<Introspected> {
    const response = await fetch(`${issuer}/introspect`, {
      method: "POST",
      headers: { Authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString("base64")}` },
      body: new URLSearchParams({ token }),
    });
    const found = (await response.json()) as Introspected;
    introspected.push(found);
    return found;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === metadataUrl.pathname) {
      const metadata = { resource: url.href, authorization_servers: [issuer], scopes_supported: MCP_SCOPES };
      response.setHeader("Content-Type", "application/json").end(JSON.stringify(metadata));
      return;
    }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    const caller = token === undefined ? undefined : await introspect(token);
    if (caller?.active !== true) {
      const error = token === undefined ? "" : ', error="invalid_token"';
      response.setHeader("WWW-Authenticate", `Bearer resource_metadata="${metadataUrl.href}"${error}`);
      response.writeHead(401).end();
      return;
    }
    // Without sessions each request is a conversation of its own.
    const transport = new StreamableHTTPServerTransport({});
    const mcp = new McpServer({ name: "who am I", version: "1" });
    mcp.registerTool("whoami", {}, () => ({ content: [{ type: "text", text: `subject ${caller.sub}` }] }));
    response.on("close", () => void transport.close());
    await mcp.connect(transport);
    await transport.handleRequest(request, response);
  }

  return {
    url,
    introspected,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
