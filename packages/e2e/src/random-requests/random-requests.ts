import { request as sendRequest } from "node:http";
import type { FleetFacts } from "@dex/testing";
import fc from "fast-check";
import { type RandomRequest, randomRequest } from "./requests.ts";
import { type Answer, PATIENCE_MILLISECONDS, wrongWith } from "./verdict.ts";
import { makeWorld, type World } from "./world.ts";

export interface RunOptions {
  readonly requests: number;
  readonly seed: number;
  /** Requests on their way at a time. */
  readonly lanes?: number;
  /** Hears how far the run is, every now and then. */
  readonly say: (line: string) => void;
}

export interface Report {
  readonly requests: number;
  /** How many answers had each status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** What was not refused, by path and grant: how many. */
  readonly accepted: Readonly<Record<string, number>>;
  /** The smallest request of each lane that was answered as none may be, with what is wrong about the answer. */
  readonly violations: readonly { readonly wrong: string; readonly request: RandomRequest }[];
  readonly slowestMilliseconds: number;
}

/** As long as codes, flows and access tokens are any good. */
const REQUESTS_IN_A_WORLD = 10_000;

/**
 * Sends random requests to every endpoint and looks at each answer. Ends early, with the request cut down to what matters,
 * when an answer is one that none may be.
 */
export async function runRandomRequests(
  facts: FleetFacts,
  registrationToken: string,
  { requests, seed, lanes = 8, say }: RunOptions,
): Promise<Report> {
  const statuses: Record<string, number> = {};
  const accepted: Record<string, number> = {};
  const violations: { wrong: string; request: RandomRequest }[] = [];
  let [sent, slowest] = [0, 0];

  async function look(world: World, request: RandomRequest): Promise<boolean> {
    const answer = await send(world.issuer, request, sent).catch((error: unknown) => ({ failed: String(error) }));
    sent += 1;
    if ("failed" in answer) {
      violations.push({ wrong: answer.failed, request });
      return false;
    }
    statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
    if (answer.status < 400) accepted[keyOf(request)] = (accepted[keyOf(request)] ?? 0) + 1;
    slowest = Math.max(slowest, answer.milliseconds);
    const wrong = wrongWith(answer, world);
    if (wrong !== undefined) violations.push({ wrong, request });
    return wrong === undefined;
  }

  async function run(world: World, count: number, laneSeed: number): Promise<void> {
    const property = fc.asyncProperty(randomRequest(world), (request) => look(world, request));
    const before = violations.length;
    const outcome = await fc.check(property, { numRuns: count, seed: laneSeed });
    // Of all that failed while it was being made smaller, the last is the smallest.
    if (outcome.failed) violations.splice(before, violations.length, ...violations.slice(-1));
  }

  for (let begun = 0; begun < requests && violations.length === 0; begun += REQUESTS_IN_A_WORLD) {
    const world = await makeWorld(facts, registrationToken);
    const each = Math.ceil(Math.min(REQUESTS_IN_A_WORLD, requests - begun) / lanes);
    await Promise.all(Array.from({ length: lanes }, (_, lane) => run(world, each, seed + begun * 31 + lane)));
    say(`${sent} requests, ${violations.length} answered as none may be`);
  }
  return { requests: sent, statuses, accepted, violations, slowestMilliseconds: Math.round(slowest) };
}

/** Where it went, without what names somebody or something, and with the grant of a token request. */
function keyOf({ method, path, body }: RandomRequest): string {
  const [place = ""] = path.split("?");
  const grant = place.endsWith("/token") ? ` ${new URLSearchParams(body).get("grant_type")}` : "";
  return `${method} ${place.replace(/\/(?:[0-9a-f-]{36}|https%3A[^/]*)/g, "/*").slice(0, 100)}${grant}`;
}

/**
 * From many addresses of this machine in turn: a throttle would soon answer for all that lies behind it. Each on a connection
 * of its own, since those that were kept would be more than the load balancer takes.
 */
function send(issuer: string, { method, path, headers, body }: RandomRequest, count: number): Promise<Answer> {
  const { hostname, port } = new URL(issuer);
  const localAddress = `127.${1 + (count % 200)}.${(count >> 8) % 250}.7`;
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const request = sendRequest({ hostname, port, method, path, headers, agent: false, localAddress }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const milliseconds = performance.now() - startedAt;
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, milliseconds });
      });
    });
    request.setTimeout(2 * PATIENCE_MILLISECONDS, () => request.destroy(new Error(`no answer: ${method} ${path}`)));
    request.once("error", reject);
    request.end(body);
  });
}
