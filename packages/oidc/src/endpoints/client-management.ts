// The client configuration endpoint, RFC 7592: a client that registered itself reads, replaces and deletes its registration.
import { type FetchDocument, type JsonObject, type Random, sha256 } from "@dex/runtime";
import type { Client } from "../clients/client.ts";
import type { Profile } from "../clients/client-details.ts";
import { renderClientInformation } from "../clients/client-information.ts";
import { decideClientUpdate } from "../clients/client-update.ts";
import { type GeneratedSecret, generateSecret, type SealSecret } from "../clients/make-client.ts";
import { checkSectorIdentifier } from "../clients/sector-identifier.ts";
import type { SupportedValues } from "../clients/supported.ts";
import { BearerTokenMissing, OAuthError } from "../errors.ts";
import { parseBearerToken } from "./bearer-token.ts";

/** A request as it came to registration_client_uri. */
export interface ClientManagementRequest {
  readonly clientId: string;
  readonly authorization: string | undefined;
  readonly query: URLSearchParams;
  /** The peer's address, for the audit. */
  readonly source: string;
  /** The parsed JSON of the body. Called once the token is good. */
  readonly readBody: () => Promise<unknown>;
}

/** Clients that registered themselves, by what they manage their registration with. */
export interface RegisteredClients {
  /** The client whose token has this hash, or undefined: an unknown client and a wrong token are the same (DCR-2). */
  find(clientId: string, tokenHash: Buffer): Promise<Client | undefined>;
  /**
   * Replaces what a client may change, and its token, in one statement, where `presented` still is the token's hash. Of two
   * racing callers one gets true. What only we or administrators set stays as it is then. `secret` takes the place of all
   * secrets that the client has; without it they stay, unsealed ones where the client makes no MACs any more.
   */
  replace(
    client: Client,
    tokens: { presented: Buffer; next: Buffer },
    source: string,
    secret?: GeneratedSecret | undefined,
  ): Promise<boolean>;
  /** Deletes the client with all it was granted; false when there is none with this token. */
  delete(clientId: string, tokenHash: Buffer, source: string): Promise<boolean>;
}

export interface ClientManagementParts {
  /** Of the registration endpoint. */
  readonly url: string;
  readonly registered: RegisteredClients;
  readonly supported: SupportedValues;
  /** What every client is held to that registers itself. */
  readonly profile?: Profile | undefined;
  readonly fetchDocument: FetchDocument;
  readonly random: Random;
  /** Without it nobody can begin to make MACs. */
  readonly sealSecret?: SealSecret | undefined;
}

/** Each throws an OAuthError, invalid_token for all that is not a token of this client. */
export interface ClientManagement {
  /** RFC 7592 §2.1 */
  read(request: ClientManagementRequest): Promise<JsonObject>;
  /**
   * RFC 7592 §2.2. The answer holds a new token; the one that was presented is dead. A client that begins to make MACs gets a
   * new secret with it.
   */
  replace(request: ClientManagementRequest, now: Date): Promise<JsonObject>;
  /** RFC 7592 §2.3 */
  delete(request: ClientManagementRequest): Promise<void>;
}

const TOKEN_BYTES = 32;

/** A registration access token, RFC 7592 §3: 256 random bits, of which only the SHA-256 is kept. */
export function newManagementToken(random: Random): { readonly token: string; readonly hash: Buffer } {
  const token = random(TOKEN_BYTES).toString("base64url");
  return { token, hash: sha256(token) };
}

/** Where a client manages its registration, below the registration endpoint's `url`. */
export function managementUrlOf(url: string, clientId: string): string {
  return `${url}/${encodeURIComponent(clientId)}`;
}

export function makeClientManagement(parts: ClientManagementParts): ClientManagement {
  const { registered, random, url } = parts;

  async function authorize(request: ClientManagementRequest): Promise<{ client: Client; token: string; hash: Buffer }> {
    const bearer = parseBearerToken(request);
    if (bearer.kind === "missing") throw new BearerTokenMissing(bearer.detail);
    if (bearer.kind === "refused") throw bearer.error;
    const hash = sha256(bearer.token);
    const client = await registered.find(request.clientId, hash);
    if (client === undefined) throw wrongToken();
    return { client, token: bearer.token, hash };
  }

  const render = (client: Client, managementToken: string, secret?: string): JsonObject =>
    renderClientInformation(client, {
      secret,
      managementUrl: managementUrlOf(url, client.id),
      managementToken,
    });

  return {
    async read(request) {
      const { client, token } = await authorize(request);
      return render(client, token);
    },
    async replace(request, now) {
      const { client, hash } = await authorize(request);
      const decision = decideClientUpdate(client, await request.readBody(), parts.supported, parts.profile);
      if (decision.kind === "refused") throw decision.error;
      await checkSectorIdentifier(decision.client, parts.fetchDocument);
      const next = newManagementToken(random);
      const tokens = { presented: hash, next: next.hash };
      const secret = decision.secret === "new" ? generateSecret(decision.client, parts) : undefined;
      const changed = secret === undefined ? decision.client : withNewSecret(decision.client, secret, now);
      if (!(await registered.replace(changed, tokens, request.source, secret))) throw wrongToken();
      return render(changed, next.token, secret?.secret);
    },
    async delete(request) {
      const { client, hash } = await authorize(request);
      if (!(await registered.delete(client.id, hash, request.source))) throw wrongToken();
    },
  };
}

function withNewSecret(client: Client, { hash, sealed }: GeneratedSecret, createdAt: Date): Client {
  return { ...client, secret: hash, firstSecret: { ...(sealed && { sealed }), createdAt }, addedSecrets: [] };
}

function wrongToken(): OAuthError {
  return new OAuthError("invalid_token", "the registration access token is not valid");
}
