// A worker with resources that tokens can be asked for, and clients that ask.
import { parseResource } from "@dex/oidc";
import { readForm } from "@dex/testing";
import * as oauth from "oauth4webapi";
import {
  openTestWorker,
  PERSON,
  REDIRECT_URI,
  type TestClient,
  type TestWorker,
  type TokenBody,
} from "./worker-server.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;

/** Parameters; a list is sent as often as it has values. */
export type Asked = Readonly<Record<string, string | readonly string[] | undefined>>;
export interface Answer {
  readonly status: number;
  readonly body: TokenBody & { readonly authorization_details?: unknown };
}

export interface ResourceWorld
  extends Pick<
    TestWorker,
    "issuer" | "client" | "addClient" | "databaseUrl" | "takeStatements" | "storage" | "browser"
  > {
  /** Reads JWTs; for everybody. */
  readonly api: string;
  /** Asks about its tokens; for everybody. */
  readonly reports: string;
  /** Names `client` and `apiServer`. */
  readonly machines: string;
  readonly userinfo: string;
  readonly apiServer: TestClient;
  readonly reportServer: TestClient;
  /** May have tokens travel with the browser. */
  readonly implicit: TestClient;
  register(resource: Readonly<Record<string, unknown>>): Promise<void>;
  remove(identifier: string): Promise<void>;
  server(): Promise<oauth.AuthorizationServer>;
  /** Where the browser of PERSON ends, who signs in and agrees to everything. */
  authorize(asked: Asked, client?: TestClient): Promise<URL>;
  code(asked: Asked): Promise<string>;
  /** To any endpoint for clients. */
  post(path: string, form: readonly (readonly [string, string])[], client: TestClient): Promise<Answer>;
  token(form: readonly (readonly [string, string])[], client?: TestClient): Promise<Answer>;
  redeem(
    code: string,
    resources?: readonly string[],
    client?: TestClient,
    more?: readonly (readonly [string, string])[],
  ): Promise<Answer>;
  refresh(
    token: string | undefined,
    resources?: readonly string[],
    more?: readonly (readonly [string, string])[],
  ): Promise<Answer>;
  /** From the request to the tokens. */
  obtain(asked: Asked, resources?: readonly string[], client?: TestClient): Promise<Answer>;
  push(form: readonly (readonly [string, string])[]): Promise<Answer>;
  askUserinfo(
    token: string | undefined,
  ): Promise<{ status: number; error?: unknown; body: Readonly<Record<string, unknown>> }>;
  /** The same on both workers. */
  introspect(token: string | undefined, client: TestClient): Promise<Readonly<Record<string, unknown>>>;
  revoke(token: string | undefined, client: TestClient): Promise<Response>;
  close(): Promise<void>;
}

export async function openResourceWorld(flags: readonly string[] = []): Promise<ResourceWorld> {
  const worker = await openTestWorker(["--enable-front-channel-tokens", "--api-use-client-credentials", ...flags]);
  const { issuer, client } = worker;
  const [apiServer, reportServer] = [await worker.addClient({}), await worker.addClient({})];
  const implicit = await worker.addClient({ trusted: true, details: { response_types: ["code token"] } });
  const [api, reports, machines] = ["https://api.example/", "https://reports.example/v1", "urn:example:machines"];

  async function register(resource: Readonly<Record<string, unknown>>): Promise<void> {
    const parsed = parseResource(resource);
    if (parsed.kind === "refused") throw new Error(parsed.reason);
    await worker.storage.resources.add(parsed.resource, ACTOR);
    await worker.refresh();
  }

  await register({
    ...{ identifier: api, name: "The API", scopes: ["read", "write"], signingAlg: "ES256", accessTokenLifetime: 300 },
    introspectedBy: [apiServer.id],
    authorizationDetailsTypes: [{ type: "payment", name: "Pay somebody", members: ["amount", "creditor"] }],
  });
  await register({
    ...{ identifier: reports, name: "Reports", scopes: ["report", "read"], tokenFormat: "opaque" },
    introspectedBy: [reportServer.id],
  });
  await register({
    ...{ identifier: machines, name: "Machines", scopes: ["run", "email"], allowedClients: [client.id, apiServer.id] },
    introspectedBy: [reportServer.id],
  });
  await register({ identifier: "https://closed.example/", name: "Closed", allowedClients: [apiServer.id] });
  const other = (await worker.openAnother()).replace(/\/token$/, "");

  const basic = ({ id, secret }: TestClient) =>
    `Basic ${Buffer.from(`${encodeURIComponent(id)}:${secret}`).toString("base64")}`;
  const pairs = (asked: Asked) =>
    Object.entries(asked).flatMap(([name, value]) =>
      [value].flat().flatMap((one) => (one === undefined ? [] : [[name, one] as [string, string]])),
    );
  const resourcesOf = (resources: readonly string[]) => resources.map((one) => ["resource", one] as [string, string]);

  async function post(
    path: string,
    form: readonly (readonly [string, string])[],
    who: TestClient,
    base = issuer,
  ): Promise<Answer> {
    const body = new URLSearchParams(form.map(([name, value]): [string, string] => [name, value]));
    const response = await fetch(`${base}${path}`, { method: "POST", headers: { Authorization: basic(who) }, body });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Answer["body"]) };
  }

  async function authorize(asked: Asked, who: TestClient = client): Promise<URL> {
    const parameters = {
      client_id: who.id,
      redirect_uri: REDIRECT_URI,
      response_type: "code",
      scope: "openid",
      ...asked,
    };
    const browser = worker.browser();
    const page = await browser.open(`${issuer}/auth?${new URLSearchParams(pairs(parameters))}`);
    if (!page.text.includes('id="login-form"')) return page.url;
    const { email, password } = PERSON;
    const next = await browser.submit(page, { login: email, password }, { formId: "login-form" });
    if (!next.text.includes('id="consent-form"')) return next.url;
    readForm(next, "consent-form");
    return (await browser.submit(next, { decision: "approve" }, { formId: "consent-form" })).url;
  }

  async function code(asked: Asked, who: TestClient = client): Promise<string> {
    const url = await authorize(asked, who);
    const found = url.searchParams.get("code");
    if (found === null) throw new Error(`no code: ${url}`);
    return found;
  }

  const redeem: ResourceWorld["redeem"] = (text, resources = [], who = client, more = []) =>
    post(
      "/token",
      [
        ["grant_type", "authorization_code"],
        ["code", text],
        ["redirect_uri", REDIRECT_URI],
        ...resourcesOf(resources),
        ...more,
      ],
      who,
    );

  return {
    ...{ issuer, client, api, reports, machines, apiServer, reportServer, implicit },
    addClient: worker.addClient,
    browser: worker.browser,
    takeStatements: worker.takeStatements,
    storage: worker.storage,
    databaseUrl: worker.databaseUrl,
    post,
    userinfo: `${issuer}/userinfo`,
    register,
    async remove(identifier) {
      await worker.storage.resources.remove(identifier, ACTOR);
      await worker.refresh();
    },
    async server() {
      const at = new URL(issuer);
      const response = await oauth.discoveryRequest(at, { algorithm: "oidc", [oauth.allowInsecureRequests]: true });
      return oauth.processDiscoveryResponse(at, response);
    },
    authorize,
    code,
    token: (form, who = client) => post("/token", form, who),
    redeem,
    refresh: (token, resources = [], more = []) =>
      post(
        "/token",
        [["grant_type", "refresh_token"], ["refresh_token", token ?? ""], ...resourcesOf(resources), ...more],
        client,
      ),
    obtain: async (asked, resources = [], who = client) => redeem(await code(asked, who), resources, who),
    push: (form) =>
      post("/par", [["response_type", "code"], ["redirect_uri", REDIRECT_URI], ["scope", "openid"], ...form], client),
    async askUserinfo(token) {
      const response = await fetch(`${issuer}/userinfo`, { headers: { Authorization: `Bearer ${token}` } });
      const body = (await response.json()) as Readonly<Record<string, unknown>>;
      return { status: response.status, error: body.error, body };
    },
    async introspect(token, who) {
      const [here, there] = await Promise.all(
        [issuer, other].map((base) => post("/introspect", [["token", token ?? ""]], who, base)),
      );
      if (JSON.stringify(here) !== JSON.stringify(there)) throw new Error("the workers differ");
      return here?.body as Readonly<Record<string, unknown>>;
    },
    revoke: (token, who) =>
      fetch(`${issuer}/revoke`, {
        method: "POST",
        headers: { Authorization: basic(who) },
        body: new URLSearchParams({ token: token ?? "" }),
      }),
    close: worker.close,
  };
}
