import { Problem } from "./problem.ts";

/** The part of the overlord's bootstrap admin API that a first start needs. Harmless when everything is there already. */
export interface AdminApi {
  ensureConnector(connector: { id: string; type: string }): Promise<void>;
  ensureUser(user: { email: string; password: string }): Promise<void>;
  /** Makes a client; its id and secret are the overlord's choice. */
  createClient(client: {
    redirectURIs: readonly string[];
    clientName: string;
  }): Promise<{ id: string; secret: string }>;
}

export function openAdminApi(url: string, secret: string): AdminApi {
  async function call(method: string, path: string, body?: object): Promise<{ status: number; answer: unknown }> {
    const response = await fetch(`${url}/api/v1/${path}`, {
      method,
      headers: { authorization: secret, "content-type": "application/json" },
      signal: AbortSignal.timeout(10_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const taken = response.status === 409 && method === "POST";
    if (!response.ok && !taken) throw new Problem(`dex-overlord refused ${method} ${path}: ${response.status} ${text}`);
    return { status: response.status, answer: text === "" ? {} : JSON.parse(text) };
  }
  return {
    async ensureConnector(connector) {
      const known = memberOf((await call("GET", "connectors")).answer, "connectors");
      if (Array.isArray(known) && known.length > 0) return;
      await call("PUT", "connectors", { connectors: [connector] });
    },
    async ensureUser(user) {
      if (memberOf((await call("GET", "state")).answer, "AdminUserCreated") === true) return;
      await call("POST", "admin", { ...user, emailVerified: true }); // else dex would send it no mail
    },
    async createClient(client) {
      const made = memberOf((await call("POST", "client", { client: { ...client, trusted: true } })).answer, "client");
      const [id, secret] = [memberOf(made, "id"), memberOf(made, "secret")];
      if (typeof id === "string" && typeof secret === "string") return { id, secret };
      throw new Problem("dex-overlord made a client without telling its id and secret");
    },
  };
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
