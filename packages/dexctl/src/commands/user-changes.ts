import type { JsonObject } from "@dex/runtime";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";

/** What the command line says is to be changed of a user. */
export interface ChangeFlags {
  readonly name?: string;
  readonly email?: string;
  readonly verified?: true;
  readonly set?: readonly string[];
  readonly phoneVerified?: true;
}

/** The changes as the management API takes them; that also checks the values. Throws a Failure when nothing is to be changed. */
export function parseChanges(flags: ChangeFlags): JsonObject {
  const profile = { ...parseProfile(flags.set ?? []), ...(flags.phoneVerified ? { phone_number_verified: true } : {}) };
  const changes = {
    ...(flags.name === undefined ? {} : { displayName: flags.name }),
    ...(flags.email === undefined ? {} : { email: flags.email }),
    ...(flags.verified ? { emailVerified: true } : {}),
    ...(Object.keys(profile).length === 0 ? {} : { profile }),
  };
  if (Object.keys(changes).length === 0) throw new Failure("usage", "nothing to change: give --set or another flag");
  return changes;
}

function parseProfile(settings: readonly string[]): JsonObject {
  const members = settings.map(parseSetting);
  const address = members.flatMap(([name, value]) => {
    const [of, part] = name.split(".", 2);
    return of === "address" && part !== undefined && value !== null ? [[part, value] as const] : [];
  });
  const plain = members.filter(([name]) => !name.startsWith("address."));
  return {
    ...Object.fromEntries(plain),
    // Without a part that has a value it is an address of nothing, and that is none.
    ...(members.length > plain.length ? { address: Object.fromEntries(address) } : {}),
  };
}

function parseSetting(setting: string): readonly [string, string | null] {
  const equals = setting.indexOf("=");
  if (equals < 1) throw new Failure("usage", `--set: expected claim=value, found ${toPrintable(setting)}`);
  const value = setting.slice(equals + 1);
  return [setting.slice(0, equals), value === "" ? null : value];
}
