// What the visitors saw, to be compared with what is stored and with what the mail server accepted.
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "@dex/testing";

export interface Ledger {
  /** Addresses whose registration was answered with 200: each must get its mail. */
  readonly registered: Set<string>;
  /** Addresses whose owner has signed in with the account. */
  readonly signedIn: Set<string>;
  readonly resets: { done: number };
  /** How many answers had each status. */
  readonly statuses: Map<number, number>;
  /** Everything that must not happen. */
  readonly violations: string[];
  /** Notes the answer and, while it is a 503, comes again as it was told to. Any other 5xx is a violation. */
  patiently(what: string, ask: () => Promise<Page>): Promise<Page>;
}

const MAX_TRIES = 60;

export function openLedger(): Ledger {
  const statuses = new Map<number, number>();
  const violations: string[] = [];

  async function patiently(what: string, ask: () => Promise<Page>): Promise<Page> {
    for (let tries = 1; ; tries++) {
      const page = await ask();
      statuses.set(page.status, (statuses.get(page.status) ?? 0) + 1);
      if (page.status < 500) return page;
      const retryAfter = Number(page.headers.get("retry-after"));
      if (page.status !== 503 || !(retryAfter > 0)) {
        violations.push(`${what} was answered with ${page.status}, Retry-After ${page.headers.get("retry-after")}`);
      }
      if (tries === MAX_TRIES) throw new Error(`${what}: still ${page.status} after ${MAX_TRIES} tries`);
      await sleep(Math.max(1, retryAfter || 1) * 1000);
    }
  }
  return { registered: new Set(), signedIn: new Set(), resets: { done: 0 }, statuses, violations, patiently };
}
