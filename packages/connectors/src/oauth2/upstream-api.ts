// Reads what an access token gives access to: JSON from one origin, in pages where it is long.
import type { Json } from "@dex/runtime";
import * as z from "zod";
import type { BoundedFetch } from "../bounded-fetch.ts";
import type { MappingTrace } from "../connector-kind.ts";
import { invalidAnswer, LoginRefused } from "../login-refused.ts";
import { retryLostGet } from "../lost-request.ts";

/** A list that is longer than this is no list of one person's addresses, groups or teams. */
const MAX_PAGES = 50;
/** Of all answers together, so that many large pages do not add up. */
const MAX_TOTAL_BYTES = 8_388_608;

export interface ApiAnswer<Body> {
  readonly body: Body;
  readonly headers: Headers;
}

/** Throws LoginRefused or UpstreamUnreachable when there is no answer that `schema` accepts. */
export interface UpstreamApi {
  get<Body>(url: string, schema: z.ZodType<Body>): Promise<ApiAnswer<Body>>;
  /** Asks with a JSON body. Never sent twice. */
  post<Body>(url: string, body: Json, schema: z.ZodType<Body>): Promise<ApiAnswer<Body>>;
  /** All pages of a list, each as its schema made it. `nextOf` names the next page, if there is one. */
  pages<Body>(
    first: string,
    schema: z.ZodType<Body>,
    nextOf: (answer: ApiAnswer<Body>) => string | undefined,
  ): Promise<readonly Body[]>;
  /** The status alone, for questions that are answered by it. One that only says "not now" is thrown as unavailable. */
  status(url: string): Promise<number>;
}

/**
 * Presents `accessToken` to `origin` and to nobody else: a next page on another host is an error, not a request. `signal`
 * ends everything, so that many pages cannot take longer than one login may. A GET that got lost is sent once more, one
 * of all that are sent.
 */
export function makeUpstreamApi(parts: {
  readonly fetch: BoundedFetch;
  readonly origin: string;
  readonly accessToken: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly trace?: ((event: MappingTrace) => void) | undefined;
}): UpstreamApi {
  const { fetch, origin, signal, trace } = parts;
  const headers = { accept: "application/json", ...parts.headers, authorization: `Bearer ${parts.accessToken}` };
  let retries = 0;
  const fetchAgain = retryLostGet(fetch, () => {
    retries += 1;
    return retries === 1;
  });
  let bytes = 0;

  async function send(url: string): Promise<Response> {
    if (URL.parse(url)?.origin !== origin) throw invalidAnswer("the next page is on another host");
    return fetchAgain(url, { method: "GET", headers, signal });
  }

  async function read<Body>(url: string, response: Response, schema: z.ZodType<Body>): Promise<ApiAnswer<Body>> {
    const { pathname } = new URL(url);
    const text = await response.text();
    bytes += text.length;
    if (bytes > MAX_TOTAL_BYTES) throw invalidAnswer("the answers together are too long");
    if (response.status !== 200) throw refusalOf(pathname, response, text);
    const claims = parseJson(text);
    trace?.({ kind: "claims", source: pathname, claims });
    const parsed = schema.safeParse(claims);
    if (parsed.success) return { body: parsed.data, headers: response.headers };
    const members = parsed.error.issues.slice(0, 5).map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw invalidAnswer(`${pathname}: ${members.join("; ")}`.slice(0, 300));
  }

  const get = async <Body>(url: string, schema: z.ZodType<Body>) => read(url, await send(url), schema);

  return {
    get,
    async post(url, body, schema) {
      if (URL.parse(url)?.origin !== origin) throw invalidAnswer("the address is on another host");
      const withType = { ...headers, "content-type": "application/json" };
      const request = { method: "POST", headers: withType, body: JSON.stringify(body), signal };
      return read(url, await fetch(url, request), schema);
    },
    async pages(first, schema, nextOf) {
      const seen = new Set<string>();
      const bodies = [];
      for (let url: string | undefined = first; url !== undefined; ) {
        if (seen.has(url) || seen.size >= MAX_PAGES) throw invalidAnswer("the list does not end");
        seen.add(url);
        const answer: ApiAnswer<z.infer<typeof schema>> = await get(url, schema);
        bodies.push(answer.body);
        url = nextOf(answer);
      }
      return bodies;
    },
    async status(url) {
      const response = await send(url);
      if (isNotNow(response)) throw refusalOf(new URL(url).pathname, response, await response.text());
      return response.status;
    },
  };
}

/** RFC 8288 §3: the target of the link with rel="next". */
export function nextLink({ headers }: ApiAnswer<unknown>): string | undefined {
  for (const [, target, parameters = ""] of (headers.get("link") ?? "").matchAll(/<([^<>]*)>([^<]*)/g)) {
    if (/;\s*rel\s*=\s*(?:"(?:[^"]* )?next(?: [^"]*)?"|next\b)/i.test(parameters)) return target;
  }
  return undefined;
}

/** The server answered with another status than 200. `notNow`: it may answer otherwise later. */
export class StatusRefused extends LoginRefused {
  readonly status: number;
  constructor(status: number, detail: string, notNow: boolean) {
    super(notNow ? { kind: "unavailable", detail } : { kind: "refused", reason: "invalid answer", detail });
    this.status = status;
  }
}

/** A server in trouble, or one that we asked too often: GitHub says that with 403 (RFC 6585 §4 has 429 for it). */
export function isNotNow({ status, headers }: Response): boolean {
  const throttled = headers.has("retry-after") || headers.get("x-ratelimit-remaining") === "0";
  return status >= 500 || status === 429 || (status === 403 && throttled);
}

const word = z.string().optional().catch(undefined);
// Facebook's error is an object.
const errorObject = z.object({ message: word, type: word, is_transient: z.boolean().optional().catch(undefined) });
const errorBody = z.object({
  message: word,
  error: z.union([z.string(), errorObject]).optional().catch(undefined),
  error_description: word,
});

function refusalOf(pathname: string, response: Response, text: string): StatusRefused {
  const parsed = errorBody.safeParse(parseJson(text));
  const said: z.infer<typeof errorBody> = parsed.success ? parsed.data : {};
  const { error } = said;
  const inner = typeof error === "object" ? error : undefined;
  const words = [
    typeof error === "string" ? error : error?.type,
    said.error_description ?? said.message ?? inner?.message,
  ];
  const quoted = words.filter((one) => one !== undefined).map((one) => JSON.stringify(one.slice(0, 200)));
  const detail = `${pathname}: ${["status", String(response.status), ...quoted].join(" ")}`;
  return new StatusRefused(response.status, detail, isNotNow(response) || inner?.is_transient === true);
}

/** Undefined for what is no JSON. An integer too long for a number becomes the text of its digits: it is somebody's id. */
function parseJson(text: string): unknown {
  const exact = (_name: string, value: unknown, { source = "" }: { readonly source?: string }): unknown =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^\d{16,32}$/.test(source) ? source : value;
  try {
    return JSON.parse(text, exact as (name: string, value: unknown) => unknown);
  } catch {
    return undefined;
  }
}
