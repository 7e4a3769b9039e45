// Clients that nobody registers: the client_id is the address of a document in which the client describes itself, OAuth Client ID
// Metadata Document. What stands in it is held to what registration holds (registration-metadata.ts), and to less.
import { isLoopback, type JsonObject } from "@dex/runtime";
import { isUnsafe } from "../endpoints/parameters.ts";
import type { Client } from "./client.ts";
import type { Profile } from "./client-details.ts";
import { decideRegistration } from "./registration-metadata.ts";
import type { SupportedValues } from "./supported.ts";

/** Whose documents a deployment reads: nobody's, those of listed hosts, or everybody's. */
export const CLIENT_ID_DOCUMENTS = ["off", "listed", "any"] as const;

export interface ClientIdPolicy {
  readonly documents: (typeof CLIENT_ID_DOCUMENTS)[number];
  /** Hosts, or `*.` and the end of one. Documents of these are read, and other clients may send people there too. */
  readonly hosts: readonly string[];
  /** Never read, whatever is listed. */
  readonly blockedHosts: readonly string[];
  /** In closed test networks an address may be http. */
  readonly schemes: "https" | "http and https";
  /** What every such client is held to, as who registers itself is. */
  readonly profile?: Profile | undefined;
}

/** As long as a client id can be. */
const MAX_LENGTH = 255;

/** The longest document that is read, in bytes. */
export const CLIENT_ID_DOCUMENT_BYTES = 5 * 1024;

/** Whether the client id is of the form that only clients with a document have; registration never makes such a one. */
export function isClientIdUrl(clientId: string): boolean {
  return /^https?:\/\//.test(clientId);
}

/**
 * The address that a client id is, or undefined when it is none: https with a path, as a browser would write it, without user,
 * fragment and dot segments (Client ID Metadata Document §3).
 */
export function parseClientIdUrl(clientId: string, { schemes }: Pick<ClientIdPolicy, "schemes">): URL | undefined {
  if (clientId.length > MAX_LENGTH || !isClientIdUrl(clientId) || isUnsafe(clientId)) return undefined;
  const url = URL.parse(clientId);
  // The parser takes dot segments out, in whatever form they are written, so that the text would no longer be the same.
  if (url === null || url.href !== clientId || clientId.includes("#")) return undefined;
  if (url.protocol !== "https:" && schemes === "https") return undefined;
  if (url.username !== "" || url.password !== "" || url.pathname === "/") return undefined;
  // With a dot at its end it is the same host under another name, which no policy speaks of.
  return url.hostname.endsWith(".") ? undefined : url;
}

/** Whether documents of this host are read. */
export function allowsHost(policy: ClientIdPolicy, url: URL): boolean {
  const stands = (list: readonly string[]) => list.some((entry) => fits(entry, url));
  if (policy.documents === "off" || stands(policy.blockedHosts)) return false;
  return policy.documents === "any" || stands(policy.hosts);
}

/** Whether the text can be an entry of a list of hosts: one that can be none would block nobody. */
export function isHostEntry(entry: string): boolean {
  return parseEntry(entry) !== undefined;
}

/** `*.example.com` stands for what is below it, and not for itself; without a port an entry stands for all of them. */
function fits(entry: string, url: URL): boolean {
  const parsed = parseEntry(entry);
  if (parsed === undefined) return false;
  const { below, hostname, port } = parsed;
  if (port !== undefined && port !== (url.port || DEFAULT_PORTS[url.protocol])) return false;
  return below ? url.hostname.endsWith(`.${hostname}`) : url.hostname === hostname;
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { "https:": "443", "http:": "80" };

/** The host as addresses have it: in small letters, and letters of other scripts as DNS has them. */
function parseEntry(
  entry: string,
): { readonly below: boolean; readonly hostname: string; readonly port: string | undefined } | undefined {
  const [, below, host = "", port] = /^(\*\.)?([^\s/?#@*\\]+?)\.?(?::(\d{1,5}))?$/.exec(entry) ?? [];
  const url = host === "" ? null : URL.parse(`https://${host}`);
  if (url === null || url.port !== "") return undefined;
  return { below: below !== undefined, hostname: url.hostname, port };
}

export type ClientIdDocumentDecision =
  | { readonly kind: "client"; readonly client: Client }
  /** For operators: whoever came is told no more than of any unknown client (RED-5). */
  | { readonly kind: "refused"; readonly reason: string };

/** Decides what client the document at `url` describes, Client ID Metadata Document §4. */
export function decideClientIdDocument(
  document: unknown,
  { url, policy, supported, now }: { url: URL; policy: ClientIdPolicy; supported: SupportedValues; now: Date },
): ClientIdDocumentDecision {
  if (typeof document !== "object" || document === null) return refused("the document is no JSON object");
  const { client_id: clientId, ...members } = document as JsonObject;
  if (clientId !== url.href) return refused("client_id is not the address of the document");
  // §4.1: there is nobody to share a secret with.
  if ("client_secret" in members || "client_secret_expires_at" in members) return refused("holds a client secret");
  // It would be fetched, too.
  if ("sector_identifier_uri" in members) return refused("sector_identifier_uri: not supported");
  const decision = decideRegistration(
    // Under a profile nobody is public, and it has a default of its own.
    { ...(policy.profile === undefined ? { token_endpoint_auth_method: "none" } : {}), ...members },
    {
      ...supported,
      response_types: ["code"],
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: ["none", "private_key_jwt"],
    },
    policy.profile,
  );
  if (decision.kind === "refused") return refused(decision.error.message);
  const { metadata } = decision;
  if (metadata.redirectUris.length === 0) return refused("redirect_uris: must not be empty");
  const astray = metadata.redirectUris.find((uri) => !mayLeadTo(new URL(uri), url, policy));
  if (astray !== undefined) return refused(`redirect_uris: leads to a host that is not the document's: ${astray}`);
  const member = ADDRESSES.find((name) =>
    [metadata.details[name] ?? []].flat().some((uri) => !mayLeadTo(new URL(uri), url, policy)),
  );
  if (member !== undefined) return refused(`${member}: leads to a host that is not the document's`);
  const { id: _chosen, secret: _secret, ...client } = metadata;
  return { kind: "client", client: { ...client, id: url.href, secret: undefined, requirePkce: true, createdAt: now } };
}

/** Where else people are sent, and what is called, on the word of a document that nobody looked at. */
const ADDRESSES = [
  "post_logout_redirect_uris",
  "initiate_login_uri",
  "backchannel_logout_uri",
  "frontchannel_logout_uri",
  "request_uris",
] as const;

/** To where the document comes from, to the person's own device, or to a host that an administrator listed. */
function mayLeadTo(redirectUri: URL, document: URL, policy: ClientIdPolicy): boolean {
  if (redirectUri.protocol === "http:") return isLoopback(redirectUri);
  if (redirectUri.protocol !== "https:") return false;
  return redirectUri.host === document.host || isLoopback(redirectUri) || isListed(policy, redirectUri);
}

function isListed(policy: ClientIdPolicy, url: URL): boolean {
  return allowsHost({ ...policy, documents: "listed" }, url);
}

function refused(reason: string): ClientIdDocumentDecision {
  return { kind: "refused", reason };
}
