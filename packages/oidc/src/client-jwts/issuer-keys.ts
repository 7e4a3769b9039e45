// The keys of issuers that an administrator trusts: given, behind an address, or where OpenID Connect Discovery §4 says.
import { addSeconds, type FetchDocument } from "@dex/runtime";
import { z } from "zod";
import type { TrustedIssuer } from "../clients/trusted-issuers.ts";
import type { ClientKeySets, FoundKeys } from "./client-key-sets.ts";

export interface IssuerKeys {
  /** As ClientKeySets.find. Never throws for what the issuer did. */
  find(issuer: TrustedIssuer, suffices: Parameters<ClientKeySets["find"]>[1], now: Date): Promise<FoundKeys>;
}

const FRESH_SECONDS = 3600;
const FETCH_AT_MOST_EVERY_SECONDS = 5;
/** The issuer that was asked for longest ago is forgotten first. */
const MAX_KEPT = 1000;

const metadata = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }).max(1000) });

interface Known {
  jwksUri: string | undefined;
  problem: string | undefined;
  askAgainAt: Date;
  running: Promise<void> | undefined;
}

export function makeIssuerKeys(parts: { keySets: ClientKeySets; fetchDocument: FetchDocument }): IssuerKeys {
  const { keySets, fetchDocument } = parts;
  const kept = new Map<string, Known>();

  function entryOf(issuer: string, now: Date): Known {
    const entry = kept.get(issuer) ?? { jwksUri: undefined, problem: undefined, askAgainAt: now, running: undefined };
    kept.delete(issuer);
    const oldest = kept.keys().next();
    if (kept.size >= MAX_KEPT && oldest.done !== true) kept.delete(oldest.value);
    kept.set(issuer, entry);
    return entry;
  }

  async function ask(entry: Known, issuer: string, now: Date): Promise<void> {
    try {
      entry.jwksUri = await discover(issuer, fetchDocument);
      entry.problem = undefined;
      entry.askAgainAt = addSeconds(now, FRESH_SECONDS);
    } catch (error) {
      // The address that it had stays good meanwhile: the keys behind it have an end of their own.
      entry.problem = error instanceof Error ? error.message : "the fetch failed";
      entry.askAgainAt = addSeconds(now, FETCH_AT_MOST_EVERY_SECONDS);
    }
  }

  return {
    async find({ issuer, jwks, jwks_uri: uri }, suffices, now) {
      if (jwks !== undefined || uri !== undefined) return keySets.find({ jwks, jwks_uri: uri }, suffices, now);
      const entry = entryOf(issuer, now);
      if (entry.running === undefined && entry.askAgainAt <= now) {
        entry.running = ask(entry, issuer, now).finally(() => {
          entry.running = undefined;
        });
      }
      if (entry.jwksUri === undefined) await entry.running;
      if (entry.jwksUri === undefined) return { keys: [], problem: entry.problem };
      return keySets.find({ jwks_uri: entry.jwksUri }, suffices, now);
    },
  };
}

async function discover(issuer: string, fetchDocument: FetchDocument): Promise<string> {
  const { status, body } = await fetchDocument(`${issuer.replace(/\/+$/, "")}/.well-known/openid-configuration`);
  if (status !== 200) throw new Error(`discovery answered with status ${status}`);
  const parsed = metadata.safeParse(parseJson(body));
  // OIDC Discovery §4.3: who answers for another issuer is not this one.
  if (!parsed.success || parsed.data.issuer !== issuer)
    throw new Error("discovery did not answer with this issuer's metadata");
  return parsed.data.jwks_uri;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new Error("discovery did not answer with JSON");
  }
}
