import type { Client, Clients } from "@dex/oidc";

const MAX_ENTRIES = 10_000;
const MAX_ID_LENGTH = 255;

export interface ClientCache extends Clients {
  /** Whether any client has a redirect URI of this origin (NET-7). */
  isClientOrigin(origin: string): Promise<boolean>;
  /** Forgets everything: some client changed. */
  clear(): void;
}

/** Remembers clients, and that an id is unknown, until the change watcher says that some client changed. */
export function makeClientCache(
  source: Clients & { originIsRegistered(origin: string): Promise<boolean> },
): ClientCache {
  let clients = new Map<string, Promise<Client | undefined>>();
  let origins = new Map<string, Promise<boolean>>();
  return {
    async find(clientId) {
      if (clientId.length > MAX_ID_LENGTH) return undefined;
      return remember(clients, clientId, () => source.find(clientId));
    },
    isClientOrigin: (origin) => remember(origins, origin, () => source.originIsRegistered(origin)),
    clear() {
      // New maps: an answer that is still on its way lands in the old ones.
      clients = new Map();
      origins = new Map();
    },
  };
}

// Callers that ask at the same time share one read. When the cache is full, the oldest entry goes: a flood of unknown ids
// costs reads, never memory.
function remember<T>(entries: Map<string, Promise<T>>, key: string, read: () => Promise<T>): Promise<T> {
  const known = entries.get(key);
  if (known !== undefined) return known;
  const reading = read();
  entries.set(key, reading);
  reading.catch(() => entries.delete(key));
  if (entries.size > MAX_ENTRIES) {
    const oldest = entries.keys().next();
    if (!oldest.done) entries.delete(oldest.value);
  }
  return reading;
}
