import { type Random, Secret, sha256 } from "@dex/runtime";
import type { Client, ClientSecretHash } from "./client.ts";
import type { NewClientMetadata } from "./client-metadata.ts";

const RANDOM_BYTES = 32;

/** A client ready to be stored, and its secret, which is shown this once (TOK-17). Clients that are public or sign have none. */
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
  parts: { random: Random; now: Date; hashChosenSecret: (secret: string) => Promise<string> },
): Promise<MadeClient> {
  const { id, secret: chosen, ...rest } = metadata;
  const secretless = metadata.public || metadata.details.token_endpoint_auth_method === "private_key_jwt";
  const secret = secretless ? undefined : (chosen ?? parts.random(RANDOM_BYTES).toString("base64url"));
  return {
    client: {
      ...rest,
      id: id ?? newClientId(metadata, parts.random),
      secret: await hashOf(secret, chosen, parts.hashChosenSecret),
      createdAt: parts.now,
    },
    secret: secret === undefined ? undefined : new Secret(secret),
  };
}

async function hashOf(
  secret: string | undefined,
  chosen: string | undefined,
  hashChosenSecret: (secret: string) => Promise<string>,
): Promise<ClientSecretHash | undefined> {
  if (secret === undefined) return undefined;
  if (chosen === undefined) return { kind: "sha256", hash: sha256(secret) };
  return { kind: "argon2id", hash: await hashChosenSecret(chosen) };
}

/** As dex v1 wrote it: random, then what a person can tell clients apart by: the host of the first redirect URI, or the name. */
function newClientId(metadata: NewClientMetadata, random: Random): string {
  const unique = random(RANDOM_BYTES).toString("base64url");
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
