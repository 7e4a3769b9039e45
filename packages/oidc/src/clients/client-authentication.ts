import { equalInConstantTime, sha256 } from "@dex/runtime";
import type { CheckClientAssertion, OneUse, SpendAssertion } from "../client-jwts/client-assertion.ts";
import { OAuthError } from "../errors.ts";
import type { CheckClientCertificate } from "../mutual-tls/certificate-authentication.ts";
import type { ClientCertificate } from "../mutual-tls/client-certificate.ts";
import type { Clients, FailureCounter } from "../ports.ts";
import type { Client, ClientSecret } from "./client.ts";
import { provesByCertificate } from "./client-details.ts";
import { liveSecretsOf, secretsOf } from "./client-secrets.ts";
import { makeImportedSecretCheck } from "./imported-secret.ts";
import { type ClientCredentials, parseClientCredentials, type SecretCredentials } from "./presented-credentials.ts";
import type { ChosenSecretVerifier, ClientSecretUpgrades, NoteSecretUse } from "./secret-ports.ts";
import { makeSecretThrottle } from "./secret-throttle.ts";

export interface ClientAuthentication {
  /**
   * The client that the request proves to come from, RFC 6749 §2.3. Throws invalid_client, invalid_request when two
   * methods were mixed, too_many_requests after too many wrong secrets. `source` is the peer's address.
   */
  authenticate(request: AuthenticatedRequest, now: Date): Promise<Client>;
  /** The same for who has more to use up: nothing is proved by what is for one use until `spend` was called. */
  prove(request: AuthenticatedRequest, now: Date): Promise<ProvenClient>;
}

export interface AuthenticatedRequest {
  readonly authorization: string | undefined;
  readonly body: URLSearchParams;
  readonly source: string;
  readonly clientCertificate?: ClientCertificate | undefined;
}

export interface ProvenClient {
  readonly client: Client;
  /**
   * Uses up the assertion for all workers, and `beside` with it: one round trip. Throws invalid_client when the assertion was
   * used before, and then `beside` is not used; false when only `beside` was. To be called once, whatever else is wrong with
   * the request. Undefined where what was shown may be shown again.
   */
  readonly spend: ((beside?: OneUse) => Promise<boolean>) | undefined;
}

/** What an unknown client's secret is compared with, so that it takes as long as a known one's. */
const NOBODYS_HASH = sha256("no client has this secret");

/**
 * client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt and none, OIDC Core §9, and the two methods of
 * RFC 8705 §2. The happy path counts nothing and asks for nothing but the client; an assertion is written down once it is
 * right, so that it is used once.
 */
export function makeClientAuthentication(parts: {
  clients: Clients;
  /** Throws too_many_requests where to look for the client would be one time too many for this source. */
  admit?: ((clientId: string, source: string, now: Date) => Promise<void>) | undefined;
  failures: FailureCounter;
  chosenSecrets: ChosenSecretVerifier;
  secretUpgrades: ClientSecretUpgrades;
  /** Without it no assertion proves anything. */
  checkAssertion?: CheckClientAssertion | undefined;
  /** Without it no certificate proves anything. */
  checkCertificate?: CheckClientCertificate | undefined;
  noteSecretUse?: NoteSecretUse | undefined;
}): ClientAuthentication {
  const { clients } = parts;
  const checks: Checks = {
    chosen: parts.chosenSecrets,
    isImported: makeImportedSecretCheck(parts),
    assertion: parts.checkAssertion,
    certificate: parts.checkCertificate,
    noteUse: parts.noteSecretUse,
  };
  const throttle = makeSecretThrottle(parts.failures);

  async function prove(
    { authorization, body, source, clientCertificate }: AuthenticatedRequest,
    now: Date,
  ): Promise<ProvenClient> {
    const parsed = parseClientCredentials(authorization, body);
    if (parsed.kind === "refused") throw parsed.error;
    const { credentials } = parsed;
    await parts.admit?.(credentials.clientId, source, now);
    const client = await clients.find(credentials.clientId);
    // Whoever guesses ids must not be able to make a counter for each of them.
    const guessed = client?.id ?? "(unknown)";
    throttle.refuseBlocked(guessed, source, now);
    const byCertificate = client !== undefined && provesByCertificate(client.details);
    const refuse = async (failure: string): Promise<never> => {
      const showed = byCertificate && clientCertificate !== undefined;
      const guess = showed || credentials.method === "client_assertion" || credentials.secret !== undefined;
      if (guess) await throttle.countFailure(guessed, source, now);
      // One message for every reason: which client ids exist, and which are public, is nobody's business.
      throw new OAuthError("invalid_client", "client authentication failed", {
        detail: `${failure}, client_id ${JSON.stringify(credentials.clientId.slice(0, 100))}`,
      });
    };
    const { failure, spend } = byCertificate
      ? await certificateProofOf(credentials, client, { checks, clientCertificate }, now)
      : await proofOf(credentials, client, checks, now);
    if (failure !== undefined || client === undefined) return refuse(failure ?? "unknown client");
    if (spend === undefined) return { client, spend };
    return {
      client,
      async spend(beside) {
        const used = await spend(beside);
        return used === "neither" ? refuse("the jti of the assertion was used before") : used === "both";
      },
    };
  }

  return {
    prove,
    async authenticate(request, now) {
      const { client, spend } = await prove(request, now);
      await spend?.();
      return client;
    },
  };
}

/**
 * What `check` returns, which is to be known before `spend` is called. Where it throws, what proved the client is used up first:
 * an assertion that was shown is used, whatever else is wrong with the request.
 */
export async function checkUnspent<Passed>(spend: ProvenClient["spend"], check: () => Passed): Promise<Passed> {
  try {
    return check();
  } catch (error) {
    await spend?.();
    throw error;
  }
}

/** Why what was shown proves nothing, for operators, or how it is used up, where it is for one use. */
interface ShownProof {
  readonly failure?: string | undefined;
  readonly spend?: SpendAssertion;
}

interface Checks {
  readonly chosen: ChosenSecretVerifier;
  readonly isImported: ReturnType<typeof makeImportedSecretCheck>;
  readonly assertion: CheckClientAssertion | undefined;
  readonly certificate: CheckClientCertificate | undefined;
  readonly noteUse: NoteSecretUse | undefined;
}

/** RFC 8705 §2: the request itself holds the client_id, and nothing that proves anything. */
async function certificateProofOf(
  { method }: ClientCredentials,
  client: Client,
  { checks, clientCertificate }: { checks: Checks; clientCertificate: ClientCertificate | undefined },
  now: Date,
): Promise<ShownProof> {
  if (method !== "none") return { failure: "the client registered another method" };
  if (checks.certificate === undefined) return { failure: "client certificates are not supported" };
  return { failure: await checks.certificate(clientCertificate, client, now) };
}

async function proofOf(
  credentials: ClientCredentials,
  client: Client | undefined,
  checks: Checks,
  now: Date,
): Promise<ShownProof> {
  if (credentials.method !== "client_assertion") {
    return { failure: await secretFailureOf(credentials, client, checks, now) };
  }
  if (client === undefined) return { failure: "unknown client" };
  if (!mayUse(client, credentials.method)) return { failure: "the client registered another method" };
  if (checks.assertion === undefined) return { failure: "client assertions are not supported" };
  const checked = await checks.assertion(credentials.assertion, client, now);
  return checked.kind === "wrong" ? { failure: checked.reason } : { spend: checked.spend };
}

async function secretFailureOf(
  { secret, method }: SecretCredentials,
  client: Client | undefined,
  checks: Checks,
  now: Date,
): Promise<string | undefined> {
  if (client === undefined || secretsOf(client).length === 0) {
    equalInConstantTime(sha256(secret ?? ""), NOBODYS_HASH);
    if (client === undefined) return "unknown client";
    if (secret !== undefined) return "a client without a secret sent one";
    return client.public ? undefined : "the confidential client has no secret";
  }
  if (client.public) return "the public client has a secret";
  if (secret === undefined) return "the secret is missing";
  const live = liveSecretsOf(client, now);
  const used = await findRight(secret, client.id, live, checks);
  if (used === undefined) return live.length === 0 ? "the secret has expired" : "the secret is wrong";
  if (!mayUse(client, method)) return "the client registered another method";
  checks.noteUse?.(client.id, used.id, now);
  return undefined;
}

/** Who registered one method uses that one (RFC 7591 §2); who registered none, whichever shows the secret or, without, `none`. */
function mayUse({ details }: Client, method: ClientCredentials["method"]): boolean {
  const { token_endpoint_auth_method: registered } = details;
  if (method === "client_assertion") return registered === "private_key_jwt" || registered === "client_secret_jwt";
  return registered === undefined || registered === method;
}

/** Generated ones first: comparing them costs next to nothing. */
async function findRight(
  secret: string,
  clientId: string,
  live: readonly ClientSecret[],
  checks: Checks,
): Promise<ClientSecret | undefined> {
  const isGenerated = ({ hash }: ClientSecret) => hash.kind === "sha256";
  for (const one of [...live.filter(isGenerated), ...live.filter((other) => !isGenerated(other))]) {
    if (await isRight(secret, clientId, one, checks)) return one;
  }
  return undefined;
}

async function isRight(
  secret: string,
  clientId: string,
  { hash: stored }: ClientSecret,
  { chosen, isImported }: Checks,
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
