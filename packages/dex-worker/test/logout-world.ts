// A worker with people who are signed in to clients, and real servers of those clients that are told of the end.
import { openHttpServer } from "@dex/runtime";
import { type FormBrowser, openFormBrowser } from "@dex/testing";
import { expect } from "vitest";
import { openTestWorker, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

/** Where the test's browsers stop: nobody listens there. */
export const POST_LOGOUT = `${REDIRECT_URI}/signed-out`;

export interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly sid: string;
  readonly [name: string]: unknown;
}

export interface SignedIn {
  readonly browser: FormBrowser;
  readonly idToken: string;
  readonly claims: Claims;
  readonly accessToken: string;
}

export interface LogoutWorld extends TestWorker {
  /** A confidential client with POST_LOGOUT registered, and what else. */
  addLogoutClient(details?: Readonly<Record<string, unknown>>): Promise<TestClient>;
  /** Signs PERSON in to the client, in this browser or in a new one, and takes the tokens. */
  signInTo(client: TestClient, browser?: FormBrowser): Promise<SignedIn>;
  /** The end session endpoint with these parameters. */
  logoutUrl(parameters?: Readonly<Record<string, string | undefined>>): string;
  /** What a silent request for sign-in is answered with. */
  silent(browser: FormBrowser, client: TestClient): Promise<string | null>;
}

export async function openLogoutWorld(flags: readonly string[] = []): Promise<LogoutWorld> {
  const worker = await openTestWorker(flags);
  return {
    ...worker,
    async addLogoutClient(details = {}) {
      const { frontchannel_logout_uri: frame } = details;
      // A frame is of a place that people are sent back to (Front-Channel Logout §2).
      const redirectURIs = [REDIRECT_URI, ...(frame === undefined ? [] : [new URL("/callback", String(frame)).href])];
      const registered = { post_logout_redirect_uris: [POST_LOGOUT], ...details };
      return worker.addClient({ trusted: true, redirectURIs, details: registered });
    },
    async signInTo(client, given) {
      const browser = given ?? openFormBrowser({ stopAt: [REDIRECT_URI] });
      const request = worker.authorizationUrl({ client_id: client.id, scope: "openid email" });
      const page = await browser.open(request);
      const done = page.url.href.startsWith(REDIRECT_URI)
        ? page.url
        : await worker.signIn(browser, { client_id: client.id, scope: "openid email" });
      const code = done.searchParams.get("code") ?? expect.fail(`no code: ${done}`);
      const parameters = { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
      const { body } = await worker.token(parameters, client);
      const idToken = body.id_token ?? expect.fail("no ID token");
      return { browser, idToken, claims: claimsOf(idToken), accessToken: body.access_token ?? "" };
    },
    logoutUrl(parameters = {}) {
      const present = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
      return `${worker.issuer}/logout?${new URLSearchParams(present)}`;
    },
    async silent(browser, client) {
      const { url } = await browser.open(worker.authorizationUrl({ client_id: client.id, prompt: "none" }));
      return url.searchParams.get("error");
    },
  };
}

/** The payload of a JWT, unchecked. */
export function claimsOf(jwt: string): Claims {
  return JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString());
}

export function headerOf(jwt: string): unknown {
  return JSON.parse(Buffer.from(jwt.split(".")[0] ?? "", "base64url").toString());
}

export interface LogoutReceiver {
  readonly url: string;
  /** Every request: its method, type and body. */
  readonly received: { readonly method: string; readonly contentType: string; readonly form: URLSearchParams }[];
  /** What it answers from now on. */
  answer: number;
  close(): Promise<void>;
}

/** A real server that takes logout tokens. */
export async function openLogoutReceiver(answer = 200): Promise<LogoutReceiver> {
  const received: LogoutReceiver["received"] = [];
  const server = await openHttpServer({
    listen: new URL("http://127.0.0.1:0"),
    handler: (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const form = new URLSearchParams(Buffer.concat(chunks).toString());
        received.push({ method: request.method ?? "", contentType: request.headers["content-type"] ?? "", form });
        response.writeHead(receiver.answer).end();
      });
    },
  });
  const receiver = {
    url: `${server.url.origin}/backchannel?a=b`,
    received,
    answer,
    close: () => server.close(0),
  };
  return receiver;
}
