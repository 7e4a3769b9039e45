import type { FetchDocument } from "@dex/runtime";
import { z } from "zod";
import { CIBA_GRANT } from "../backchannel-authentication/auth-req-id.ts";
import { OAuthError } from "../errors.ts";
import type { Client } from "./client.ts";

const documentShape = z.array(z.string().max(2000)).max(1000);

/**
 * Fetches the document at sector_identifier_uri and throws invalid_client_metadata unless all redirect URIs stand in it:
 * else anybody could make himself part of somebody's sector (OIDC Core §8.1, OIDC Registration §5). A client that is told of
 * people elsewhere than at a redirect URI is known by the address of its keys, which must stand there too (CIBA Core §4).
 */
export async function checkSectorIdentifier(
  metadata: Pick<Client, "details" | "redirectUris" | "grantTypes">,
  fetchDocument: FetchDocument,
): Promise<void> {
  const { sector_identifier_uri: uri } = metadata.details;
  if (uri === undefined) return;
  const { jwks_uri: keys } = metadata.details;
  const byKeys = metadata.redirectUris.length === 0 || metadata.grantTypes.includes(CIBA_GRANT);
  if (byKeys && keys === undefined) throw refused("a client that people are not sent back to must have a jwks_uri");
  const listed = await fetchList(uri, fetchDocument);
  if (!metadata.redirectUris.every((redirectUri) => listed.has(redirectUri))) {
    throw refused("all redirect URIs must stand in the document");
  }
  if (byKeys && !listed.has(keys ?? "")) throw refused("the jwks_uri must stand in the document");
}

async function fetchList(uri: string, fetchDocument: FetchDocument): Promise<ReadonlySet<string>> {
  try {
    const { status, body } = await fetchDocument(uri);
    if (status !== 200) throw new Error(`status ${status}`);
    return new Set(documentShape.parse(JSON.parse(body.toString("utf8"))));
  } catch (cause) {
    // Whoever asks learns nothing of what is where we can reach and they cannot.
    throw refused("the document cannot be read, or is no JSON array of URIs", cause);
  }
}

function refused(reason: string, cause?: unknown): OAuthError {
  const detail = cause instanceof Error ? { detail: cause.message, cause } : {};
  return new OAuthError("invalid_client_metadata", `sector_identifier_uri: ${reason}`, detail);
}
