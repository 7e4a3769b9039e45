import { type Random, Secret, sha256 } from "@dex/runtime";
import type { Client, ClientSecretHash } from "./client.ts";
import type { NewClientMetadata } from "./client-metadata.ts";

const RANDOM_BYTES = 32;

/** A client ready to be stored, and its secret, which is shown this once (TOK-17). Public clients have none. */
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
  const secret = metadata.public ? undefined : (chosen ?? parts.random(RANDOM_BYTES).toString("base64url"));
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

/** As dex v1 wrote it: random, then the host of the first redirect URI, so that a person can tell clients apart. */
function newClientId({ redirectUris }: NewClientMetadata, random: Random): string {
  const [first] = redirectUris;
  const url = first === undefined ? undefined : new URL(first);
  const place = url === undefined ? "" : url.hostname.replace(/[[\]]/g, "") || url.protocol.slice(0, -1);
  const unique = random(RANDOM_BYTES).toString("base64url");
  return place === "" ? unique : `${unique}@${place.slice(0, 200)}`;
}
