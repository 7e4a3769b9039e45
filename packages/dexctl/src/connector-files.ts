// Connectors as files describe them: one of ours, or a whole configuration of dex v2.
import type { Json, JsonObject } from "@dex/runtime";
import { parse } from "yaml";
import { z } from "zod";
import { Failure } from "./failure.ts";
import { toPrintable } from "./printable.ts";

/** A connector as `saveConnector` takes it: `id`, `type` and the members of its type. */
export type ConnectorFileEntry = JsonObject & { readonly id: string; readonly type: string };

const members = z.record(z.string(), z.json());
const entry = z.looseObject({
  id: z.string().min(1),
  type: z.string().min(1),
  config: members.nullish(),
});
const fileOfV2 = z.looseObject({
  connectors: z.array(z.unknown()).nullish(),
  enablePasswordDB: z.boolean().nullish(),
  staticPasswords: z.array(z.unknown()).nullish(),
});
const ALIASES: ReadonlyMap<string, string> = new Map([["samlExperimental", "saml"]]);

/** JSON or YAML. Throws a Failure that quotes nothing: a secret may stand beside any mistake. */
export function parseDataFile(text: string, name: string): Json {
  try {
    // Written out once: an alias may stand within what it names.
    return z.json().parse(JSON.parse(JSON.stringify(parse(text, { maxAliasCount: 100 }))));
  } catch {
    throw new Failure("refused", `${name} holds neither JSON nor YAML`);
  }
}

/** One connector: flat, as `get-connector-configs` shows it, or with its members in `config`, as dex v2 writes it. */
export function toConnector(given: unknown, position: string): ConnectorFileEntry {
  const parsed = entry.safeParse(given);
  if (!parsed.success) {
    const keys = [...new Set(parsed.error.issues.map(({ path }) => path.join(".")).filter((key) => key !== ""))];
    throw new Failure("refused", `${position}: ${keys.join(", ") || "an object"} is missing or not what it must be`);
  }
  const { config, id, type, ...flat } = members.parse(given);
  const ofType = ALIASES.get(String(type)) ?? String(type);
  return { ...flat, ...members.parse(config ?? {}), ...keepName(flat), id: String(id), type: ofType };
}

export interface DexV2File {
  /** In the order of the file, its password database included. */
  readonly connectors: readonly ConnectorFileEntry[];
  /** How many people stand in the file itself: users of ours are made by other commands. */
  readonly staticPasswords: number;
}

/** What a dex v2 configuration says of signing in. */
export function readDexV2File(given: unknown, name: string): DexV2File {
  const parsed = fileOfV2.safeParse(given);
  if (!parsed.success) throw new Failure("refused", `${name}: expected a configuration of dex v2, with "connectors"`);
  const { connectors, enablePasswordDB, staticPasswords } = parsed.data;
  const listed = (connectors ?? []).map((one, index) => {
    const connector = toConnector(one, `connectors[${index}]`);
    // dex v2 demands it, and without one the button has no text of its own.
    if (typeof connector.name !== "string" || connector.name === "") {
      throw new Failure("refused", `connectors[${index}] (${toPrintable(connector.id)}): name is missing`);
    }
    return connector;
  });
  const local = { id: "local", type: "local", name: "Email" };
  return { connectors: enablePasswordDB ? [...listed, local] : listed, staticPasswords: staticPasswords?.length ?? 0 };
}

export interface Expanded<T extends Json> {
  readonly value: T;
  /** Names that the environment does not know; they became empty text, as in dex v2. */
  readonly unknown: readonly string[];
}

/**
 * `$NAME` and `${NAME}` in every text of a configuration become what the environment says; `$$` is one dollar sign. As in
 * dex v2 nothing is replaced when DEX_EXPAND_ENV is false.
 */
export function expandEnvironment<T extends Json>(given: T, env: NodeJS.ProcessEnv): Expanded<T> {
  if (env.DEX_EXPAND_ENV === "false") return { value: given, unknown: [] };
  const unknown = new Set<string>();
  const expandText = (text: string) =>
    text.replace(/\$(?:\$|\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g, (_whole, braced?: string, plain?: string) => {
      const name = braced ?? plain;
      if (name === undefined) return "$";
      const value = env[name];
      if (value === undefined) unknown.add(name);
      return value ?? "";
    });
  const expand = (value: Json): Json => {
    if (typeof value === "string") return expandText(value);
    if (Array.isArray(value)) return value.map(expand);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, expand(member)]));
  };
  return { value: expand(given) as T, unknown: [...unknown] }; // expanding keeps the shape
}

/** A `config` may have a `name` of its own in no type; the connector's is what the button says. */
function keepName({ name }: JsonObject): JsonObject {
  return name === undefined ? {} : { name };
}
