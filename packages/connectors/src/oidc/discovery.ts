// The upstream's metadata (OIDC Discovery §4): fetched when first needed, kept for an hour, asked again with growing
// pauses while it fails, and used for a day when it cannot be renewed (OAU-2).
import { type Clock, isLoopback, type Logger } from "@dex/runtime";
import * as z from "zod";
import { type BoundedFetch, UpstreamUnreachable } from "../bounded-fetch.ts";
import type { DiscoveryOverrides } from "./settings.ts";

const FRESH_MILLISECONDS = 3_600_000;
const STALE_MILLISECONDS = 86_400_000;
const FIRST_PAUSE_MILLISECONDS = 1_000;
const LAST_PAUSE_MILLISECONDS = 60_000;

/** RFC 7518 §3.1: signatures by keys we do not share. `none` and the HMACs would let others sign (JWTBCP §3.1). */
const SIGNING_ALGORITHMS: ReadonlySet<string> = new Set(
  "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" "),
);

const names = z.array(z.string().max(255)).max(200);
const metadataSchema = z.object({
  issuer: z.string().max(2048),
  authorization_endpoint: z.string().max(2048),
  token_endpoint: z.string().max(2048),
  jwks_uri: z.string().max(2048),
  userinfo_endpoint: z.string().max(2048).exactOptional(),
  id_token_signing_alg_values_supported: names.exactOptional(),
  token_endpoint_auth_methods_supported: names.exactOptional(),
  end_session_endpoint: z.string().max(2048).exactOptional(),
  introspection_endpoint: z.string().max(2048).exactOptional(),
  authorization_response_iss_parameter_supported: z.boolean().exactOptional(),
});

export type UpstreamMetadata = z.infer<typeof metadataSchema>;
export type Discovered =
  | { readonly kind: "metadata"; readonly metadata: UpstreamMetadata }
  | { readonly kind: "unavailable"; readonly detail: string };

export interface Discovery {
  /** The metadata at `now`. Callers at the same moment share one request. */
  metadata(): Promise<Discovered>;
}

/** What the operator says in place of the upstream. */
export interface DiscoveryCorrections {
  readonly issuerAlias: string | undefined;
  readonly discoveryOverrides: DiscoveryOverrides;
}

export function makeDiscovery(parts: {
  readonly issuer: string;
  readonly corrections?: DiscoveryCorrections;
  readonly connectorId: string;
  readonly fetch: BoundedFetch;
  readonly clock: Clock;
  readonly logger: Logger;
}): Discovery {
  const { issuer, corrections, connectorId, fetch, clock, logger } = parts;
  let known: { readonly metadata: UpstreamMetadata; readonly at: number } | undefined;
  let failed: { readonly detail: string; readonly again: number; readonly pause: number } | undefined;
  let running: Promise<void> | undefined;

  async function renew(): Promise<void> {
    const began = clock().getTime();
    const result = await discover(issuer, fetch, corrections);
    const now = clock().getTime();
    if (result.kind === "metadata") {
      known = { metadata: result.metadata, at: now };
      failed = undefined;
      return;
    }
    const doubled = Math.min((failed?.pause ?? FIRST_PAUSE_MILLISECONDS / 2) * 2, LAST_PAUSE_MILLISECONDS);
    // People wait for as long as a try takes: they are told at once for at least as long afterwards.
    const pause = Math.max(doubled, now - began);
    failed = { detail: result.detail, again: now + pause, pause };
    logger.warn("discovery failed", { connectorId, issuer, detail: result.detail, pauseSeconds: pause / 1000 });
  }

  return {
    async metadata() {
      const now = clock().getTime();
      const fresh = known !== undefined && now < known.at + FRESH_MILLISECONDS;
      if (!fresh && (failed === undefined || now >= failed.again)) {
        running ??= renew().finally(() => {
          running = undefined;
        });
        await running;
      }
      if (known !== undefined && clock().getTime() < known.at + STALE_MILLISECONDS) {
        return { kind: "metadata", metadata: known.metadata };
      }
      return { kind: "unavailable", detail: failed?.detail ?? "discovery has not succeeded" };
    },
  };
}

/** OIDC Discovery §4.1: a trailing slash of the issuer is left out. */
export function discoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
}

async function discover(
  issuer: string,
  fetch: BoundedFetch,
  corrections: DiscoveryCorrections | undefined,
): Promise<Discovered> {
  const url = new URL(issuer);
  // Only an operator's own choice of a plain http issuer on this machine permits plain http at all.
  const insecure = url.protocol === "http:" && isLoopback(url);
  try {
    const response = await fetch(discoveryUrl(issuer), { method: "GET", headers: { accept: "application/json" } });
    if (response.status !== 200) return { kind: "unavailable", detail: `discovery: status ${response.status}` };
    return checkMetadata(await response.json(), issuer, insecure, corrections);
  } catch (error) {
    return { kind: "unavailable", detail: `discovery: ${describeDiscoveryError(error)}` };
  }
}

/** Pure. The metadata reduced to what we use, or what is wrong with it. */
export function checkMetadata(
  document: unknown,
  issuer: string,
  insecure: boolean,
  { issuerAlias, discoveryOverrides }: DiscoveryCorrections = { issuerAlias: undefined, discoveryOverrides: {} },
): Discovered {
  const object = z.record(z.string(), z.unknown()).safeParse(document);
  const parsed = metadataSchema.safeParse({ ...object.data, ...discoveryOverrides });
  if (!parsed.success) {
    const members = parsed.error.issues.map(({ path }) => path.join(".")).join(", ");
    return { kind: "unavailable", detail: `discovery: unusable members: ${members}` };
  }
  // OIDC Discovery §4.3: the same string, so that two spellings are not one issuer (MIX-1). An alias is the operator's
  // word for what every ID token must name, whatever the document says.
  if (issuerAlias === undefined && parsed.data.issuer !== issuer) {
    return { kind: "unavailable", detail: "discovery: the issuer is another one" };
  }
  const metadata = { ...parsed.data, issuer: issuerAlias ?? issuer };
  const endpoints = ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] as const;
  for (const name of endpoints) {
    const value = metadata[name];
    if (value !== undefined && discoveryOverrides[name] !== value && !isUsableEndpoint(value, insecure)) {
      return { kind: "unavailable", detail: `discovery: ${name} is not an https URL` };
    }
  }
  // Nobody's sign-in needs these, so it does not fail for them.
  if (!/^https?:\/\//.test(metadata.end_session_endpoint ?? "")) delete metadata.end_session_endpoint;
  if (!isUsableEndpoint(metadata.introspection_endpoint ?? "", insecure)) delete metadata.introspection_endpoint;
  // OIDC Discovery §3 demands the list; who leaves it out signs with RS256.
  const announced = metadata.id_token_signing_alg_values_supported ?? ["RS256"];
  const accepted = announced.filter((algorithm) => SIGNING_ALGORITHMS.has(algorithm));
  if (accepted.length === 0) return { kind: "unavailable", detail: "discovery: no signing algorithm we accept" };
  return { kind: "metadata", metadata: { ...metadata, id_token_signing_alg_values_supported: accepted } };
}

function isUsableEndpoint(text: string, insecure: boolean): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "" || url.hash !== "") return false;
  return url.protocol === "https:" || (insecure && url.protocol === "http:" && isLoopback(url));
}

function describeDiscoveryError(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof UpstreamUnreachable) return cause.message;
  }
  return error instanceof Error ? error.message.slice(0, 200) : "failed";
}
