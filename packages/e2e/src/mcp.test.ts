// An application of the Model Context Protocol meets a server that it was told nothing of but the address: it finds the resource's
// metadata (RFC 9728) and the provider's (RFC 8414), makes itself known, signs a person in, and calls a tool.
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import {
  type Fleet,
  finishSignIn,
  makeTestCertificates,
  openFormBrowser,
  runDexctl,
  startFleet,
  type TestCertificates,
} from "@dex/testing";
import { type OAuthClientProvider, UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { OAuthClientInformationMixed, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { MCP_SCOPES, type OpenedMcpServer, openMcpServer } from "./mcp-server.ts";

/** RFC 8252 §7.3: an application on this machine, which nobody has to listen for here, at a port of the moment. */
const REDIRECT_URI = "http://127.0.0.1:9/callback";
const ANY_PORT = "http://127.0.0.1/callback";

let fleet: Fleet;
let server: OpenedMcpServer;
let certificates: TestCertificates;
let site: Server;
beforeAll(async () => {
  certificates = makeTestCertificates();
  site = await openSite(certificates);
  fleet = await startFleet({
    workers: 2,
    workerEnv: {
      DEX_WORKER_ENABLE_CLIENT_REGISTRATION: "true",
      DEX_WORKER_INSECURE_OPEN_CLIENT_REGISTRATION: "true",
      DEX_WORKER_CLIENT_ID_DOCUMENTS: "any",
      // The site of the application is on this machine.
      DEX_WORKER_INSECURE_PRIVATE_CLIENT_ADDRESSES: "true",
      NODE_EXTRA_CA_CERTS: certificates.caFile,
    },
  });
  server = await openMcpServer(fleet.facts);
  await addResource(server.url.href);
});
afterAll(async () => {
  await server?.close();
  await fleet?.stop();
  site?.close();
  certificates?.remove();
});

const MEMBERS = {
  client_name: "Agent",
  redirect_uris: [ANY_PORT],
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  token_endpoint_auth_method: "none",
};

/** The site of an application, with the document that describes it. */
async function openSite({ server: pair }: TestCertificates): Promise<Server> {
  const opened = createServer(pair, (request, response) => {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ client_id: `https://${request.headers.host}${request.url}`, ...MEMBERS }));
  });
  await new Promise<void>((resolve) => opened.listen(0, "127.0.0.1", resolve));
  return opened;
}

/** What an administrator says of the server; of the application nobody says anything. */
async function addResource(identifier: string): Promise<void> {
  const args = ["resources", "add", identifier, "--name", "Tools", "--scope", "email", "--format", "opaque"];
  const added = await runDexctl([...args, "--introspected-by", fleet.facts.client.id], {
    env: { DEXCTL_DB_URL: fleet.facts.databaseUrl },
  });
  expect(added.status, added.stderr).toBe(0);
  const { client, issuer } = fleet.facts;
  const query = new URLSearchParams({
    ...{ client_id: client.id, redirect_uri: client.redirectUris[0] ?? "", response_type: "code", scope: "openid" },
    resource: identifier,
  });
  const answersOf = (origins: readonly string[]) =>
    Promise.all(
      origins.map(async (origin) => {
        const address = `${origin}${new URL(issuer).pathname}/auth?${query}`;
        return (await fetch(address, { redirect: "manual" })).headers.get("location") ?? "";
      }),
    );
  // Every worker hears of it within two seconds.
  const refused = async () => (await answersOf(fleet.workerOrigins)).filter((to) => to.includes("invalid_target"));
  await vi.waitFor(async () => expect(await refused()).toEqual([]), { timeout: 10_000 });
}

/** What an application keeps, in memory, and the address that it sent its person to. */
interface Application extends OAuthClientProvider {
  sentTo: URL | undefined;
  known: OAuthClientInformationMixed | undefined;
  kept: OAuthTokens | undefined;
}

function makeApplication(clientMetadataUrl?: string): Application {
  let verifier = "";
  const application: Application = {
    ...(clientMetadataUrl === undefined ? {} : { clientMetadataUrl }),
    sentTo: undefined,
    known: undefined,
    kept: undefined,
    redirectUrl: REDIRECT_URI,
    clientMetadata: MEMBERS,
    state: () => "state-of-the-agent",
    clientInformation: () => application.known,
    saveClientInformation(information) {
      application.known = information;
    },
    tokens: () => application.kept,
    saveTokens(tokens) {
      application.kept = tokens;
    },
    redirectToAuthorization(url) {
      application.sentTo = url;
    },
    saveCodeVerifier(codeVerifier) {
      verifier = codeVerifier;
    },
    codeVerifier: () => verifier,
  };
  return application;
}

/** Asks the tool, with whatever tokens the application has by now. */
async function whoAmI(application: Application): Promise<unknown> {
  const client = new Client({ name: "agent", version: "1" });
  const transport = new StreamableHTTPClientTransport(server.url, { authProvider: application });
  await client.connect(transport);
  const { content } = await client.callTool({ name: "whoami" });
  await client.close();
  return content;
}

/** The person allows the application, which then has its tokens. */
async function signIn(application: Application): Promise<string> {
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI] });
  const login = await browser.open(application.sentTo?.href ?? expect.fail("nobody was sent anywhere"));
  const fields = { login: fleet.facts.user.email, password: fleet.facts.user.password };
  const consent = await browser.submit(login, fields, { formId: "login-form" });
  const answer = await finishSignIn(browser, consent, fleet.facts.user);
  expect(answer.searchParams.get("state")).toBe("state-of-the-agent");
  const transport = new StreamableHTTPClientTransport(server.url, { authProvider: application });
  await transport.finishAuth(answer.searchParams.get("code") ?? expect.fail(answer.search));
  return consent.text;
}

const ways = [
  { way: "registers itself (RFC 7591)", documented: false },
  { way: "is the address of a document (OAuth Client ID Metadata Document)", documented: true },
];
test.each(ways)(
  "an application of the MCP SDK that nobody prepared anything for discovers, $way, signs in, calls a tool and refreshes (DCR-3, RED-2)",
  async ({ documented }) => {
    const { port } = site.address() as AddressInfo;
    const document = documented ? `https://127.0.0.1:${port}/agent.json` : undefined;
    const application = makeApplication(document);
    await expect(whoAmI(application)).rejects.toThrow(UnauthorizedError);
    const { known, sentTo } = application;
    expect(known?.client_id).toMatch(documented ? /^https:/ : /@127\.0\.0\.1$/);
    const parameters = { resource: server.url.href, client_id: known?.client_id, scope: MCP_SCOPES.join(" ") };
    expect(Object.fromEntries(sentTo?.searchParams ?? [])).toMatchObject(parameters);

    const consent = await signIn(application);
    expect(consent).toContain('id="unverified"');
    expect(consent).toContain("an application on this device");
    expect(consent.includes(`<bdi class="host">127.0.0.1:${port}</bdi>`)).toBe(documented);
    const content = await whoAmI(application);
    const caller = server.introspected.at(-1);
    expect(caller).toMatchObject({ active: true, client_id: known?.client_id, aud: server.url.href });
    expect(content).toEqual([{ type: "text", text: `subject ${caller?.sub}` }]);

    // Its access token is no longer good, as it is after ten minutes: the SDK comes with the refresh token.
    const before = application.kept;
    if (before !== undefined) application.kept = { ...before, access_token: "gone" };
    expect(await whoAmI(application)).toEqual(content);
    expect(application.kept?.refresh_token).not.toBe(before?.refresh_token);
    expect(server.introspected.at(-1)).toMatchObject({ active: true, aud: server.url.href });
  },
);

test("an application gets no token for a server that is not registered", async () => {
  const application = makeApplication();
  await expect(whoAmI(application)).rejects.toThrow(UnauthorizedError);
  const asked = new URL(application.sentTo ?? expect.fail("nobody was sent anywhere"));
  asked.searchParams.set("resource", "https://other.example/mcp");
  const { url } = await openFormBrowser({ stopAt: [REDIRECT_URI] }).open(asked);
  expect(url.searchParams.get("error")).toBe("invalid_target");
});
