// When each secret, key and certificate of a client was used last, to the day: noted in memory on the hot path, and written down
// beside it. So the token endpoint needs no statement for it, and each worker writes once a day for each, however often it is used.
import type { NoteKeyUse, NoteSecretUse } from "@dex/oidc";
import { describeError, type Logger } from "@dex/runtime";

export interface CredentialUse {
  readonly clientId: string;
  readonly credentialId: string;
  /** As YYYY-MM-DD, in UTC. */
  readonly day: string;
}

export interface CredentialUses {
  readonly note: NoteSecretUse & NoteKeyUse;
  /** Writes down what was noted. Throws when the database is away; then it is still noted. */
  flush(): Promise<void>;
  /** Flushes every minute until closed; failures are logged once and ended by a line when it works again. */
  start(): void;
  /** Flushes for the last time. */
  close(): Promise<void>;
}

const FLUSH_MILLISECONDS = 60_000;
const MAX_BATCH = 1_000;
/** Credentials that are remembered as written today, or wait to be. Those beyond are written more than once a day, or later. */
const MAX_REMEMBERED = 20_000;

export function makeCredentialUses(parts: {
  /** Of which kind they are, for operators. */
  what: "client secrets" | "client keys";
  record: (uses: readonly CredentialUse[]) => Promise<void>;
  logger: Logger;
}): CredentialUses {
  const { what, record, logger } = parts;
  const waiting = new Map<string, CredentialUse>();
  const written = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;
  let reachable = true;

  async function flush(): Promise<void> {
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, MAX_BATCH);
      await record(batch.map(([, use]) => use));
      for (const [key, use] of batch) {
        if (written.size >= MAX_REMEMBERED) written.clear();
        written.set(key, use.day);
        if (waiting.get(key) === use) waiting.delete(key);
      }
    }
  }

  async function tryToFlush(): Promise<void> {
    try {
      await flush();
      if (!reachable) logger.info(`uses of ${what} are written down again`);
      reachable = true;
    } catch (error) {
      if (reachable) logger.warn(`uses of ${what} cannot be written down`, describeError(error));
      reachable = false;
    }
  }

  async function tick(): Promise<void> {
    await tryToFlush();
    if (timer !== undefined) timer = setTimeout(() => void tick(), FLUSH_MILLISECONDS);
  }

  return {
    note(clientId, credentialId, now) {
      const key = JSON.stringify([clientId, credentialId]);
      const day = now.toISOString().slice(0, 10);
      if (written.get(key) === day || waiting.get(key)?.day === day || waiting.size >= MAX_REMEMBERED) return;
      waiting.set(key, { clientId, credentialId, day });
    },
    flush,
    start() {
      timer = setTimeout(() => void tick(), FLUSH_MILLISECONDS);
    },
    async close() {
      clearTimeout(timer);
      timer = undefined;
      await tryToFlush();
    },
  };
}
