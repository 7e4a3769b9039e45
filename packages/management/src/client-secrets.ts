// The secrets of one client, listed and replaced one by one, so that a machine can take up a new one before the old one ends.
import {
  type Client,
  type ClientSecret,
  generateSecret,
  MAX_SECRETS,
  needsSealedSecret,
  provesByKey,
  type SealSecret,
  secretsOf,
} from "@dex/oidc";
import { type JsonObject, type Random, Secret } from "@dex/runtime";
import type { Actor } from "@dex/users";
import { clientSecretEndShape, newClientSecretShape } from "./client-shapes.ts";
import { CLIENT_ID, SEAL_REFUSED } from "./clients.ts";

/** What is needed of the stored secrets. Each write and its audit event are one statement (ADM-6). */
export interface ManagedSecrets {
  add(
    clientId: string,
    added: { readonly secret: AddableSecret; readonly most: number },
    actor: Actor,
    now: Date,
  ): Promise<"added" | "full" | "unknown">;
  expire(
    clientId: string,
    secret: { readonly id: string; readonly expiresAt: Date | undefined },
    actor: Actor,
  ): Promise<"done" | "unknown">;
  remove(clientId: string, secretId: string, actor: Actor): Promise<"removed" | "last" | "unknown">;
  /** The day of the last use by the secret's id, as YYYY-MM-DD. */
  lastUses(clientId: string): Promise<ReadonlyMap<string, string>>;
}

type AddableSecret = ClientSecret & { readonly hash: Extract<ClientSecret["hash"], { kind: "sha256" }> };

export interface ClientSecretParts {
  readonly clients: { find(clientId: string): Promise<Client | undefined> };
  readonly secrets: ManagedSecrets;
  readonly sealClientSecret?: SealSecret | undefined;
  /** Whether those who ask may give a secret to a client that can administer. */
  readonly adminClients: "allowed" | "refused";
  readonly random: Random;
}

export type SecretRefusal =
  | { readonly kind: "unknown" }
  | {
      readonly kind: "refused";
      readonly code: "bad_request" | "forbidden" | "secret_limit" | "last_secret";
      readonly reason: string;
    };

export interface ClientSecretAdministration {
  /** Undefined when there is no such client. Neither secret nor hash is among it (TOK-17). */
  list(clientId: string, now: Date): Promise<readonly JsonObject[] | undefined>;
  /** Makes a secret, which is given out this once. `wanted` is unchecked. */
  add(
    clientId: string,
    wanted: unknown,
    actor: Actor,
    now: Date,
  ): Promise<{ readonly kind: "added"; readonly shown: JsonObject; readonly secret: Secret<string> } | SecretRefusal>;
  /** Says when a secret ends, now among it, or that it does not. `wanted` is unchecked. */
  expire(
    secret: { readonly clientId: string; readonly id: string },
    wanted: unknown,
    actor: Actor,
  ): Promise<{ readonly kind: "done" } | SecretRefusal>;
  /** The last one stays: a client without any is nobody. */
  remove(
    secret: { readonly clientId: string; readonly id: string },
    actor: Actor,
  ): Promise<{ readonly kind: "done" } | SecretRefusal>;
}

const UNKNOWN: SecretRefusal = { kind: "unknown" };
const ID_BYTES = 6;

export function makeClientSecretAdministration(parts: ClientSecretParts): ClientSecretAdministration {
  const { clients, secrets, random } = parts;

  /** A stolen admin token lives for minutes. Were it able to give an admin client a secret, the theft would outlive it. */
  async function findForSecrets(clientId: string): Promise<Client | SecretRefusal> {
    const client = CLIENT_ID.test(clientId) ? await clients.find(clientId) : undefined;
    if (client === undefined) return UNKNOWN;
    return client.admin && parts.adminClients === "refused" ? ADMIN_REFUSED : client;
  }

  return {
    async list(clientId, now) {
      const client = CLIENT_ID.test(clientId) ? await clients.find(clientId) : undefined;
      if (client === undefined) return undefined;
      const uses = await secrets.lastUses(clientId);
      return secretsOf(client).map((secret) => renderSecret(secret, now, uses.get(secret.id)));
    },
    async add(clientId, wanted, actor, now) {
      const parsed = newClientSecretShape.safeParse(wanted);
      if (!parsed.success) return refusedShape(parsed.error);
      const expiresAt = parsed.data.expiresAt === undefined ? undefined : new Date(parsed.data.expiresAt);
      if (expiresAt !== undefined && expiresAt <= now)
        return refused("bad_request", "expiresAt: must be in the future");
      const client = await findForSecrets(clientId);
      if ("kind" in client) return client;
      if (client.public || provesByKey(client.details)) return SECRETLESS;
      const { sealClientSecret: sealSecret } = parts;
      if (needsSealedSecret(client.details) && sealSecret === undefined) return SEAL_REFUSED;
      const { secret: text, hash, sealed } = generateSecret(client, { random, sealSecret });
      const secret = { id: random(ID_BYTES).toString("hex"), hash, sealed, createdAt: now, expiresAt };
      const outcome = await secrets.add(clientId, { secret, most: MAX_SECRETS }, actor, now);
      if (outcome === "unknown") return UNKNOWN;
      if (outcome === "full") return refused("secret_limit", `${MAX_SECRETS} secrets work already: remove one first`);
      return { kind: "added", shown: renderSecret(secret, now, undefined), secret: new Secret(text) };
    },
    async expire({ clientId, id }, wanted, actor) {
      const parsed = clientSecretEndShape.safeParse(wanted);
      if (!parsed.success) return refusedShape(parsed.error);
      const client = await findForSecrets(clientId);
      if ("kind" in client) return client;
      const expiresAt = parsed.data.expiresAt === null ? undefined : new Date(parsed.data.expiresAt);
      return { kind: await secrets.expire(clientId, { id, expiresAt }, actor) };
    },
    async remove({ clientId, id }, actor) {
      if (!CLIENT_ID.test(clientId)) return UNKNOWN;
      const outcome = await secrets.remove(clientId, id, actor);
      if (outcome === "last") return refused("last_secret", "it is the client's only one: add another first");
      return { kind: outcome === "removed" ? "done" : "unknown" };
    },
  };
}

function renderSecret(secret: ClientSecret, now: Date, lastUsedOn: string | undefined): JsonObject {
  const { id, createdAt, expiresAt } = secret;
  return {
    id,
    createdAt: createdAt.toISOString(),
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
    expired: expiresAt !== undefined && expiresAt <= now,
    ...(lastUsedOn === undefined ? {} : { lastUsedOn }),
  };
}

const SECRETLESS = refused("bad_request", "a client that is public or signs with a key has no secrets");
const ADMIN_REFUSED = refused(
  "forbidden",
  "secrets of an admin client can only be changed with dexctl on the database",
);

function refusedShape({ issues: [issue] }: { readonly issues: readonly { path: PropertyKey[]; message: string }[] }) {
  const where = issue === undefined || issue.path.length === 0 ? "secret" : issue.path.join(".");
  return refused("bad_request", `${where}: ${issue?.message ?? "is not valid"}`);
}

function refused(
  code: "bad_request" | "forbidden" | "secret_limit" | "last_secret",
  reason: string,
): Extract<SecretRefusal, { kind: "refused" }> {
  return { kind: "refused", code, reason };
}
