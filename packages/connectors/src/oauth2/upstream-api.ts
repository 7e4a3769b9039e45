// Reads what an access token gives access to: JSON from one origin, in pages where it is long.
import * as z from "zod";
import type { BoundedFetch } from "../bounded-fetch.ts";
import { invalidAnswer, unavailable } from "../login-refused.ts";

/** A list that is longer than this is no list of one person's addresses, groups or teams. */
const MAX_PAGES = 50;

export interface ApiAnswer<Body> {
  readonly body: Body;
  readonly headers: Headers;
}

/** Throws LoginRefused or UpstreamUnreachable when there is no answer that `schema` accepts. */
export interface UpstreamApi {
  get<Body>(url: string, schema: z.ZodType<Body>): Promise<ApiAnswer<Body>>;
  /** All pages of a list, each as its schema made it. `nextOf` names the next page, if there is one. */
  pages<Body>(
    first: string,
    schema: z.ZodType<Body>,
    nextOf: (answer: ApiAnswer<Body>) => string | undefined,
  ): Promise<readonly Body[]>;
  /** The status alone, for questions that are answered by it. */
  status(url: string): Promise<number>;
}

/**
 * Presents `accessToken` to `origin` and to nobody else: a next page on another host is an error, not a request. `signal`
 * ends everything, so that many pages cannot take longer than one login may.
 */
export function makeUpstreamApi(parts: {
  readonly fetch: BoundedFetch;
  readonly origin: string;
  readonly accessToken: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}): UpstreamApi {
  const { fetch, origin, signal } = parts;
  const headers = { accept: "application/json", ...parts.headers, authorization: `Bearer ${parts.accessToken}` };

  async function send(url: string): Promise<Response> {
    if (URL.parse(url)?.origin !== origin) throw invalidAnswer("the next page is on another host");
    return fetch(url, { method: "GET", headers, signal });
  }

  async function get<Body>(url: string, schema: z.ZodType<Body>): Promise<ApiAnswer<Body>> {
    const response = await send(url);
    const { pathname } = new URL(url);
    const text = await response.text();
    if (response.status !== 200) throw refusalOf(pathname, response.status, text);
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return { body: parsed.data, headers: response.headers };
    const members = parsed.error.issues.slice(0, 5).map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw invalidAnswer(`${pathname}: ${members.join("; ")}`.slice(0, 300));
  }

  return {
    get,
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
      return (await send(url)).status;
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

const errorBody = z.object({
  message: z.string().optional().catch(undefined),
  error: z.string().optional().catch(undefined),
  error_description: z.string().optional().catch(undefined),
});

function refusalOf(pathname: string, status: number, text: string) {
  const said = errorBody.safeParse(parseJson(text));
  const words = said.success ? [said.data.error, said.data.error_description ?? said.data.message] : [];
  const quoted = words.filter((word) => word !== undefined).map((word) => JSON.stringify(word.slice(0, 200)));
  const detail = `${pathname}: ${["status", String(status), ...quoted].join(" ")}`;
  return status >= 500 || status === 429 ? unavailable(detail) : invalidAnswer(detail);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
