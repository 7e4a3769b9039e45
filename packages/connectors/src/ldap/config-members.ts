// Parts of both schemas of an LDAP configuration.
import { FilterParser } from "ldapts";
import * as z from "zod";
import { configText } from "../connector-kind.ts";

export const MAX_POOL_SIZE = 100;

/** RFC 4512 §2.5: an attribute, with options. */
export const attributeName = z.string().regex(/^[A-Za-z][A-Za-z0-9.;-]{0,127}$/, "expected the name of an attribute");

/** With a matching rule behind it, which dex v2 allows where it compares. */
export const matchedAttribute = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9.-]{0,127}(?::[A-Za-z0-9.-]{1,64}){0,2}:?$/, "expected the name of an attribute");

export const dn = configText(1024);

/** A filter as RFC 4515 writes it; with `%u` and `%b` in place of values it is one too. */
export const filter = configText(4096).refine(isFilter, "expected a filter in parentheses (RFC 4515)");

/** `host`, `host:port`, `[v6]:port`. */
export const hostAndPort = z
  .string()
  .max(300)
  .refine((text) => splitHost(text) !== undefined, "expected host or host:port");

export const poolSize = z.int().min(0).max(MAX_POOL_SIZE);

export function splitHost(text: string): { host: string; port: number | undefined } | undefined {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text);
  const host = found?.[1] ?? found?.[2];
  if (host === undefined) return undefined;
  const port = found?.[3] === undefined ? undefined : Number(found[3]);
  return port === 0 || (port ?? 1) > 65_535 ? undefined : { host, port };
}

function isFilter(text: string): boolean {
  if (!text.startsWith("(") || !text.endsWith(")")) return false;
  try {
    FilterParser.parseString(text);
    return true;
  } catch {
    return false;
  }
}
