// The public keys and certificates of one client, listed and replaced one by one: the next one is added before the last one goes.
import {
  type Client,
  type ClientDetails,
  decideDetails,
  duplicateIn,
  idOfKey,
  idOfSubject,
  isForSigning,
  problemInKey,
  publicKeyIn,
  readCertificateIn,
  subjectMembersIn,
} from "@dex/oidc";
import { type JsonObject, sha256 } from "@dex/runtime";
import type { Actor } from "@dex/users";
import { clientKeyShape } from "./client-shapes.ts";
import { type ChangeableClients, CLIENT_ID } from "./clients.ts";

export interface ClientKeyParts {
  readonly clients: Pick<ChangeableClients, "find" | "setDetails">;
  /** The day of the last use by the key's id, as YYYY-MM-DD. */
  readonly keys: { lastUses(clientId: string): Promise<ReadonlyMap<string, string>> };
  /** Whether those who ask may give a key to a client that can administer. */
  readonly adminClients: "allowed" | "refused";
}

export type KeyRefusal =
  | { readonly kind: "unknown" }
  | {
      readonly kind: "refused";
      readonly code: "invalid_request" | "forbidden" | "duplicate_id" | "last_key";
      readonly reason: string;
    };

export interface ClientKeyAdministration {
  /** What proves the client beside secrets, and when each was used last; undefined when there is no such client. */
  list(clientId: string, now: Date): Promise<JsonObject | undefined>;
  /** `wanted` is unchecked: a public key, with its certificate as `x5c` where it has one (RFC 7517 §4.7). */
  add(
    clientId: string,
    wanted: unknown,
    actor: Actor,
    now: Date,
  ): Promise<{ readonly kind: "added"; readonly shown: JsonObject } | KeyRefusal>;
  /** By id or kid. The last one that proves the client stays: without any it is nobody. */
  remove(
    key: { readonly clientId: string; readonly id: string },
    actor: Actor,
    now: Date,
  ): Promise<{ readonly kind: "done" } | KeyRefusal>;
}

type Refused = Extract<KeyRefusal, { kind: "refused" }>;
type Change = { readonly keys: readonly Key[] } | Refused | { readonly kind: "unknown" };
type Key = NonNullable<ClientDetails["jwks"]>["keys"][number];

const UNKNOWN: KeyRefusal = { kind: "unknown" };
const MOST_KEYS = 20;
/** Somebody else may change the client between reading and writing; what they changed must not be lost. */
const ATTEMPTS = 5;

export function makeClientKeyAdministration(parts: ClientKeyParts): ClientKeyAdministration {
  const { clients } = parts;
  const find = async (clientId: string) => (CLIENT_ID.test(clientId) ? await clients.find(clientId) : undefined);

  /** Writes the keys that `decide` makes of those there are. */
  async function change(
    clientId: string,
    decide: (client: Client, keys: readonly Key[]) => Change,
    actor: Actor,
  ): Promise<{ readonly kind: "done" } | KeyRefusal> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const client = await find(clientId);
      if (client === undefined) return UNKNOWN;
      // A stolen admin token lives for minutes. Were it able to give an admin client a key, the theft would outlive it.
      if (client.admin && parts.adminClients === "refused") return ADMIN_REFUSED;
      const elsewhere = elsewhereProblem(client.details);
      if (elsewhere !== undefined) return elsewhere;
      const decided = decide(client, client.details.jwks?.keys ?? []);
      if ("kind" in decided) return decided;
      const outcome = decideDetails(client, { changed: { jwks: { keys: [...decided.keys] } }, removed: [] });
      if (outcome.kind === "refused") return refused("invalid_request", outcome.reason);
      const written = await clients.setDetails(clientId, { read: client.details, next: outcome.details }, actor);
      if (written !== "changed") return { kind: written };
    }
    return refused("invalid_request", "others change the client all the time: try again");
  }

  return {
    async list(clientId, now) {
      const client = await find(clientId);
      if (client === undefined) return undefined;
      return renderKeys(client, await parts.keys.lastUses(clientId), now);
    },
    async add(clientId, wanted, actor, now) {
      const parsed = clientKeyShape.safeParse(wanted);
      if (!parsed.success)
        return refused("invalid_request", `key: ${parsed.error.issues[0]?.message ?? "is not valid"}`);
      const key = parsed.data;
      const problem = problemInKey(key, now);
      if (problem !== undefined) return refused("invalid_request", `the key ${problem}`);
      const decide = (_: Client, keys: readonly Key[]): Change => {
        const duplicate = duplicateIn(keys, key);
        if (duplicate !== undefined) return refused("duplicate_id", `the key ${duplicate}`);
        return keys.length < MOST_KEYS ? { keys: [...keys, key] } : FULL;
      };
      const outcome = await change(clientId, decide, actor);
      return outcome.kind === "done" ? { kind: "added", shown: renderKey(key, undefined, now) } : outcome;
    },
    remove: ({ clientId, id }, actor, now) =>
      change(
        clientId,
        ({ details }, keys) => {
          const byId = keys.filter((key) => nameOf(key) === id);
          const meant = byId.length > 0 ? byId : keys.filter(({ kid }) => kid === id);
          if (meant.length === 0) return { kind: "unknown" };
          if (meant.length > 1) return refused("invalid_request", "several keys have this kid: name one by its id");
          const left = keys.filter((key) => !meant.includes(key));
          return left.some((key) => provesBy(key, details, now)) ? { keys: left } : LAST;
        },
        actor,
      ),
  };
}

/** Whether the client can go on with this key: by its certificate, or by signing. */
function provesBy(key: Key, { token_endpoint_auth_method: method }: ClientDetails, now: Date): boolean {
  if (method === "self_signed_tls_client_auth") return (readCertificateIn(key)?.validToDate ?? now) > now;
  return method !== "private_key_jwt" || isForSigning(key);
}

function elsewhereProblem({ jwks_uri: uri, token_endpoint_auth_method: method }: ClientDetails): Refused | undefined {
  if (uri !== undefined) {
    return refused("invalid_request", `its keys are those that it publishes at ${uri}: change them there`);
  }
  return method === "tls_client_auth"
    ? refused("invalid_request", "it is proved by the subject of certificates that an authority issues: change that")
    : undefined;
}

function renderKeys({ details }: Client, uses: ReadonlyMap<string, string>, now: Date): JsonObject {
  const { jwks, jwks_uri: uri, token_endpoint_auth_method: method } = details;
  const [subject] = subjectMembersIn(details);
  const subjectId = idOfSubject(details);
  const keys = jwks?.keys.map((key) => renderKey(key, uses.get(nameOf(key)), now)) ?? [];
  return {
    ...(method === undefined ? {} : { tokenEndpointAuthMethod: method }),
    ...(uri === undefined ? {} : { jwksURI: uri }),
    keys: [
      ...keys,
      ...(subject === undefined || subjectId === undefined
        ? []
        : [
            {
              id: subjectId,
              kind: "subject",
              subject: `${subject}=${details[subject]}`,
              ...usedOn(uses.get(subjectId)),
            },
          ]),
      // Which ones it publishes is not fetched for this: those that it used are known.
      ...(uri === undefined ? [] : [...uses].map(([id, day]) => ({ id, kind: "published", lastUsedOn: day }))),
    ],
  };
}

function renderKey(key: Key, lastUsedOn: string | undefined, now: Date): JsonObject {
  const certificate = readCertificateIn(key);
  const { modulusLength: bits } = publicKeyIn(key)?.asymmetricKeyDetails ?? {};
  const words = Object.entries(key).filter(([name]) => SHOWN.includes(name));
  return {
    id: nameOf(key),
    kind: certificate === undefined ? "key" : "certificate",
    ...Object.fromEntries(words.map(([name, value]) => [name, String(value)])),
    ...(bits === undefined ? {} : { bits }),
    ...(certificate === undefined ? {} : renderCertificate(certificate, now)),
    ...usedOn(lastUsedOn),
  };
}

const SHOWN = ["kid", "kty", "crv", "alg", "use"];

function renderCertificate(
  { subject, validToDate }: { readonly subject: string; readonly validToDate: Date },
  now: Date,
): JsonObject {
  return {
    // Node leaves out the lines of a subject without any.
    subject: (subject ?? "").replaceAll("\n", ", "),
    expiresAt: validToDate.toISOString(),
    expired: validToDate <= now,
  };
}

const usedOn = (lastUsedOn: string | undefined) => (lastUsedOn === undefined ? {} : { lastUsedOn });

/** What was registered before anybody looked at it may be no key at all, and must be removable still. */
function nameOf(key: Key): string {
  return idOfKey(key) ?? sha256(JSON.stringify(key)).toString("base64url");
}

const ADMIN_REFUSED = refused("forbidden", "keys of an admin client can only be changed with dexctl on the database");
const FULL = refused("invalid_request", `${MOST_KEYS} keys are registered already: remove one first`);
const LAST = refused("last_key", "it is the last one that proves the client: add another first");

function refused(code: Refused["code"], reason: string): Refused {
  return { kind: "refused", code, reason };
}
