import { join } from "node:path";
import type { Random } from "@dex/runtime";
import type { PortName } from "./config.ts";
import { readPrivateJson, writePrivateJson } from "./private-file.ts";

/** What the first start makes and every later one uses again. */
export interface MadeOnce {
  readonly databasePassword: string;
  readonly adminApiSecret: string;
  readonly keySecrets: string;
  readonly user: { readonly email: string; readonly password: string };
  /** The example app's client; undefined until the overlord made it, and again when its redirect_uri changes. */
  readonly client?: { readonly id: string; readonly secret: string; readonly redirectUris: readonly string[] };
  /** Where Postgres keeps its data; undefined until that was decided. */
  readonly postgresDirectory?: string;
  /** Ports that were chosen for a 0. */
  readonly chosenPorts: Readonly<Partial<Record<PortName, number>>>;
}

const FILE = "made-once.json";

/** Reads what earlier starts made, or makes it. */
export function readOrMake(dataDirectory: string, random: Random): MadeOnce {
  const known = readPrivateJson(join(dataDirectory, FILE));
  // Only this module writes the file, whole and at once.
  if (known !== undefined) return known as MadeOnce;
  const made: MadeOnce = {
    databasePassword: random(24).toString("base64url"),
    adminApiSecret: random(128).toString("base64"),
    keySecrets: random(32).toString("base64"),
    user: { email: "admin@example.com", password: random(15).toString("base64url") },
    chosenPorts: {},
  };
  writePrivateJson(join(dataDirectory, FILE), made);
  return made;
}

/** Keeps a decision for later starts. */
export function keep(dataDirectory: string, made: MadeOnce, changes: Partial<MadeOnce>): MadeOnce {
  const next = { ...made, ...changes };
  writePrivateJson(join(dataDirectory, FILE), next);
  return next;
}
