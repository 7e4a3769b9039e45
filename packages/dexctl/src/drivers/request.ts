import { Failure } from "../failure.ts";

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** An HTTP answer, read to its end. */
export interface Answer {
  /** Scheme, host and path of what was asked, for messages. */
  readonly from: string;
  readonly status: number;
  /** The JSON in the body; undefined when there is none. */
  readonly body: unknown;
}

/**
 * One request. Redirects are not followed: they would carry credentials to somebody else. Throws a Failure when nothing
 * is reached, when the answer is late or larger than 16 MiB.
 */
export async function request(url: string, init: RequestInit): Promise<Answer> {
  const { origin, pathname } = new URL(url);
  const from = `${origin}${pathname}`;
  try {
    const response = await fetch(url, { ...init, redirect: "manual" });
    return { from, status: response.status, body: parseJson(await readBounded(response, from)) };
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure("refused", `cannot reach ${from}: ${whyUnreachable(cause)}`, { cause });
  }
}

async function readBounded(response: Response, from: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Failure("refused", `${from} answered with more than 16 MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const CONNECTION_PROBLEMS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused; is a dex-worker running there?",
  ENOTFOUND: "the host name is unknown",
  EAI_AGAIN: "the host name could not be resolved",
  ECONNRESET: "the connection was cut",
  EHOSTUNREACH: "there is no way to this host",
  ENETUNREACH: "there is no way to this network",
  UND_ERR_SOCKET: "the connection was cut",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed; trust it with NODE_EXTRA_CA_CERTS",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate comes from an unknown authority; trust it with NODE_EXTRA_CA_CERTS",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate comes from an unknown authority; trust it with NODE_EXTRA_CA_CERTS",
  CERT_HAS_EXPIRED: "its certificate has expired",
};

function whyUnreachable(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") return "no answer in time";
  const code = findCode(error);
  if (code === undefined) return "the request failed";
  return CONNECTION_PROBLEMS[code] ?? `the request failed (${code})`;
}

// fetch hides the system's code in the causes of its error; a host with several addresses has one cause for each.
function findCode(error: unknown): string | undefined {
  for (let cause: unknown = error, depth = 0; cause instanceof Error && depth < 8; depth++) {
    const code: unknown = "code" in cause ? cause.code : undefined;
    if (typeof code === "string") return code;
    cause = cause instanceof AggregateError ? cause.errors[0] : cause.cause;
  }
  return undefined;
}
