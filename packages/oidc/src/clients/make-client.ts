import { type Random, Secret, sha256 } from "@dex/runtime";
import type { Client, ClientSecretHash } from "./client.ts";
import { provesByKey } from "./client-details.ts";
import type { NewClientMetadata } from "./client-metadata.ts";

const RANDOM_BYTES = 32;
/** In base64url 64 characters: as long as the longest MAC, which RFC 7518 §3.2 asks of its key. */
const MAC_SECRET_BYTES = 48;

/** Makes of a new secret what is kept beside its hash, for clients that make MACs with it. */
export type SealSecret = (clientId: string, secret: string) => Buffer;

/** A secret that was generated, and what is kept of it. */
export interface GeneratedSecret {
  readonly secret: string;
  readonly hash: Extract<ClientSecretHash, { kind: "sha256" }>;
  readonly sealed: Buffer | undefined;
}

/**
 * A new secret of at least 256 random bits for a client that proves itself with `details`. Only of those that make MACs is it
 * kept in a form that can be read (TOK-17); throws where that has to be and there is nothing to seal with.
 */
export function generateSecret(
  client: Pick<Client, "id" | "details">,
  parts: { random: Random; sealSecret?: SealSecret | undefined },
): GeneratedSecret {
  const sealed = needsSealedSecret(client.details);
  const secret = parts.random(sealed ? MAC_SECRET_BYTES : RANDOM_BYTES).toString("base64url");
  const hash = { kind: "sha256", hash: sha256(secret) } as const;
  if (!sealed) return { secret, hash, sealed: undefined };
  if (parts.sealSecret === undefined) throw new Error("a client's secret can only be sealed where a key secret is");
  return { secret, hash, sealed: parts.sealSecret(client.id, secret) };
}

/** Whether the client's secrets must be kept in a form that can be read. */
export function needsSealedSecret(details: Client["details"]): boolean {
  return details.token_endpoint_auth_method === "client_secret_jwt";
}

/** A client ready to be stored, and its secret, which is shown this once (TOK-17). Clients that are public or have keys have none. */
export interface MadeClient {
  readonly client: Client;
  readonly secret: Secret<string> | undefined;
}

/**
 * Makes a client of checked metadata. Id and secret are generated where none was chosen. A generated secret has 256
 * random bits, so its SHA-256 is kept; a chosen one may be a word and goes through `hashChosenSecret` (argon2id).
 */
export async function makeClient(
  metadata: NewClientMetadata,
  parts: {
    random: Random;
    now: Date;
    hashChosenSecret: (secret: string) => Promise<string>;
    sealSecret?: SealSecret | undefined;
  },
): Promise<MadeClient> {
  const { id: chosenId, secret: chosen, ...rest } = metadata;
  const bare = { ...rest, id: chosenId ?? newClientId(metadata, parts.random), createdAt: parts.now };
  if (metadata.public || provesByKey(metadata.details)) {
    return { client: { ...bare, secret: undefined }, secret: undefined };
  }
  if (chosen !== undefined) {
    const hash = { kind: "argon2id", hash: await parts.hashChosenSecret(chosen) } as const;
    return { client: { ...bare, secret: hash }, secret: new Secret(chosen) };
  }
  const { secret, hash, sealed } = generateSecret(bare, parts);
  const first = sealed === undefined ? {} : { firstSecret: { sealed } };
  return { client: { ...bare, secret: hash, ...first }, secret: new Secret(secret) };
}

/** As dex v1 wrote it: random, then what a person can tell clients apart by: the host of the first redirect URI, or the name. */
function newClientId(metadata: NewClientMetadata, random: Random): string {
  // With a dash in front it would be an option on every command line.
  const unique = random(RANDOM_BYTES).toString("base64url").replace(/^-/, "_");
  const place = placeOf(metadata).slice(0, 200);
  return place === "" ? unique : `${unique}@${place}`;
}

function placeOf({ redirectUris, name, public: isPublic }: NewClientMetadata): string {
  const [first] = redirectUris;
  // A name may hold anything, colons too; an id only what survives in URLs and in HTTP Basic.
  if (first === undefined) return isPublic ? (name ?? "").replace(/[^A-Za-z0-9._~-]+/g, "-").replace(/^-|-$/g, "") : "";
  const url = new URL(first);
  return url.hostname.replace(/[[\]]/g, "") || url.protocol.slice(0, -1);
}
