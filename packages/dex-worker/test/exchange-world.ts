// A worker with a connector of an OpenID provider, somebody who has an account through it, and a client that exchanges tokens.
import { type FakeTokenIssuer, startFakeTokenIssuer } from "@dex/testing";
import {
  openTestWorker,
  PERSON,
  REDIRECT_URI,
  type TestClient,
  type TestWorker,
  type TokenBody,
} from "./worker-server.ts";

export const TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
export const TYPES = {
  access: "urn:ietf:params:oauth:token-type:access_token",
  id: "urn:ietf:params:oauth:token-type:id_token",
} as const;
export const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const UPSTREAM_CLIENT = "dex-at-upstream";

export type Fields = Readonly<Record<string, string>>;
export interface Exchanged {
  readonly status: number;
  readonly body: TokenBody & { readonly issued_token_type?: string };
  readonly headers: Headers;
}

export async function openExchangeWorld(flags: readonly string[] = []) {
  const worker: TestWorker = await openTestWorker(flags);
  const upstream: FakeTokenIssuer = await startFakeTokenIssuer({ path: "/realm" });
  const corp = (more: Readonly<Record<string, string[]>> = {}) => ({
    id: "corp",
    type: "oidc",
    config: {
      issuer: upstream.issuer,
      clientID: UPSTREAM_CLIENT,
      clientSecret: "secret",
      insecureEnableGroups: true,
      ...more,
    },
  });
  const local = { id: "local", type: "local", config: {} };
  await worker.setConnectors([corp(), local]);
  const exchanger = await worker.addClient({
    clientName: "Exchanger",
    grantTypes: [TOKEN_EXCHANGE_GRANT],
    redirectURIs: [],
  });

  const nowSeconds = () => Math.floor(Date.now() / 1000);
  /** An ID token of the upstream for somebody there. */
  const upstreamToken = (
    claims: Readonly<Record<string, unknown>> = {},
    how: Parameters<FakeTokenIssuer["sign"]>[1] = {},
  ) =>
    upstream.sign(
      {
        ...{ iss: upstream.issuer, aud: UPSTREAM_CLIENT, sub: "grace-1", iat: nowSeconds(), exp: nowSeconds() + 300 },
        ...{ email: "grace@corp.example", email_verified: true, name: "Grace", groups: ["navy"], ...claims },
      },
      how,
    );

  return {
    worker,
    upstream,
    exchanger,
    nowSeconds,
    upstreamToken,
    setConnectors: (more: Readonly<Record<string, string[]>>) => worker.setConnectors([corp(more), local]),

    /** Makes the person of the upstream one of our users. */
    async addGrace(sub = "grace-1", email = "grace@here.example"): Promise<string> {
      const id = crypto.randomUUID();
      const user = { id, email, emailVerified: true, displayName: "Grace Hopper", admin: false, createdAt: new Date() };
      const identity = {
        ...{ connectorId: "corp", remoteId: sub, email, emailVerified: true, displayName: "Grace" },
        ...{ preferredUsername: undefined, groups: undefined, authTime: undefined, amr: [] },
      };
      await worker.storage.users.register(user, identity, ACTOR);
      return id;
    },

    async exchange(fields: Fields | readonly [string, string][], client: TestClient = exchanger): Promise<Exchanged> {
      const credentials = Buffer.from(`${encodeURIComponent(client.id)}:${client.secret}`).toString("base64");
      const body = new URLSearchParams(fields as Record<string, string>);
      body.append("grant_type", TOKEN_EXCHANGE_GRANT);
      if (client.secret === "") body.append("client_id", client.id);
      const response = await fetch(`${worker.issuer}/token`, {
        method: "POST",
        ...(client.secret === "" ? {} : { headers: { Authorization: `Basic ${credentials}` } }),
        body,
      });
      return { status: response.status, headers: response.headers, body: (await response.json()) as Exchanged["body"] };
    },

    /** An access token of PERSON for a client, from a browser. */
    async ownToken(client: TestClient, scope = "openid email"): Promise<TokenBody> {
      const end = await worker.signIn(worker.browser(), { client_id: client.id, scope, connector_id: "local" });
      const code = end.searchParams.get("code") ?? "";
      const answer = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI }, client);
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
      return answer.body;
    },

    async introspect(token: string, client: TestClient): Promise<Readonly<Record<string, unknown>>> {
      const credentials = Buffer.from(`${encodeURIComponent(client.id)}:${client.secret}`).toString("base64");
      const response = await fetch(`${worker.issuer}/introspect`, {
        method: "POST",
        headers: { Authorization: `Basic ${credentials}` },
        body: new URLSearchParams({ token }),
      });
      return (await response.json()) as Readonly<Record<string, unknown>>;
    },

    revoke: (token: string, client: TestClient) =>
      fetch(`${worker.issuer}/revoke`, {
        method: "POST",
        headers: {
          Authorization: `Basic ${Buffer.from(`${encodeURIComponent(client.id)}:${client.secret}`).toString("base64")}`,
        },
        body: new URLSearchParams({ token }),
      }),

    person: PERSON,
    async close() {
      await worker.close();
      await upstream.close();
    },
  };
}
export type ExchangeWorld = Awaited<ReturnType<typeof openExchangeWorld>>;
