// Secrets of clients: how they lie in the client's row, what is changed of them one by one, and when each was used last.
import type { Client, ClientSecret, ClientSecretHash, FIRST_SECRET } from "@dex/oidc";
import type { Json, JsonObject } from "@dex/runtime";
import type { Actor } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import type { CredentialUse } from "./client-keys.ts";
import { cold, type Database } from "./database.ts";
import { holdFence } from "./leader-fence.ts";
import { isStorable, toStoredJson } from "./stored-text.ts";

export interface ClientSecretStore {
  /**
   * Adds a secret to those of a client that authenticates with one, and forgets what has expired. "full": `most` are live; of
   * racing callers only as many succeed as there is room. "unknown": there is no such client, or it keeps its secrets in
   * another form (sealed or not) than this one.
   */
  add(
    clientId: string,
    added: { readonly secret: GeneratedClientSecret; readonly most: number },
    actor: Actor,
    now: Date,
  ): Promise<"added" | "full" | "unknown">;
  /** Says when a secret ends, or that it does not. */
  expire(
    clientId: string,
    secret: { readonly id: string; readonly expiresAt: Date | undefined },
    actor: Actor,
  ): Promise<"done" | "unknown">;
  /** Ends a secret for good. "last": it is the only one; of racing callers who remove one each, one is told so. */
  remove(clientId: string, secretId: string, actor: Actor): Promise<"removed" | "last" | "unknown">;
  /** The day, as YYYY-MM-DD, on which each secret of the client was used last; those that never were are missing. */
  lastUses(clientId: string): Promise<ReadonlyMap<string, string>>;
  /** Writes days of use down; an earlier day than the stored one changes nothing, and what is gone is passed over. */
  recordUses(uses: readonly CredentialUse[]): Promise<void>;
  /** Clients with sealed secrets, by id, after that one. */
  listSealed(afterId: string, limit: number): Promise<readonly SealedClientSecrets[]>;
  /** Puts one seal in the place of another of the same secret. "lost": `fence` is not the leader's any more. */
  replaceSeal(
    clientId: string,
    seal: { readonly before: Buffer; readonly after: Buffer },
    fence: number,
  ): Promise<"replaced" | "changed" | "lost">;
}

/** One with 256 random bits: only its SHA-256 is kept, and its seal where it must be readable. */
export type GeneratedClientSecret = ClientSecret & { readonly hash: Extract<ClientSecretHash, { kind: "sha256" }> };

export interface SealedClientSecrets {
  readonly clientId: string;
  readonly seals: readonly Buffer[];
}

export const SECRET_COLUMNS = ["secret_sealed", "secret_created_at", "secret_expires_at", "added_secrets"] as const;

export interface SecretColumns {
  readonly secret_sealed: Buffer | null;
  readonly secret_created_at: Date | null;
  readonly secret_expires_at: Date | null;
  readonly added_secrets: readonly AddedSecret[];
}

/** As it stands in `added_secrets`: bytes in base64url, times in RFC 3339. */
interface AddedSecret {
  readonly id: string;
  readonly sha256: string;
  readonly sealed?: string;
  readonly created_at: string;
  readonly expires_at?: string;
}

const FIRST: typeof FIRST_SECRET = "first";
/** In the columns of a client. */
export const HAS_FIRST = "num_nonnulls(secret_sha256, secret_argon2id, secret_bcrypt) > 0";
const IS_SEALED = "coalesce(details ->> 'token_endpoint_auth_method', '') = 'client_secret_jwt'";
const HAS_SECRETS = `NOT public AND coalesce(details ->> 'token_endpoint_auth_method', '')
  NOT IN ('private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth')`;

const ADD = cold(
  "clientSecret.add",
  `WITH live AS (
    SELECT id, ${HAS_FIRST} AND coalesce(secret_expires_at > $4, true) AS first,
      coalesce((SELECT jsonb_agg(s ORDER BY n) FROM jsonb_array_elements(added_secrets) WITH ORDINALITY e (s, n)
        WHERE coalesce((s ->> 'expires_at')::timestamptz > $4, true)), '[]') AS added
    FROM client WHERE id = $1 AND ${HAS_SECRETS} AND (${IS_SEALED}) = ($2::jsonb ? 'sealed') FOR UPDATE
  ), changed AS (
    UPDATE client SET added_secrets = live.added || $2::jsonb,
      secret_sha256 = CASE WHEN live.first THEN secret_sha256 END,
      secret_argon2id = CASE WHEN live.first THEN secret_argon2id END,
      secret_bcrypt = CASE WHEN live.first THEN secret_bcrypt END,
      secret_sealed = CASE WHEN live.first THEN secret_sealed END
    FROM live WHERE client.id = live.id AND live.first::int + jsonb_array_length(live.added) < $3
    RETURNING client.id
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
    SELECT 'client secret added', id, $5, $6, $7, jsonb_build_object('secretId', $2::jsonb ->> 'id') FROM changed
  )
  SELECT EXISTS (SELECT FROM changed) AS added FROM live`,
);

const EXPIRE = cold(
  "clientSecret.expire",
  `WITH changed AS (
    UPDATE client SET secret_expires_at = CASE WHEN $2 = '${FIRST}' THEN $3::timestamptz ELSE secret_expires_at END,
      added_secrets = coalesce((
        SELECT jsonb_agg(CASE WHEN s ->> 'id' = $2 THEN s - 'expires_at' || $4::jsonb ELSE s END ORDER BY n)
        FROM jsonb_array_elements(added_secrets) WITH ORDINALITY e (s, n)
      ), '[]')
    WHERE id = $1 AND (
      ($2 = '${FIRST}' AND ${HAS_FIRST}) OR added_secrets @> jsonb_build_array(jsonb_build_object('id', $2::text))
    ) RETURNING id
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
  SELECT 'client secret given an end', id, $5, $6, $7, jsonb_build_object('secretId', $2::text) || $4::jsonb FROM changed
  RETURNING subject_id`,
);

const REMOVE = cold(
  "clientSecret.remove",
  `WITH found AS (
    SELECT id, (${HAS_FIRST})::int + jsonb_array_length(added_secrets) AS count FROM client
    WHERE id = $1 AND (
      ($2 = '${FIRST}' AND ${HAS_FIRST}) OR added_secrets @> jsonb_build_array(jsonb_build_object('id', $2::text))
    ) FOR UPDATE
  ), changed AS (
    UPDATE client SET
      secret_sha256 = CASE WHEN $2 <> '${FIRST}' THEN secret_sha256 END,
      secret_argon2id = CASE WHEN $2 <> '${FIRST}' THEN secret_argon2id END,
      secret_bcrypt = CASE WHEN $2 <> '${FIRST}' THEN secret_bcrypt END,
      secret_sealed = CASE WHEN $2 <> '${FIRST}' THEN secret_sealed END,
      added_secrets = coalesce((
        SELECT jsonb_agg(s ORDER BY n) FROM jsonb_array_elements(added_secrets) WITH ORDINALITY e (s, n)
        WHERE s ->> 'id' <> $2
      ), '[]')
    FROM found WHERE client.id = found.id AND found.count > 1 RETURNING client.id
  ), forgotten AS (
    DELETE FROM client_secret_use u USING changed WHERE u.client_id = changed.id AND u.secret_id = $2
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
    SELECT 'client secret removed', id, $3, $4, $5, jsonb_build_object('secretId', $2::text) FROM changed
  )
  SELECT EXISTS (SELECT FROM changed) AS removed FROM found`,
);

const LAST_USES = cold(
  "clientSecret.lastUses",
  "SELECT secret_id, used_on::text AS day FROM client_secret_use WHERE client_id = $1",
);

// In one order, so that two workers never wait for each other.
const RECORD_USES = cold(
  "clientSecret.recordUses",
  `INSERT INTO client_secret_use AS u (client_id, secret_id, used_on)
  SELECT w.client_id, w.secret_id, w.day FROM jsonb_to_recordset($1::jsonb) AS w (client_id text, secret_id text, day date)
  JOIN (SELECT id FROM client WHERE id = ANY ($2::text[]) ORDER BY id FOR KEY SHARE) c ON c.id = w.client_id
  ORDER BY w.client_id, w.secret_id
  ON CONFLICT (client_id, secret_id) DO UPDATE SET used_on = EXCLUDED.used_on WHERE u.used_on < EXCLUDED.used_on`,
);

const LIST_SEALED = cold(
  "clientSecret.listSealed",
  `SELECT id, secret_sealed, added_secrets FROM client
  WHERE details ->> 'token_endpoint_auth_method' = 'client_secret_jwt' AND id > $1 ORDER BY id LIMIT $2`,
);

const REPLACE_SEAL = cold(
  "clientSecret.replaceSeal",
  `UPDATE client SET secret_sealed = CASE WHEN secret_sealed = $2 THEN $3 ELSE secret_sealed END,
    added_secrets = coalesce((
      SELECT jsonb_agg(CASE WHEN s ->> 'sealed' = $4 THEN s || jsonb_build_object('sealed', $5::text) ELSE s END ORDER BY n)
      FROM jsonb_array_elements(added_secrets) WITH ORDINALITY e (s, n)
    ), '[]')
  WHERE id = $1 AND (secret_sealed = $2 OR added_secrets @> jsonb_build_array(jsonb_build_object('sealed', $4::text)))
  RETURNING id`,
);

/** What is changed of the secrets of a client that there is. */
export function makeClientSecretStore(db: Database): ClientSecretStore {
  return {
    async add(clientId, { secret, most }, actor, now) {
      if (!isStorable(clientId)) return "unknown";
      const values = [clientId, toStoredJson(toAddedSecret(secret)), most, now, ...toAuditValues(actor)];
      const [row] = await db.run<{ added: boolean }>(ADD, values);
      if (row === undefined) return "unknown";
      return row.added ? "added" : "full";
    },
    async expire(clientId, { id, expiresAt }, actor) {
      if (!isStorable(clientId, id)) return "unknown";
      const end = expiresAt === undefined ? {} : { expires_at: expiresAt.toISOString() };
      const values = [clientId, id, expiresAt ?? null, toStoredJson(end), ...toAuditValues(actor)];
      return (await db.run(EXPIRE, values)).length > 0 ? "done" : "unknown";
    },
    async remove(clientId, secretId, actor) {
      if (!isStorable(clientId, secretId)) return "unknown";
      const [row] = await db.run<{ removed: boolean }>(REMOVE, [clientId, secretId, ...toAuditValues(actor)]);
      if (row === undefined) return "unknown";
      return row.removed ? "removed" : "last";
    },
    async lastUses(clientId) {
      if (!isStorable(clientId)) return new Map();
      const rows = await db.run<{ secret_id: string; day: string }>(LAST_USES, [clientId]);
      return new Map(rows.map(({ secret_id, day }) => [secret_id, day]));
    },
    async recordUses(uses) {
      const rows = uses.map(({ clientId, credentialId, day }) => ({
        client_id: clientId,
        secret_id: credentialId,
        day,
      }));
      await db.run(RECORD_USES, [toStoredJson(rows), uses.map(({ clientId }) => clientId)]);
    },
    async listSealed(afterId, limit) {
      type Row = Pick<SecretColumns, "secret_sealed" | "added_secrets"> & { readonly id: string };
      const rows = await db.run<Row>(LIST_SEALED, [afterId, limit]);
      return rows.map(({ id, secret_sealed, added_secrets }) => ({
        clientId: id,
        seals: [
          ...(secret_sealed === null ? [] : [secret_sealed]),
          ...added_secrets.flatMap(({ sealed }) => (sealed === undefined ? [] : [fromBase64Url(sealed)])),
        ],
      }));
    },
    replaceSeal: (clientId, { before, after }, fence) =>
      db.transaction(async (tx) => {
        if (!(await holdFence(tx, fence))) return "lost";
        const texts = [before, after].map((seal) => seal.toString("base64url"));
        const replaced = await tx.run(REPLACE_SEAL, [clientId, before, after, ...texts]);
        return replaced.length > 0 ? "replaced" : "changed";
      }),
  };
}

/** Values for SECRET_COLUMNS. */
export function toSecretValues({ firstSecret: first, addedSecrets = [] }: Client): readonly unknown[] {
  const added = addedSecrets.map(toAddedSecret);
  return [first?.sealed ?? null, first?.createdAt ?? null, first?.expiresAt ?? null, toStoredJson(added)];
}

/** What the columns say of a client's secrets, its first one's hash aside; nothing for most clients. */
export function toSecrets(row: SecretColumns): Pick<Client, "firstSecret" | "addedSecrets"> {
  const [sealed, createdAt, expiresAt] = [row.secret_sealed, row.secret_created_at, row.secret_expires_at];
  const first = {
    ...(sealed === null ? {} : { sealed }),
    ...(createdAt === null ? {} : { createdAt }),
    ...(expiresAt === null ? {} : { expiresAt }),
  };
  return {
    ...(Object.keys(first).length === 0 ? {} : { firstSecret: first }),
    ...(row.added_secrets.length === 0 ? {} : { addedSecrets: row.added_secrets.map(toClientSecret) }),
  };
}

function toClientSecret({ id, sha256, sealed, created_at, expires_at }: AddedSecret): ClientSecret {
  return {
    id,
    hash: { kind: "sha256", hash: fromBase64Url(sha256) },
    sealed: sealed === undefined ? undefined : fromBase64Url(sealed),
    createdAt: new Date(created_at),
    expiresAt: expires_at === undefined ? undefined : new Date(expires_at),
  };
}

function toAddedSecret({ id, hash, sealed, createdAt, expiresAt }: ClientSecret): Json {
  // Chosen secrets come with the client; what is added to it was generated.
  if (hash.kind !== "sha256") throw new Error("only a generated secret can be added to a client");
  const added: JsonObject = {
    id,
    sha256: hash.hash.toString("base64url"),
    ...(sealed === undefined ? {} : { sealed: sealed.toString("base64url") }),
    created_at: createdAt.toISOString(),
    ...(expiresAt === undefined ? {} : { expires_at: expiresAt.toISOString() }),
  };
  return added;
}

function fromBase64Url(text: string): Buffer {
  return Buffer.from(text, "base64url");
}
