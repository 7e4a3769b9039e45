// What a fleet needs of the overlord's bootstrap admin API to become usable.

export interface AdminApi {
  setConnectors(connectors: readonly object[]): Promise<void>;
  /** Returns the id of the new user. */
  createAdmin(email: string, password: string): Promise<string>;
  /** The secret is empty where the client has none. */
  createClient(client: object): Promise<{ id: string; secret: string }>;
}

/** Every call throws when the answer is not a success; the message holds the answer. */
export function openAdminApi(url: string, secret: string): AdminApi {
  const call = async (method: string, path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${url}/api/v1/${path}`, {
      method,
      headers: { authorization: secret, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? {} : JSON.parse(text);
  };
  return {
    async setConnectors(connectors) {
      await call("PUT", "connectors", { connectors });
    },
    async createAdmin(email, password) {
      return textMember(await call("POST", "admin", { email, password }), "id");
    },
    async createClient(client) {
      const answer = await call("POST", "client", { client });
      const made = typeof answer === "object" && answer !== null && "client" in answer ? answer.client : undefined;
      const hasSecret = typeof made === "object" && made !== null && "secret" in made;
      return { id: textMember(made, "id"), secret: hasSecret ? textMember(made, "secret") : "" };
    },
  };
}

function textMember(value: unknown, name: string): string {
  const member = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  if (typeof member !== "string") throw new Error(`the admin API's answer has no ${name}`);
  return member;
}
