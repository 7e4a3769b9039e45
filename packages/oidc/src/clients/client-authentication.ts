import { equalInConstantTime, sha256 } from "@dex/runtime";
import { OAuthError } from "../errors.ts";
import type { ChosenSecretVerifier, ClientSecretUpgrades, Clients, FailureCounter } from "../ports.ts";
import type { Client, ClientSecretHash } from "./client.ts";
import { makeImportedSecretCheck } from "./imported-secret.ts";
import { type ClientCredentials, parseClientCredentials } from "./presented-credentials.ts";
import { makeSecretThrottle } from "./secret-throttle.ts";

export interface ClientAuthentication {
  /**
   * The client that the request proves to come from, RFC 6749 §2.3. Throws invalid_client, invalid_request when two
   * methods were mixed, too_many_requests after too many wrong secrets. `source` is the peer's address.
   */
  authenticate(
    request: { authorization: string | undefined; body: URLSearchParams; source: string },
    now: Date,
  ): Promise<Client>;
}

/** What an unknown client's secret is compared with, so that it takes as long as a known one's. */
const NOBODYS_HASH = sha256("no client has this secret");

/** client_secret_basic, client_secret_post and none. The happy path counts nothing and asks for nothing but the client. */
export function makeClientAuthentication(parts: {
  clients: Clients;
  failures: FailureCounter;
  chosenSecrets: ChosenSecretVerifier;
  secretUpgrades: ClientSecretUpgrades;
}): ClientAuthentication {
  const { clients } = parts;
  const checks: SecretChecks = { chosen: parts.chosenSecrets, isImported: makeImportedSecretCheck(parts) };
  const throttle = makeSecretThrottle(parts.failures);
  return {
    async authenticate({ authorization, body, source }, now) {
      const parsed = parseClientCredentials(authorization, body);
      if (parsed.kind === "refused") throw parsed.error;
      const { credentials } = parsed;
      const client = await clients.find(credentials.clientId);
      // Whoever guesses ids must not be able to make a counter for each of them.
      const guessed = client?.id ?? "(unknown)";
      throttle.refuseBlocked(guessed, source, now);
      const failure = await failureOf(credentials, client, checks);
      if (failure === undefined && client !== undefined) return client;
      if (credentials.secret !== undefined) await throttle.countFailure(guessed, source, now);
      // One message for every reason: which client ids exist, and which are public, is nobody's business.
      throw new OAuthError("invalid_client", "client authentication failed", {
        detail: `${failure ?? "unknown client"}, client_id ${JSON.stringify(credentials.clientId.slice(0, 100))}`,
      });
    },
  };
}

interface SecretChecks {
  readonly chosen: ChosenSecretVerifier;
  readonly isImported: ReturnType<typeof makeImportedSecretCheck>;
}

async function failureOf(
  { secret }: ClientCredentials,
  client: Client | undefined,
  checks: SecretChecks,
): Promise<string | undefined> {
  if (client === undefined || client.secret === undefined) {
    equalInConstantTime(sha256(secret ?? ""), NOBODYS_HASH);
    if (client === undefined) return "unknown client";
    if (secret !== undefined) return "a client without a secret sent one";
    return client.public ? undefined : "the confidential client has no secret";
  }
  if (client.public) return "the public client has a secret";
  if (secret === undefined) return "the secret is missing";
  return (await isRight(secret, client.id, client.secret, checks)) ? undefined : "the secret is wrong";
}

async function isRight(
  secret: string,
  clientId: string,
  stored: ClientSecretHash,
  { chosen, isImported }: SecretChecks,
): Promise<boolean> {
  switch (stored.kind) {
    case "sha256":
      return equalInConstantTime(sha256(secret), stored.hash);
    case "argon2id":
      return chosen.verify(secret, stored.hash);
    case "bcrypt":
      return isImported(secret, clientId, stored.hash);
  }
}
