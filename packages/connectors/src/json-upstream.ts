// JSON over HTTP to one upstream that an operator configured: every call bounded, every answer untrusted.
import type { Clock, JsonObject } from "@dex/runtime";
import type * as z from "zod";
import { makeBoundedFetch, OUTBOUND_LIMITS } from "./bounded-fetch.ts";
import { makeCircuitBreaker } from "./circuit-breaker.ts";
import { invalidAnswer } from "./login-refused.ts";
import type { UpstreamTls } from "./oauth2/config-members.ts";

export interface JsonCall {
  readonly method: "GET" | "POST";
  /** Below the base, with its query: whoever makes it encodes what stands in it. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: JsonObject;
  readonly signal: AbortSignal;
}

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as the schema has it, or undefined when it is something else. */
  read<Body>(schema: z.ZodType<Body>): Body | undefined;
  /** The body as the schema has it. Throws LoginRefused, naming the members, when it is something else. */
  expect<Body>(schema: z.ZodType<Body>): Body;
}

/** Throws UpstreamUnreachable when there is no answer. One of any status is returned. */
export type JsonUpstream = (call: JsonCall) => Promise<JsonAnswer>;

/** Speaks to `base` and to nobody else; `headers` go with every call. */
export function makeJsonUpstream({
  base,
  headers,
  tls,
  clock,
}: {
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: UpstreamTls;
  readonly clock: Clock;
}): JsonUpstream {
  const fetch = makeBoundedFetch({
    trustedOrigin: new URL(base),
    privateAddressesAllowed: false,
    breaker: makeCircuitBreaker(clock),
    limits: OUTBOUND_LIMITS,
    ...tls,
  });
  return async ({ method, path, body, signal, ...call }) => {
    const sent = {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
      ...call.headers,
    };
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await fetch(`${base}${path}`, { method, headers: sent, body: text, signal });
    return toAnswer(path.split("?")[0] ?? "", response, await response.text());
  };
}

function toAnswer(path: string, { status, headers }: Response, text: string): JsonAnswer {
  const parse = <Body>(schema: z.ZodType<Body>) => schema.safeParse(parseJson(text));
  return {
    status,
    headers,
    text,
    read: (schema) => parse(schema).data,
    expect(schema) {
      const parsed = parse(schema);
      if (parsed.success) return parsed.data;
      const members = parsed.error.issues.slice(0, 5).map((issue) => `${issue.path.join(".")}: ${issue.message}`);
      throw invalidAnswer(`${path}: ${members.join("; ")}`.slice(0, 300));
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
