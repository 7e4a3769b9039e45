// Requests that go to one worker of the fleet or another, past the load balancer, and what all of them make of the same one.
import { inject } from "vitest";

const { facts, workerOrigins } = inject("sharedFleet");
const TIMES = 12;

export type Members = Readonly<Record<string, unknown>>;
export interface Answer {
  readonly status: number;
  readonly body: Members;
}
export interface FleetClient {
  readonly id: string;
  /** Empty where it has none. */
  readonly secret: string;
}

/** An address of dex at one worker. */
export const at = (origin: string, path: string) => new URL(new URL(facts.issuer).pathname + path, origin);

/** The Authorization header of a client with a secret, RFC 6749 section 2.3.1. */
export const basic = ({ id, secret }: FleetClient) => ({
  authorization: `Basic ${Buffer.from([id, secret].map(encodeURIComponent).join(":")).toString("base64")}`,
});

/** A form for a worker. The body of the answer is empty where there is none. */
export async function post(
  origin: string,
  path: string,
  form: Members,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const body = new URLSearchParams(form as Record<string, string>);
  const response = await fetch(at(origin, path), { method: "POST", headers, body });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Members) };
}

/** Whether each worker knows these clients, which have secrets or are public: each hears of new ones within two seconds. */
export function knowClients(clients: readonly FleetClient[]): Promise<readonly boolean[]> {
  return Promise.all(
    workerOrigins.flatMap((origin) =>
      clients.map(async (client) => {
        // What is no token of ours is answered like success, so that only the authentication can fail (RFC 7009 section 2.2).
        const form = { token: "unknown", ...(client.secret === "" ? { client_id: client.id } : {}) };
        const headers = client.secret === "" ? undefined : basic(client);
        return (await post(origin, "/revoke", form, headers)).status === 200;
      }),
    ),
  );
}

/** The same request as often at once, by turns at each worker, and once more at each when all have answered. */
export async function replay<T>(send: (origin: string) => Promise<T>): Promise<{ atOnce: T[]; later: T[] }> {
  const turns = Array.from({ length: TIMES }, (_, turn) => workerOrigins[turn % workerOrigins.length] ?? "");
  const atOnce = await Promise.all(turns.map(send));
  return { atOnce, later: await Promise.all(workerOrigins.map(send)) };
}
