// Requests of a client that are well, by which the world of a run is made.

type Parameters = Readonly<Record<string, string>>;
export type Members = Readonly<Record<string, unknown>>;
const PATIENCE_MILLISECONDS = 15_000;

/** From the token endpoint. Throws where there are none. */
export const token = (issuer: string, basic: string, form: Parameters, headers: Parameters = {}) =>
  post(`${issuer}/token`, basic, form, headers);

/** A form for an endpoint. Throws where it is refused. */
export async function post(url: string, basic: string, form: Parameters, headers: Parameters = {}): Promise<Members> {
  const body = new URLSearchParams(form);
  const response = await fetch(url, { method: "POST", headers: { authorization: basic, ...headers }, body });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Members;
}

/** What works once all workers know of what was made. */
export async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MILLISECONDS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}

export function basicOf({ id, secret }: { readonly id: string; readonly secret: string }): string {
  return `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`;
}

export function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new Error(`expected a text and found ${JSON.stringify(value)}`);
}
