// Where a client's public keys come from: `jwks`, or what is behind `jwks_uri` (OIDC Core §10.1, RFC 7591 §2).
import { addSeconds, type FetchDocument, type JsonObject } from "@dex/runtime";
import { z } from "zod";
import type { ClientDetails } from "../clients/client-details.ts";

/** The keys a client has now. `problem` is for operators: why there are no newer ones. */
export interface FoundKeys {
  readonly keys: readonly JsonObject[];
  readonly problem: string | undefined;
}

export interface ClientKeySets {
  /**
   * The client's keys. Those behind a jwks_uri are kept for ten minutes, and fetched again before when `suffices` says that
   * what is sought is not among them: at most once in five seconds, whoever asks (JWT-4). When they cannot be fetched, those
   * of the last hour stay good. Never throws for what the client did.
   */
  find(details: ClientDetails, suffices: (keys: readonly JsonObject[]) => boolean, now: Date): Promise<FoundKeys>;
}

const FRESH_SECONDS = 600;
/** Not longer: a client withdraws a stolen key by no longer publishing it. */
const STALE_SECONDS = 3600;
const FETCH_AT_MOST_EVERY_SECONDS = 5;
/** What one process remembers at most; the address that was asked for longest ago is forgotten first. */
const MAX_KEPT = 1000;
const MAX_KEYS = 50;

const keySet = z.object({ keys: z.array(z.record(z.string(), z.json())).max(MAX_KEYS) });

interface Kept {
  keys: readonly JsonObject[];
  fetchedAt: Date | undefined;
  triedAt: Date | undefined;
  problem: string | undefined;
  /** The fetch that is under way, which all who come meanwhile wait for. */
  running: Promise<void> | undefined;
}

export function makeClientKeySets({ fetchDocument }: { fetchDocument: FetchDocument }): ClientKeySets {
  const kept = new Map<string, Kept>();

  function entryOf(uri: string): Kept {
    const known = kept.get(uri);
    const entry = known ?? {
      keys: [],
      fetchedAt: undefined,
      triedAt: undefined,
      problem: undefined,
      running: undefined,
    };
    kept.delete(uri);
    const oldest = kept.keys().next();
    if (kept.size >= MAX_KEPT && oldest.done !== true) kept.delete(oldest.value);
    kept.set(uri, entry);
    return entry;
  }

  async function fetchInto(entry: Kept, uri: string, now: Date): Promise<void> {
    try {
      entry.keys = parseKeySet(await fetchDocument(uri));
      entry.fetchedAt = now;
      entry.problem = undefined;
    } catch (error) {
      entry.problem = error instanceof Error ? error.message : "the fetch failed";
      if (!isWithin(entry.fetchedAt, STALE_SECONDS, now)) entry.keys = [];
    }
  }

  return {
    async find({ jwks, jwks_uri: uri }, suffices, now) {
      if (jwks !== undefined) return { keys: jwks.keys, problem: undefined };
      if (uri === undefined) return { keys: [], problem: undefined };
      const entry = entryOf(uri);
      const good = isWithin(entry.fetchedAt, FRESH_SECONDS, now) && suffices(entry.keys);
      if (!good && entry.running === undefined && !isWithin(entry.triedAt, FETCH_AT_MOST_EVERY_SECONDS, now)) {
        entry.triedAt = now;
        entry.running = fetchInto(entry, uri, now).finally(() => {
          entry.running = undefined;
        });
      }
      // While the address is out of order nobody waits for it who can do without.
      const goodEnough = entry.problem !== undefined && isWithin(entry.fetchedAt, STALE_SECONDS, now);
      if (!good && !(goodEnough && suffices(entry.keys))) await entry.running;
      return { keys: entry.keys, problem: entry.problem };
    },
  };
}

function parseKeySet({ status, body }: { readonly status: number; readonly body: Buffer }): readonly JsonObject[] {
  if (status !== 200) throw new Error(`jwks_uri answered with status ${status}`);
  let document: unknown;
  try {
    document = JSON.parse(body.toString());
  } catch {
    throw new Error("jwks_uri did not answer with JSON");
  }
  const parsed = keySet.safeParse(document);
  if (!parsed.success) throw new Error("jwks_uri did not answer with a key set");
  return parsed.data.keys;
}

function isWithin(since: Date | undefined, seconds: number, now: Date): boolean {
  return since !== undefined && now < addSeconds(since, seconds);
}
