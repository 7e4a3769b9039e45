// Clients whose id is the address of the document that describes them, OAuth Client ID Metadata Document: fetched when a person
// is sent here by one, remembered in memory, and stored once a person has allowed it something.
import { isDeepStrictEqual } from "node:util";
import {
  allowsHost,
  type Client,
  type ClientIdPolicy,
  type Clients,
  decideClientIdDocument,
  isClientIdUrl,
  OAuthError,
  parseClientIdUrl,
  type SupportedValues,
  splitDetails,
} from "@dex/oidc";
import { addSeconds, type Clock, type FetchDocument, type FetchedDocument, type Logger } from "@dex/runtime";

const LEAST_SECONDS = 60;
const MOST_SECONDS = 3600;
/** What cannot be had is asked for again soon: somebody may be mending it. */
const FAILURE_SECONDS = 10;
const MAX_KEPT = 1_000;
/** So many documents may one address make a worker fetch. */
const FETCHES = { limit: 30, windowSeconds: 60 };
/** And so many proofs by keys of clients that nobody has allowed anything look at, each of which is remembered. */
const PROOFS = { limit: 60, windowSeconds: 60 };
const MAX_SOURCES = 10_000;

export interface ClientDocuments {
  /** For the steps of a flow that a browser makes: clients with a document by what stands in it, all others as they are stored. */
  readonly clients: Clients;
  /** Throws too_many_requests where looking for the client would make this worker fetch one document too many for this source. */
  admit(clientId: string, source: string, now: Date): void;
  /**
   * The same where a client is to prove by itself who it is. The key is one of its own making, and what was proved with it is
   * kept in the database: until a person has allowed the client something it is limited for the source.
   */
  admitProof(clientId: string, source: string, now: Date): Promise<void>;
  /** Stores a client with a document as it is, where it is not stored so: what it is granted refers to it. */
  keep(client: Client): Promise<void>;
}

export interface ClientDocumentParts {
  readonly policy: ClientIdPolicy;
  /** The clients that are stored, under the same policy. */
  readonly stored: Clients;
  readonly fetchDocument: FetchDocument;
  readonly supported: SupportedValues;
  readonly store: (client: Client, now: Date) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Kept {
  readonly client: Client | undefined;
  readonly until: Date;
}

export function makeClientDocuments(parts: ClientDocumentParts): ClientDocuments {
  const { policy, stored, clock, logger } = parts;
  const good = new Map<string, Kept>();
  // Apart, so that a flood of addresses without a document drives out none of the others.
  const bad = new Map<string, Kept>();
  const running = new Map<string, Promise<Client | undefined>>();
  const countFetch = makeSourceLimit(FETCHES);
  const countProof = makeSourceLimit(PROOFS);

  function addressOf(clientId: string): URL | undefined {
    const url = parseClientIdUrl(clientId, policy);
    return url !== undefined && allowsHost(policy, url) ? url : undefined;
  }

  function remembered(clientId: string, now: Date): Kept | undefined {
    return [good.get(clientId), bad.get(clientId)].find((kept) => kept !== undefined && kept.until > now);
  }

  async function load(url: URL): Promise<Client | undefined> {
    const now = clock();
    try {
      const { document, seconds } = readDocument(await parts.fetchDocument(url.href));
      const decision = decideClientIdDocument(document, { url, policy, supported: parts.supported, now });
      if (decision.kind === "refused") throw new Error(decision.reason);
      remember(good, url.href, { client: decision.client, until: addSeconds(now, seconds) });
      bad.delete(url.href);
      return decision.client;
    } catch (error) {
      const why = error instanceof Error ? error.message : "failed";
      logger.warn("client document not usable", { clientId: url.href, why });
      good.delete(url.href);
      remember(bad, url.href, { client: undefined, until: addSeconds(now, FAILURE_SECONDS) });
      return undefined;
    }
  }

  /** Who asks for the same document at the same time waits for the same answer. */
  function fetched(url: URL): Promise<Client | undefined> {
    const already = running.get(url.href);
    if (already !== undefined) return already;
    const loading = load(url).finally(() => running.delete(url.href));
    running.set(url.href, loading);
    return loading;
  }

  async function find(clientId: string): Promise<Client | undefined> {
    const row = await stored.find(clientId);
    if (!isClientIdUrl(clientId) || row?.dynamic === false) return row; // one that an administrator made under this id
    const url = addressOf(clientId);
    if (url === undefined) return undefined;
    const kept = remembered(clientId, clock());
    const client = kept === undefined ? await fetched(url) : kept.client;
    return client === undefined || row === undefined ? client : withAdministrated(client, row);
  }

  function admit(clientId: string, source: string, now: Date): void {
    if (addressOf(clientId) === undefined || running.has(clientId)) return;
    if (remembered(clientId, now) === undefined) countFetch(source, now);
  }

  return {
    clients: { find },
    admit,
    async admitProof(clientId, source, now) {
      const known = remembered(clientId, now)?.client;
      admit(clientId, source, now);
      if (known === undefined || known.public || (await stored.find(clientId)) !== undefined) return;
      countProof(source, now);
    },
    async keep(client) {
      if (!isClientIdUrl(client.id) || !client.dynamic) return;
      const row = await stored.find(client.id);
      if (row !== undefined && isDeepStrictEqual(describedIn(row), describedIn(client))) return;
      await parts.store(client, clock());
    },
  };
}

/**
 * The stored clients without those whose document's host is not allowed any more: their tokens are worth nothing from then on.
 * That none is stored under an address is not remembered: it is stored in the moment before its code is redeemed, elsewhere.
 */
export function withoutRefusedDocuments(cache: Clients, source: Clients, policy: ClientIdPolicy): Clients {
  return {
    async find(clientId) {
      if (!isClientIdUrl(clientId)) return cache.find(clientId);
      const row = (await cache.find(clientId)) ?? (await source.find(clientId));
      if (row?.dynamic !== true) return row;
      const url = parseClientIdUrl(clientId, policy);
      return url !== undefined && allowsHost(policy, url) ? row : undefined;
    },
  };
}

function readDocument({ status, contentType, cacheControl, body }: FetchedDocument): {
  readonly document: unknown;
  readonly seconds: number;
} {
  if (status !== 200) throw new Error(`status ${status}`);
  if (!/^application\/(?:[a-z0-9.-]+\+)?json$/.test(contentType)) throw new Error(`content type ${contentType}`);
  return { document: JSON.parse(body.toString("utf8")), seconds: lifetimeOf(cacheControl ?? "") };
}

/** RFC 9111 §5.2.2, within bounds: a document that may not be kept still serves the flow that it was fetched for. */
function lifetimeOf(cacheControl: string): number {
  const age = /(?:^|[\s,])max-age="?(\d{1,9})/i.exec(cacheControl)?.[1];
  if (age === undefined || /no-(?:store|cache)/i.test(cacheControl)) return LEAST_SECONDS;
  return Math.min(MOST_SECONDS, Math.max(LEAST_SECONDS, Number(age)));
}

/** What an administrator set of the stored client stays. */
function withAdministrated(client: Client, { details, allowedConnectors, trustedPeers, createdAt }: Client): Client {
  return {
    ...client,
    details: { ...client.details, ...splitDetails(details).administrated },
    allowedConnectors,
    trustedPeers,
    createdAt,
  };
}

function describedIn(client: Client) {
  const { name, logoUri, clientUri, redirectUris, grantTypes, scopes, idTokenSigningAlgorithm, details } = client;
  const described = { name, logoUri, clientUri, redirectUris, grantTypes, scopes, idTokenSigningAlgorithm, details };
  return { ...described, public: client.public };
}

function remember(entries: Map<string, Kept>, id: string, kept: Kept): void {
  entries.delete(id);
  entries.set(id, kept);
  const oldest = entries.keys().next();
  if (entries.size > MAX_KEPT && oldest.done !== true) entries.delete(oldest.value);
}

/** In memory: nobody who is not signed in writes to the database, and a fleet's sum is limit enough. */
function makeSourceLimit({ limit, windowSeconds }: typeof FETCHES): (source: string, now: Date) => void {
  const counts = new Map<string, { times: number; readonly endsAt: Date }>();
  return (source, now) => {
    const found = counts.get(source);
    const count =
      found !== undefined && found.endsAt > now ? found : { times: 0, endsAt: addSeconds(now, windowSeconds) };
    count.times += 1;
    counts.delete(source);
    counts.set(source, count);
    const oldest = counts.keys().next();
    if (counts.size > MAX_SOURCES && oldest.done !== true) counts.delete(oldest.value);
    if (count.times <= limit) return;
    const retryAfterSeconds = Math.max(1, Math.ceil((count.endsAt.getTime() - now.getTime()) / 1000));
    throw new OAuthError("too_many_requests", "too many applications were asked about", { retryAfterSeconds });
  };
}
