// Secrets that we have at upstream providers are sealed at rest: whoever steals the database has none of them (P4).
import { type Json, type JsonObject, type KeySecrets, makeSealer, type Random, type Sealer } from "@dex/runtime";
import type { StoredConnector } from "./connector.ts";
import { secretAudienceOf, secretFieldsOf } from "./registry.ts";

/** Seals secrets of connectors. `salt` lives in the database, the key secrets do not: each alone opens nothing. */
export function makeConnectorSealer(parts: { secrets: KeySecrets; salt: Buffer; random: Random }): Sealer {
  return makeSealer({ ...parts, purpose: "connector-secret" });
}

export interface SealedConnector {
  /** The very object that was given when there is nothing to change. */
  readonly connector: StoredConnector;
  /** Secret fields that stood in plain text. */
  readonly sealed: readonly string[];
  /** Secret fields that an older key secret had sealed. */
  readonly resealed: readonly string[];
  /** Secret fields that no key secret opens. They stay as they are. */
  readonly unopenable: readonly string[];
}

/** Pure but for the nonces. Seals the secrets of a stored connector that are not under the first key secret yet. */
export function sealConnector(stored: StoredConnector, sealer: Sealer): SealedConnector {
  const changed: Record<string, Json> = {};
  const [sealed, resealed, unopenable]: [string[], string[], string[]] = [[], [], []];
  const sealField = (name: string, plaintext: Buffer) => {
    changed[name] = { sealed: sealer.seal(plaintext, contextOf(stored, name)).toString("base64url") };
  };
  for (const [name, value] of secretsOf(stored)) {
    if (typeof value === "string") {
      sealField(name, Buffer.from(value));
      sealed.push(name);
    } else if (isSeal(value)) {
      const opened = sealer.open(Buffer.from(value.sealed, "base64url"), contextOf(stored, name));
      if (opened === undefined) unopenable.push(name);
      else if (!opened.underFirstSecret) {
        sealField(name, opened.plaintext);
        resealed.push(name);
      }
    }
  }
  const connector =
    sealed.length + resealed.length > 0 ? { ...stored, config: { ...stored.config, ...changed } } : stored;
  return { connector, sealed, resealed, unopenable };
}

export type UnsealedConnector =
  | { readonly kind: "unsealed"; readonly connector: StoredConnector }
  | { readonly kind: "unopenable"; readonly fields: readonly string[] };

/** Pure. The connector with its secrets as text, whether they are sealed yet or not; or the fields no secret opens. */
export function openSealedConnector(stored: StoredConnector, sealer: Sealer): UnsealedConnector {
  const config: Record<string, Json> = { ...stored.config };
  const fields: string[] = [];
  for (const [name, value] of secretsOf(stored)) {
    if (!isSeal(value)) continue;
    const opened = sealer.open(Buffer.from(value.sealed, "base64url"), contextOf(stored, name));
    if (opened === undefined) fields.push(name);
    else config[name] = opened.plaintext.toString();
  }
  return fields.length > 0 ? { kind: "unopenable", fields } : { kind: "unsealed", connector: { ...stored, config } };
}

/** What to do about secrets that cannot be opened, for the log. */
export function describeUnopenable(fields: readonly string[]): string {
  const remedy = "add the one that sealed it to --key-secrets, or set it again with dexctl set-connector-configs";
  return `none of the configured key secrets opens ${fields.join(", ")}: ${remedy}`;
}

/** A seal belongs to one field of one connector of one type: moved anywhere else in the database it opens nothing. */
// With whom the secret is for: whoever can write to the database, but holds no key secret, could otherwise put another
// issuer beside a seal and have the worker send the secret there.
function contextOf(stored: StoredConnector, field: string): string {
  return `${stored.id}\0${stored.type}\0${field}\0${JSON.stringify(secretAudienceOf(stored))}`;
}

function secretsOf({ type, config }: StoredConnector): readonly (readonly [string, Json])[] {
  // A type this build does not know is left to the build that does.
  const names = secretFieldsOf(type) ?? [];
  return Object.entries(config).filter(([name]) => names.includes(name));
}

/** Only ever made here: `parseConnectorConfigs` takes secrets as text alone. */
function isSeal(value: Json): value is JsonObject & { readonly sealed: string } {
  return typeof value === "object" && value !== null && "sealed" in value && typeof value.sealed === "string";
}
