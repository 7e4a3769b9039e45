import type { JsonObject } from "@dex/runtime";
import type { Client } from "../clients/client.ts";
import type { ClientDetails } from "../clients/client-details.ts";
import { findEncryptionKey, type ResponseEncryption } from "../clients/encryption-key.ts";
import { OAuthError } from "../errors.ts";

/** A compact JWE of the text to this public key; `cty` is "JWT" where the text is a signed JWT (RFC 7519 §5.2). */
export type EncryptToken = (
  text: string,
  to: ResponseEncryption & { readonly key: JsonObject },
  cty: "JWT" | undefined,
) => Promise<string>;

/** The public keys of a client. Those behind a jwks_uri are fetched again when what is sought is not among them. */
export type FindClientKeys = (
  details: ClientDetails,
  suffices: (keys: readonly JsonObject[]) => boolean,
  now: Date,
) => Promise<{ readonly keys: readonly JsonObject[]; readonly problem: string | undefined }>;

/** Makes the text into one that the client alone can read, as it registered. */
export type EncryptToClient = (
  client: Pick<Client, "id" | "details">,
  what: { readonly text: string; readonly cty: "JWT" | undefined },
  encryption: ResponseEncryption,
  now: Date,
) => Promise<string>;

/**
 * Encrypts to a client's own key, OIDC Core §10.2. Throws an OAuthError when none of its keys can be used: what was to be
 * secret is never sent in clear for want of one.
 */
export function makeEncryptToClient(parts: { findKeys: FindClientKeys; encrypt: EncryptToken }): EncryptToClient {
  return async ({ id, details }, { text, cty }, encryption, now) => {
    const fitting = (keys: readonly JsonObject[]) => findEncryptionKey(keys, encryption.alg);
    const found = await parts.findKeys(details, (keys) => fitting(keys) !== undefined, now);
    const key = fitting(found.keys);
    if (key === undefined) {
      const message = `the client has published no key that can be encrypted to with ${encryption.alg}`;
      const detail = `client ${id}${found.problem === undefined ? "" : `: ${found.problem}`}`;
      throw new OAuthError("invalid_client_metadata", message, { detail, noteworthy: true });
    }
    return parts.encrypt(text, { ...encryption, key }, cty);
  };
}
