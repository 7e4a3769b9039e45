// What is at a request_uri, OIDC Core §6.2. Anybody can have a registered one looked at, so that is seldom done twice.
import { addSeconds, type FetchDocument } from "@dex/runtime";

/** In characters, which are bytes: a JWT is ASCII. */
export const MAX_REQUEST_OBJECT_LENGTH = 65_536;

export type RequestDocument =
  | { readonly kind: "found"; readonly text: string }
  /** `problem` is for operators. */
  | { readonly kind: "failed"; readonly problem: string };

export interface RequestDocuments {
  /** What is at `uri`, without its fragment; it may be a minute old, unless the fragment is new. Never throws. */
  get(uri: string, now: Date): Promise<RequestDocument>;
}

const KEPT_SECONDS = 60;
const FAILURE_KEPT_SECONDS = 5;
/** With the limit on one of them, what one process spends on all at most. */
const MAX_KEPT = 200;

interface Kept {
  readonly document: Promise<RequestDocument>;
  until: Date;
}

/** Fetches with the bounds of `fetchDocument` (SSR-1); who asks for the same while that runs waits for the same answer. */
export function makeRequestDocuments({ fetchDocument }: { fetchDocument: FetchDocument }): RequestDocuments {
  const kept = new Map<string, Kept>();

  function keep(uri: string, now: Date): Kept {
    const oldest = kept.keys().next();
    if (kept.size >= MAX_KEPT && oldest.done !== true) kept.delete(oldest.value);
    const entry: Kept = { document: read(uri, fetchDocument), until: addSeconds(now, KEPT_SECONDS) };
    kept.delete(uri);
    kept.set(uri, entry);
    return entry;
  }

  return {
    async get(uri, now) {
      const known = kept.get(uri);
      const entry = known !== undefined && known.until > now ? known : keep(uri, now);
      const document = await entry.document;
      const soon = addSeconds(now, FAILURE_KEPT_SECONDS);
      if (document.kind === "failed" && entry.until > soon && entry !== known) entry.until = soon;
      return document;
    },
  };
}

async function read(uri: string, fetchDocument: FetchDocument): Promise<RequestDocument> {
  const [address = ""] = uri.split("#", 1);
  try {
    const { status, body } = await fetchDocument(address);
    if (status !== 200) return { kind: "failed", problem: `request_uri answered with status ${status}` };
    if (body.length > MAX_REQUEST_OBJECT_LENGTH) return { kind: "failed", problem: "the request object is too large" };
    return { kind: "found", text: body.toString("latin1").trim() };
  } catch (error) {
    return { kind: "failed", problem: error instanceof Error ? error.message : "the fetch failed" };
  }
}
