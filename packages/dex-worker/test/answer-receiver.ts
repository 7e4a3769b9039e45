// A relying party's redirect_uri on a port of its own, and the worker's answers to it, however they travel.
import { openHttpServer, readRequestBody } from "@dex/runtime";
import { type FormBrowser, openFormBrowser, type Page } from "@dex/testing";
import { PERSON, type TestClient, type TestWorker } from "./worker-server.ts";

export const RESPONSE_TYPES = [
  "code",
  "id_token",
  "id_token token",
  "code id_token",
  "code token",
  "code id_token token",
] as const;

/** What reached the redirect_uri. */
export interface ReceivedAnswer {
  readonly as: "query" | "fragment" | "form_post";
  readonly members: Readonly<Record<string, string>>;
  /** As a relying party's library wants it. */
  readonly request: URL | Request;
}

export interface AnswerReceiver {
  readonly redirectUri: string;
  /** A browser that stops where the worker sends it to the redirect_uri. */
  browser(): FormBrowser;
  /** Signs PERSON in, unless the browser is, and gives what the client was answered with. */
  answer(browser: FormBrowser, parameters: Readonly<Record<string, string | undefined>>): Promise<ReceivedAnswer>;
  /** Bodies of the forms that were posted to the redirect_uri, each with the content type. */
  readonly posted: { readonly type: string; readonly path: string; readonly body: string }[];
  close(): Promise<void>;
}

/** A client of `worker` that may use every response type, and what listens at its redirect_uri. */
export async function openAnswerReceiver(
  worker: TestWorker,
  listen = "http://127.0.0.1:0",
): Promise<AnswerReceiver & { readonly client: TestClient }> {
  const posted: { type: string; path: string; body: string }[] = [];
  const server = await openHttpServer({
    listen: new URL(listen),
    async handler(request, response) {
      const body = await readRequestBody(request);
      if (request.method === "POST" && body.kind === "body") {
        posted.push({
          type: request.headers["content-type"] ?? "",
          path: request.url ?? "",
          body: body.bytes.toString(),
        });
      }
      response.setHeader("Content-Type", "text/html");
      response.end("<h1 id=received>received</h1>");
    },
  });
  const redirectUri = `${server.url.origin}/callback`;
  const client = await worker.addClient({
    clientName: "Front channel",
    trusted: true,
    redirectURIs: [redirectUri],
    details: { response_types: [...RESPONSE_TYPES] },
  });

  async function received(browser: FormBrowser, page: Page): Promise<ReceivedAnswer> {
    const { url } = page;
    if (page.status === 200) {
      posted.length = 0;
      await browser.submit(page, {}, { formId: "continue-form" });
      const [{ body, type, path } = { body: "", type: "", path: "" }] = posted;
      if (path !== "/callback") throw new Error(`posted to ${path}`);
      const request = new Request(redirectUri, { method: "POST", body, headers: { "Content-Type": type } });
      return { as: "form_post", members: Object.fromEntries(new URLSearchParams(body)), request };
    }
    if (url.origin + url.pathname !== redirectUri) throw new Error(`ended at ${url.href}`);
    if (url.hash !== "") {
      if (url.search !== "") throw new Error(`a query beside the fragment: ${url.search}`);
      const members = Object.fromEntries(new URLSearchParams(url.hash.slice(1)));
      return { as: "fragment", members, request: url };
    }
    return { as: "query", members: Object.fromEntries(url.searchParams), request: url };
  }

  return {
    redirectUri,
    client,
    posted,
    browser: () => openFormBrowser({ stopAt: [redirectUri] }),
    async answer(browser, parameters) {
      const address = worker.authorizationUrl({ client_id: client.id, redirect_uri: redirectUri, ...parameters });
      const page = await browser.open(address);
      if (!page.text.includes('id="login-form"')) return received(browser, page);
      const { email, password } = PERSON;
      return received(browser, await browser.submit(page, { login: email, password }, { formId: "login-form" }));
    },
    close: () => server.close(0),
  };
}
