// The rows of a dex v1 as what an import finds.
import type { Json, JsonObject } from "@dex/runtime";
import type { DexV1Client, DexV1Connector, DexV1Source, DexV1User } from "@dex/storage";
import { z } from "zod";
import type { FoundClient, FoundConnector, FoundUser, ImportSource } from "./import-source.ts";

/** What v1 kept of a client. Before its migration 10 the redirect URIs were called `redirectURLs`. */
const metadataShape = z.object({
  redirect_uris: z.array(z.string()).nullish(),
  redirectURLs: z.array(z.string()).nullish(),
  client_name: z.string().nullish(),
  logo_uri: z.string().nullish(),
  client_uri: z.string().nullish(),
});

/** The source as an import wants it. */
export async function toImportSource(dex: DexV1Source): Promise<ImportSource> {
  return {
    emailsTwice: await dex.emailsTwice(),
    users: () => mapPages(dex.users(), toFoundUser),
    clients: () => mapPages(dex.clients(), toFoundClient),
    connectors: () => mapPages(dex.connectors(), toFoundConnector),
    async leftovers() {
      const { sessions, refreshTokens, signingKeys, ownerlessPasswords, ownerlessIdentities } = await dex.leftovers();
      return {
        neverTaken: { sessions, "refresh tokens": refreshTokens, "signing key sets": signingKeys },
        ownerless: { passwords: ownerlessPasswords, identities: ownerlessIdentities },
      };
    },
  };
}

async function* mapPages<From, To>(pages: AsyncIterable<readonly From[]>, convert: (item: From) => To) {
  for await (const page of pages) yield page.map(convert);
}

function toFoundUser({ password, ...user }: DexV1User): FoundUser {
  return { ...user, password: password === undefined ? { kind: "none" } : { kind: "hash", ...password } };
}

function toFoundClient({ id, secret, metadata, admin, public: isPublic, trustedPeers }: DexV1Client): FoundClient {
  const parsed = metadataShape.safeParse(parseJson(metadata));
  return {
    id,
    secret: { kind: "bcrypt", hash: secret },
    wanted: parsed.success
      ? { ...toWanted(parsed.data), id, isAdmin: admin, public: isPublic, trustedPeers: [...new Set(trustedPeers)] }
      : undefined,
  };
}

function toWanted(metadata: z.infer<typeof metadataShape>): JsonObject {
  const { redirect_uris, redirectURLs, client_name, logo_uri, client_uri } = metadata;
  return {
    redirectURIs: [...new Set(redirect_uris ?? redirectURLs ?? [])],
    ...(client_name ? { clientName: client_name } : {}),
    ...(logo_uri ? { logoURI: logo_uri } : {}),
    ...(client_uri ? { clientURI: client_uri } : {}),
  };
}

function toFoundConnector({ id, type, config }: DexV1Connector): FoundConnector {
  const parsed = z.record(z.string(), z.json()).safeParse(parseJson(config));
  return { id, entry: parsed.success ? { ...parsed.data, id, type } : undefined };
}

function parseJson(text: string): Json | undefined {
  try {
    return z.json().parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
