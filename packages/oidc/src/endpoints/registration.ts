import {
  addSeconds,
  equalInConstantTime,
  type FetchDocument,
  type JsonObject,
  type Random,
  type Secret,
  sha256,
} from "@dex/runtime";
import type { Client } from "../clients/client.ts";
import type { Profile } from "../clients/client-details.ts";
import { renderClientInformation } from "../clients/client-information.ts";
import { makeClient, type SealSecret } from "../clients/make-client.ts";
import { decideRegistration } from "../clients/registration-metadata.ts";
import { checkSectorIdentifier } from "../clients/sector-identifier.ts";
import type { SupportedValues } from "../clients/supported.ts";
import { makeThrottle } from "../clients/throttle.ts";
import { BearerTokenMissing, OAuthError } from "../errors.ts";
import type { FailureCounter } from "../ports.ts";
import { parseBearerToken } from "./bearer-token.ts";
import { managementUrlOf, newManagementToken } from "./client-management.ts";

/** A registration request as it came, RFC 7591 §3.1. */
export interface RegistrationRequest {
  readonly authorization: string | undefined;
  readonly query: URLSearchParams;
  /** The peer's address, for throttling. */
  readonly source: string;
  /** The parsed JSON of the body. Called once the caller may register at all. */
  readonly readBody: () => Promise<unknown>;
}

export interface RegistrationEndpoint {
  /** The members of the JSON answer. Throws an OAuthError when nothing is registered. */
  handle(request: RegistrationRequest, now: Date): Promise<JsonObject>;
}

/**
 * Stores a client that registered itself and the hash of what it manages that with, with an audit event, in one statement. With
 * `deleteUnusedAfter` it may go after that, where nobody has signed in to it or seen its secret by then.
 */
export type StoreRegisteredClient = (
  client: Client,
  tokenHash: Buffer,
  source: string,
  deleteUnusedAfter?: Date,
) => Promise<"created" | "id taken">;

export interface RegistrationParts {
  /** Of this endpoint. */
  readonly url: string;
  readonly supported: SupportedValues;
  /** What every client is held to that registers itself. */
  readonly profile?: Profile | undefined;
  readonly fetchDocument: FetchDocument;
  /** Initial access tokens, RFC 7591 §3: 32 bytes each, which callers present in base64. */
  readonly tokens: readonly Secret<Buffer>[];
  /** Whether somebody without a token may register too. */
  readonly withoutToken: "refused" | "allowed";
  readonly store: StoreRegisteredClient;
  readonly failures: FailureCounter;
  readonly random: Random;
  /** For clients that make MACs with their secrets. */
  readonly sealSecret?: SealSecret | undefined;
}

const WRONG_TOKENS = { what: "wrong registration tokens", limit: 20, windowSeconds: 60 };
/** Each makes a row that stays. */
const OPEN_REGISTRATIONS = { what: "clients were registered from this address", limit: 20, windowSeconds: 3600 };
/** So that what anybody can make does not pile up. */
const OPEN_UNUSED_SECONDS = 30 * 86_400;
const TOKEN_BYTES = 32;

/** The client registration endpoint, RFC 7591 §3. Closed but for those who hold an initial access token (DCR-1). */
export function makeRegistrationEndpoint(parts: RegistrationParts): RegistrationEndpoint {
  const hashes = parts.tokens.map((token) => sha256(token.reveal()));
  const wrongTokens = makeThrottle(parts.failures, WRONG_TOKENS);
  const openRegistrations = makeThrottle(parts.failures, OPEN_REGISTRATIONS);

  async function authorize(request: RegistrationRequest, now: Date): Promise<"with a token" | "without"> {
    const key = `client registration ${request.source}`;
    const bearer = parseBearerToken(request);
    if (bearer.kind !== "missing") {
      wrongTokens.refuseBlocked(key, now);
      if (bearer.kind === "token" && isOneOf(hashes, bearer.token)) return "with a token";
      if (parts.withoutToken === "refused") {
        await wrongTokens.count(key, now);
        throw bearer.kind === "refused"
          ? bearer.error
          : new OAuthError("invalid_token", "the initial access token is not valid");
      }
    }
    if (parts.withoutToken === "refused") throw new BearerTokenMissing("client registration without a token");
    openRegistrations.refuseBlocked(`open ${key}`, now);
    await openRegistrations.count(`open ${key}`, now);
    return "without";
  }

  return {
    async handle(request, now) {
      const came = await authorize(request, now);
      const decision = decideRegistration(await request.readBody(), parts.supported, parts.profile);
      if (decision.kind === "refused") throw decision.error;
      await checkSectorIdentifier(decision.metadata, parts.fetchDocument);
      const { client, secret } = await makeClient(decision.metadata, {
        random: parts.random,
        now,
        sealSecret: parts.sealSecret,
        hashChosenSecret: () => Promise.reject(new Error("a client that registers itself chooses no secret")),
      });
      const management = newManagementToken(parts.random);
      const outcome = await parts.store(
        client,
        management.hash,
        request.source,
        came === "without" ? addSeconds(now, OPEN_UNUSED_SECONDS) : undefined,
      );
      if (outcome === "id taken") throw new Error("a new random client id was taken");
      return renderClientInformation(client, {
        secret: secret?.reveal(),
        managementUrl: managementUrlOf(parts.url, client.id),
        managementToken: management.token,
      });
    },
  };
}

/** All are compared, so that the time says nothing of which one came close. */
function isOneOf(hashes: readonly Buffer[], token: string): boolean {
  const bytes = Buffer.from(token, "base64");
  const presented = sha256(bytes);
  return hashes.filter((hash) => equalInConstantTime(presented, hash)).length > 0 && bytes.length === TOKEN_BYTES;
}
