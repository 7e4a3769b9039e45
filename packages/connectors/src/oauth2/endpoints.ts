// Where a provider's endpoints are: known, or asked for when first needed (RFC 8414), kept for an hour, and used for a day
// when they cannot be asked for again.
import type { Clock } from "@dex/runtime";
import * as z from "zod";
import type { BoundedFetch } from "../bounded-fetch.ts";
import { unavailable } from "../login-refused.ts";
import { isEndpointUrl } from "./config-members.ts";
import type { OAuth2Endpoints, OAuth2Provider } from "./provider.ts";

const FRESH_MILLISECONDS = 3_600_000;
const STALE_MILLISECONDS = 86_400_000;

/** Callers at the same moment share one request. Throws LoginRefused or UpstreamUnreachable. */
export type FindEndpoints = () => Promise<OAuth2Endpoints>;

export function makeFindEndpoints(provider: OAuth2Provider, fetch: BoundedFetch, clock: Clock): FindEndpoints {
  if (provider.endpoints === undefined) return async () => provider;
  const { endpoints } = provider;
  let known: { readonly found: OAuth2Endpoints; readonly at: number } | undefined;
  let running: Promise<OAuth2Endpoints> | undefined;

  async function renew(): Promise<OAuth2Endpoints> {
    const found = await endpoints(fetch);
    known = { found, at: clock().getTime() };
    return found;
  }

  return async () => {
    const before = known;
    const age = before === undefined ? Number.POSITIVE_INFINITY : clock().getTime() - before.at;
    if (before !== undefined && age < FRESH_MILLISECONDS) return before.found;
    running ??= renew().finally(() => {
      running = undefined;
    });
    try {
      return await running;
    } catch (error) {
      if (before !== undefined && age < STALE_MILLISECONDS) return before.found;
      throw error;
    }
  };
}

const endpoint = z.string().max(2048).refine(isEndpointUrl, "expected an https URL");
const metadataSchema = z.object({
  issuer: z.string().max(2048),
  authorization_endpoint: endpoint,
  token_endpoint: endpoint,
});

/** Reads a server's metadata (RFC 8414 §3.2). Where `issuer` is given, the document must name it (§3.3, MIX-1). */
export async function discoverEndpoints(fetch: BoundedFetch, url: string, issuer?: string): Promise<OAuth2Endpoints> {
  const response = await fetch(url, { method: "GET", headers: { accept: "application/json" } });
  if (response.status !== 200) throw unavailable(`discovery: status ${response.status}`);
  const parsed = metadataSchema.safeParse(parseJson(await response.text()));
  if (!parsed.success) {
    const members = parsed.error.issues.map(({ path }) => path.join(".")).join(", ");
    throw unavailable(`discovery: unusable members: ${members}`);
  }
  const { data } = parsed;
  if (issuer !== undefined && data.issuer !== issuer) throw unavailable("discovery: the issuer is another one");
  return {
    authorizationEndpoint: data.authorization_endpoint,
    tokenEndpoint: data.token_endpoint,
    issuer: data.issuer,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
