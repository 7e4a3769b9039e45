// Clients that ask for a person by name (CIBA), and the people who answer them.
import { openHttpServer } from "@dex/runtime";
import { type FormBrowser, type Page, queryDatabase } from "@dex/testing";
import { PERSON, type TestClient, type TestWorker, type TokenBody } from "./worker-server.ts";

export const CIBA_GRANT = "urn:openid:params:grant-type:ciba";

export interface BackchannelAnswer {
  readonly auth_req_id: string;
  readonly expires_in: number;
  readonly interval: number;
}

export function makeBackchannelWorld(worker: TestWorker) {
  const credentials = { login: PERSON.email, password: PERSON.password };

  async function post(path: string, fields: Readonly<Record<string, string>>, client: TestClient, url?: string) {
    const authorization = `Basic ${Buffer.from(`${encodeURIComponent(client.id)}:${client.secret}`).toString("base64")}`;
    const response = await fetch(url ?? `${worker.issuer}${path}`, {
      method: "POST",
      headers: { Authorization: authorization },
      body: new URLSearchParams(fields),
    });
    const body = (await response.json()) as TokenBody & Partial<BackchannelAnswer>;
    return { status: response.status, headers: response.headers, body };
  }

  return {
    credentials,

    addCaller: (more: Readonly<Record<string, unknown>> = {}) =>
      worker.addClient({
        clientName: "Call centre",
        redirectURIs: [],
        grantTypes: [CIBA_GRANT, "refresh_token"],
        ...more,
      }),

    ask: (client: TestClient, fields: Readonly<Record<string, string>> = {}) =>
      post("/bc-authorize", { scope: "openid email", login_hint: PERSON.email, ...fields }, client),

    async askWell(client: TestClient, fields: Readonly<Record<string, string>> = {}): Promise<string> {
      const { status, body } = await this.ask(client, fields);
      if (status !== 200 || body.auth_req_id === undefined) throw new Error(`expected an id: ${JSON.stringify(body)}`);
      return body.auth_req_id;
    },

    /** What is posted as it stands: without the usual scope and hint. */
    askExactly: (client: TestClient, fields: Readonly<Record<string, string>>) => post("/bc-authorize", fields, client),

    /** `url`: of another worker's token endpoint. */
    poll: (client: TestClient, authReqId: string, url?: string) =>
      post("/token", { grant_type: CIBA_GRANT, auth_req_id: authReqId }, client, url),

    /** Where the mail for the last request leads. */
    async lastLink(): Promise<string> {
      const rows = await queryDatabase(
        worker.databaseUrl,
        "SELECT request_id FROM device_request WHERE request_id IS NOT NULL ORDER BY created_at DESC LIMIT 1",
      );
      return `${worker.issuer}/backchannel?request=${String(rows[0]?.request_id)}`;
    },

    /** From the link of the last mail to the approval page, with a password. */
    async openAndSignIn(browser: FormBrowser, login = credentials): Promise<Page> {
      const page = await browser.open(await this.lastLink());
      return browser.submit(page, login, { formId: "login-form" });
    },

    answer: (browser: FormBrowser, page: Page, decision: "approve" | "deny") =>
      browser.submit(page, { decision }, { formId: "backchannel-approval-form" }),

    async decide(decision: "approve" | "deny"): Promise<FormBrowser> {
      const browser = worker.browser();
      const end = await this.answer(browser, await this.openAndSignIn(browser), decision);
      if (!end.text.includes(decision === "approve" ? "backchannel-approved" : "backchannel-denied")) {
        throw new Error(`expected the end of the approval, found ${end.text.slice(0, 500)}`);
      }
      return browser;
    },
  };
}

export interface PingReceiver {
  readonly url: string;
  /** What it answers with. */
  answer: { status: number; headers?: Readonly<Record<string, string>>; body?: string };
  readonly received: { method: string; authorization: string; contentType: string; body: string }[];
  close(): Promise<void>;
}

export async function openPingReceiver(answer: PingReceiver["answer"] = { status: 204 }): Promise<PingReceiver> {
  const received: PingReceiver["received"] = [];
  const server = await openHttpServer({
    listen: new URL("http://127.0.0.1:0"),
    handler: (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { method = "", headers } = request;
        const { authorization = "", "content-type": contentType = "" } = headers;
        received.push({ method, authorization, contentType, body: Buffer.concat(chunks).toString() });
        response.writeHead(receiver.answer.status, receiver.answer.headers).end(receiver.answer.body);
      });
    },
  });
  const receiver: PingReceiver = {
    url: `${server.url.origin}/ciba-notification`,
    answer,
    received,
    close: () => server.close(0),
  };
  return receiver;
}
